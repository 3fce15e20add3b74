from __future__ import annotations

import threading

from mailbus.errors import SendError
from mailbus_cli.room.kept import Kept


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_value_is_read_again_when_reading_takes_a_small_share_of_the_time() -> None:
    clock, readings = Clock(), iter(range(10))

    def read() -> int:
        clock.now += 1
        return next(readings)

    kept: Kept[int] = Kept(read, wait_seconds=60, clock=clock)
    assert kept.value is None
    assert kept.get() == 0
    clock.now += 19
    assert kept.get() == 0
    clock.now += 1
    assert kept.get() == 1


def test_a_page_does_not_wait_for_a_reading_that_takes_long() -> None:
    begun, may_end = threading.Event(), threading.Event()

    def read() -> int:
        begun.set()
        assert may_end.wait(60)
        return 7

    kept: Kept[int] = Kept(read, wait_seconds=0)
    assert kept.get() is None
    assert begun.wait(60)
    may_end.set()
    slow: Kept[int] = Kept(lambda: 7, wait_seconds=60)
    assert slow.get() == 7


def test_a_reading_that_fails_leaves_the_value_and_is_tried_again() -> None:
    clock = Clock()
    answers: list[int | Exception] = [1, SendError("Busy", "the table is busy", retryable=True), 3]

    def read() -> int:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    kept: Kept[int] = Kept(read, wait_seconds=60, clock=clock)
    assert [kept.get(), kept.get(), kept.get()] == [1, 1, 3]
