"""Steps run side by side, at most as many as are allowed."""

from __future__ import annotations

import threading

import pytest

from mailbus.side_by_side import THREADS, in_threads

SECONDS = 10.0


def test_results_are_in_the_order_of_the_items() -> None:
    assert in_threads(lambda item: item * 2, range(100), 8) == [item * 2 for item in range(100)]
    assert in_threads(lambda item: item, [], 8) == []


@pytest.mark.parametrize("most", [1, 2, THREADS])
def test_as_many_steps_run_at_a_time_as_are_allowed(most: int) -> None:
    together = threading.Barrier(most)

    def step(item: int) -> int:
        # passes only when so many steps have come here
        together.wait(SECONDS)
        return item

    assert in_threads(step, range(2 * most), most) == list(range(2 * most))


def test_no_more_steps_run_at_a_time() -> None:
    lock, running, seen = threading.Lock(), 0, []

    def step(_: int) -> None:
        nonlocal running
        with lock:
            running += 1
            seen.append(running)
        with lock:
            running -= 1

    in_threads(step, range(200), 3)
    assert max(seen) <= 3


def test_an_error_is_raised_when_all_items_are_done() -> None:
    done = []

    def step(item: int) -> None:
        if item == 0:
            reason = "the first one"
            raise ValueError(reason)
        done.append(item)

    with pytest.raises(ValueError, match="the first one"):
        in_threads(step, range(20), 4)
    assert sorted(done) == list(range(1, 20))


def test_steps_may_run_steps_side_by_side() -> None:
    def outer(item: int) -> int:
        return sum(in_threads(lambda inner: item * inner, range(4), THREADS))

    assert in_threads(outer, range(2 * THREADS), THREADS) == [6 * item for item in range(2 * THREADS)]
