"""Measure two things in turn, so that a machine whose speed drifts slows both alike."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS: Final = 9


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Medians in milliseconds, and the median of the rounds' own ratios (baseline / measured).

    `notes` say more, a line each.
    """

    title: str
    measured: str
    baseline: str
    measured_ms: float
    baseline_ms: float
    ratio: float
    notes: tuple[str, ...] = ()


def compare(
    title: str,
    measured: tuple[str, Callable[[], float]],
    baseline: tuple[str, Callable[[], float]],
    *,
    rounds: int = ROUNDS,
) -> Comparison:
    """Run both in turn after a warm-up; each callable returns the seconds that count."""
    for _, run in (measured, baseline):
        run()
    pairs = [(measured[1](), baseline[1]()) for _ in range(rounds)]
    return Comparison(
        title=title,
        measured=measured[0],
        baseline=baseline[0],
        measured_ms=1000 * statistics.median(ours for ours, _ in pairs),
        baseline_ms=1000 * statistics.median(theirs for _, theirs in pairs),
        ratio=statistics.median(theirs / ours for ours, theirs in pairs),
    )
