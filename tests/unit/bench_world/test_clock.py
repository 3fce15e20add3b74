from __future__ import annotations

import pytest

from bench.world.clock import Clock
from tests.unit.bench_world.worlds import seconds, timed


def test_time_passes_only_while_all_sleep() -> None:
    clock = Clock()
    log: list[tuple[str, float]] = []

    def work(name: str, pause: float) -> None:
        for _ in range(2):
            clock.sleep(pause)
            log.append((name, seconds(clock)))

    clock.spawn(lambda: work("slow", 3))
    clock.spawn(lambda: work("quick", 1), after=1)
    clock.run()
    assert log == [("quick", 2), ("slow", 3), ("quick", 3), ("slow", 6)]


def test_time_stops_at_a_moment_and_goes_on_from_there() -> None:
    clock = Clock()
    woken: list[float] = []

    def work() -> None:
        clock.sleep(5)
        woken.append(seconds(clock))

    clock.spawn(work)
    clock.run(clock.now + 4)
    assert (woken, seconds(clock)) == ([], 4)
    clock.run(clock.now + 4)
    assert (woken, seconds(clock)) == ([5], 8)


def test_what_has_passed_is_not_waited_for() -> None:
    clock = Clock()
    _, took = timed(clock, lambda: clock.sleep_until(clock.now - 1))
    assert took == 0


def test_steps_run_side_by_side_as_in_a_pool_of_threads() -> None:
    clock = Clock()
    ends: list[tuple[float, float]] = []

    def step(pause: float) -> float:
        clock.sleep(pause)
        ends.append((pause, seconds(clock)))
        return pause * 10

    results, took = timed(clock, lambda: clock.side_by_side(step, [3, 1, 2, 1], 2))
    assert results == [30, 10, 20, 10]
    assert ends == [(1, 1), (3, 3), (2, 3), (1, 4)]
    assert took == 4


@pytest.mark.parametrize("count", [0, 1])
def test_few_steps_need_no_threads(count: int) -> None:
    clock = Clock()
    assert timed(clock, lambda: clock.side_by_side(str, range(count), 24)) == (["0"][:count], 0)


def test_an_error_of_a_step_is_raised_when_all_are_done() -> None:
    clock = Clock()

    def step(pause: float) -> None:
        clock.sleep(pause)
        if pause != 2:
            raise ValueError(pause)

    def work() -> float:
        with pytest.raises(ValueError, match="3"):
            clock.side_by_side(step, [3, 1, 2], 3)
        return seconds(clock)

    assert timed(clock, work) == (3, 3)


def test_an_error_ends_the_simulation() -> None:
    clock = Clock()
    clock.spawn(lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        clock.run()
