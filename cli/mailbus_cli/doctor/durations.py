"""Durations in words."""

from __future__ import annotations

from typing import Final

_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def words(seconds: float) -> str:
    """Return a duration by its two largest units: `2 h 45 min`."""
    left = int(seconds)
    found: list[str] = []
    for size, unit in _UNITS:
        if left >= size or (unit == "s" and not found):
            found.append(f"{left // size} {unit}")
            left %= size
    return " ".join(found[:2])
