"""Finds the name that was meant by a similar one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def nearest(text: str, candidates: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """Return the most similar candidate; None if none is at least as similar as `cutoff`, of 0 to 1."""
    import difflib  # noqa: PLC0415 - only an invalid value needs it, and cold starts wait for imports

    return next(iter(difflib.get_close_matches(text, [*candidates], n=1, cutoff=cutoff)), None)
