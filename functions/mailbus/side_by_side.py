"""Runs a step for several items side by side, such as calls that wait most of their time."""

from __future__ import annotations

import contextlib
import functools
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")
R = TypeVar("R")

#: The threads of a process beside those that call; no function makes more calls at a time.
THREADS: Final = 50


class SideBySide(Protocol):
    """Runs `step` for each item, at most `most` at a time; returns the results in the items' order.

    Items begin in their order. An exception is raised when all items are done.
    """

    def __call__(self, step: Callable[[T], R], items: Sequence[T], most: int, /) -> list[R]:
        """Run `step` for each item."""


def in_threads(step: Callable[[T], R], items: Sequence[T], most: int, /) -> list[R]:
    """Run `step` for each item in this thread and in others, which are kept: to begin one takes time.

    A step may do the same: its own thread goes on if no other is free.
    """
    outcomes: list[Future[R]] = [Future() for _ in items]
    pending = deque(zip(items, outcomes, strict=True))

    def work() -> None:
        with contextlib.suppress(IndexError):
            while True:
                _run(step, *pending.popleft())

    for _ in range(min(most, len(items)) - 1):
        _pool().submit(work)
    work()
    wait(outcomes)
    return [outcome.result() for outcome in outcomes]


def _run(step: Callable[[T], R], item: T, outcome: Future[R]) -> None:
    try:
        outcome.set_result(step(item))
    except BaseException as error:  # noqa: BLE001 - raised where the results are read
        outcome.set_exception(error)


@functools.cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=THREADS)
