from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from bench.world.clock import Clock
from bench.world.process import Died, ModelFailed, makespan
from tests.unit.bench_world.worlds import process, seconds, timed

if TYPE_CHECKING:
    from bench.world.process import Process


def test_threads_queue_for_one_processor() -> None:
    clock = Clock()
    worker = process(clock)
    left: list[float] = []

    def call(_: int) -> None:
        worker.call(0.002, 0.0, 0.060, lambda: left.append(seconds(clock)))

    _, took = timed(clock, lambda: worker.side_by_side(call, range(10), 24))
    assert left == pytest.approx([0.002 * (number + 1) for number in range(10)], abs=1e-5)
    assert took == pytest.approx(0.080, abs=1e-5)


def test_a_clock_may_be_wrong() -> None:
    clock = Clock()
    worker = process(clock, skew=0.5)
    moment = worker.time() + 2
    assert worker.date().timestamp() == clock.now + 0.5
    _, took = timed(clock, lambda: worker.wait_until(moment))
    assert took == 2


def test_waiting_is_counted_and_work_is_not() -> None:
    clock = Clock()
    worker = process(clock)

    def work() -> float:
        worker.wait_until(worker.time() + 3)
        worker.sleep(1)
        worker.pause(5)
        worker.call(0.5, 0.5, 0.5, lambda: None)
        return worker.take_waited()

    waited, took = timed(clock, work)
    assert (round(waited, 5), took) == (4, 10.5)
    assert worker.take_waited() == 0


def test_waiting_side_by_side_is_what_makes_all_of_it_take_longer() -> None:
    clock = Clock()
    worker = process(clock)

    def step(due: float) -> None:
        worker.wait_until(due)
        worker.call(0.0, 0.5, 0.5, lambda: None)

    def work() -> float:
        began = worker.time()
        worker.side_by_side(step, [began, began + 1, began + 2, began + 3], 24)
        return worker.take_waited()

    # without waiting all four would have taken one second
    waited, took = timed(clock, work)
    assert (round(waited, 5), took) == (3, 4)


@pytest.mark.parametrize(
    ("work", "most", "expected"), [([], 2, 0), ([3], 2, 3), ([1, 1, 1], 2, 2), ([3, 1, 1, 1], 2, 3)]
)
def test_the_time_of_steps_side_by_side(work: list[float], most: int, expected: float) -> None:
    assert makespan(work, most) == expected


def test_an_error_of_a_service_comes_back_to_the_caller() -> None:
    clock = Clock()
    worker = process(clock)

    def refuse() -> None:
        raise ClientError({"Error": {"Code": "TooManyRequestsException"}}, "SendEmail")

    def work() -> None:
        with pytest.raises(ClientError):
            worker.call(0.0, 1.0, 1.0, refuse)

    assert timed(clock, work)[1] == 2


def test_a_mistake_in_a_model_ends_the_simulation() -> None:
    clock = Clock()
    worker = process(clock)
    clock.spawn(lambda: worker.call(0.0, 0.0, 0.0, lambda: 1 // 0))
    with pytest.raises(ModelFailed):
        clock.run()


def outcome(worker: Process, clock: Clock) -> tuple[bool, bool]:
    """Return whether a call arrived, and whether its process has died."""
    arrived: list[float] = []

    def work() -> bool:
        try:
            worker.call(0.001, 0.1, 0.1, lambda: arrived.append(clock.now))
        except Died:
            return True
        return False

    died, _ = timed(clock, work)
    return bool(arrived), died


def test_a_process_dies_before_its_request_leaves_or_before_it_reads_the_answer() -> None:
    clock = Clock()
    chance = process(clock)._chance  # noqa: SLF001 - one source for all of them
    outcomes = set()
    for _ in range(50):
        worker = process(clock, death=lambda: 1.0)
        worker._chance = chance  # noqa: SLF001 - as above
        outcomes.add(outcome(worker, clock))
    assert outcomes == {(False, True), (True, True)}


def test_the_threads_of_a_dead_process_do_nothing_more() -> None:
    clock = Clock()
    worker = process(clock, death=lambda: 1.0)
    arrived: list[float] = []

    def work() -> None:
        with pytest.raises(Died):
            worker.side_by_side(
                lambda _: worker.call(0.001, 0.1, 0.1, lambda: arrived.append(clock.now)), range(200), 1
            )

    timed(clock, work)
    assert len(arrived) <= 1


def test_a_part_of_a_processor_takes_longer_for_the_same_work() -> None:
    clock = Clock()
    worker = process(clock, speed=0.25)
    _, took = timed(clock, lambda: worker.compute(0.01))
    assert took == pytest.approx(0.04)
