"""Measures two things in turn, so that a machine whose speed changes affects both equally."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS: Final = 9


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Medians in milliseconds, and the median of the ratios (baseline / measured) of all rounds.

    `notes` are lines to print below.
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
        measured_ms=1000 * statistics.median(measured_seconds for measured_seconds, _ in pairs),
        baseline_ms=1000 * statistics.median(baseline_seconds for _, baseline_seconds in pairs),
        ratio=statistics.median(theirs / own for own, theirs in pairs),
    )
