from __future__ import annotations

import threading

import pytest

from mailbus_cli import side_by_side


def test_calls_are_made_at_the_same_time_and_their_results_are_in_order() -> None:
    together = threading.Barrier(3)

    def call(number: int) -> int:
        together.wait(10)
        return number * 2

    assert side_by_side.each(call, [3, 1, 2]) == [6, 2, 4]
    assert side_by_side.each(call, []) == []


def test_an_error_is_raised_where_the_result_is_wanted() -> None:
    future = side_by_side.started(lambda: int("x"))
    with pytest.raises(ValueError, match="invalid literal"):
        future.result(10)


def test_the_process_does_not_wait_for_a_call_that_hangs() -> None:
    release = threading.Event()
    side_by_side.started(release.wait, name="hangs")
    [thread] = [thread for thread in threading.enumerate() if thread.name == "hangs"]
    assert thread.daemon
    release.set()
    thread.join(10)
