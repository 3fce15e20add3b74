"""Runs a step for several items side by side, such as calls that wait most of their time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")
R = TypeVar("R")


class SideBySide(Protocol):
    """Runs `step` for each item, at most `most` at a time; returns the results in the items' order.

    Items begin in their order. An exception is raised when all items are done.
    """

    def __call__(self, step: Callable[[T], R], items: Sequence[T], most: int, /) -> list[R]:
        """Run `step` for each item."""


def in_threads(step: Callable[[T], R], items: Sequence[T], most: int, /) -> list[R]:
    """Run `step` for each item in a thread of a pool."""
    if not items:
        return []
    with ThreadPoolExecutor(max_workers=min(most, len(items))) as pool:
        return list(pool.map(step, items))
