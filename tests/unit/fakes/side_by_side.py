"""Steps that need no threads."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")
R = TypeVar("R")


def in_turn(step: Callable[[T], R], items: Sequence[T], _most: int, /) -> list[R]:
    """Run `step` for one item after the other, as `mailbus.side_by_side.SideBySide`."""
    return [step(item) for item in items]
