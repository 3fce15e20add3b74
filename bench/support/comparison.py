"""Measures two things in turn, so that a machine whose speed changes affects both equally."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bench.results import paired

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bench.results import Goal, Result

ROUNDS: Final = 9
UNITS: Final = {"ms": 1e3, "µs": 1e6}


def compare(  # noqa: PLR0913 - keyword-only options
    title: str,
    measured: tuple[str, Callable[[], float]],
    baseline: tuple[str, Callable[[], float]],
    *,
    rounds: int = ROUNDS,
    unit: str = "ms",
    goal: Goal | None = None,
    notes: Sequence[str] = (),
) -> Result:
    """Run both in turn after a warm-up; each callable returns the seconds that count."""
    for _, run in (measured, baseline):
        run()
    scale = UNITS[unit]
    pairs = [(scale * measured[1](), scale * baseline[1]()) for _ in range(rounds)]
    own, other = zip(*pairs, strict=True)
    return paired(title, (measured[0], own), (baseline[0], other), unit=unit, goal=goal, notes=notes)
