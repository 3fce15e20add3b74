"""Folds the long strings of a job, such as files in base64, so that the rest of it can be read and edited.

The beginning of a string stays, with a mark for the rest. The mark may be removed with the string, and what
is before it may be changed; unfolding puts the rest back in its place.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

LONGEST: Final = 2000
SHOWN: Final = 60
_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
# the beginning of a string, which ends within no escape and no pair of surrogates
_BEGINNING: Final = re.compile(
    rf'"(?:\\u[dD][89abAB][0-9a-fA-F]{{2}}\\u[0-9a-fA-F]{{4}}|\\u[0-9a-fA-F]{{4}}|\\.|[^"\\]){{0,{SHOWN}}}'
)


class Folded(msgspec.Struct, frozen=True, kw_only=True):
    """A text with marks, and what each stands for."""

    text: str
    rests: dict[str, str] = msgspec.field(default_factory=dict)

    def unfold(self, edited: str) -> str:
        """Return an edited text with the rests in place of their marks."""
        for mark, rest in self.rests.items():
            edited = edited.replace(mark, rest)
        return edited


def fold(text: str) -> Folded:
    """Fold the strings of a JSON text that have over `LONGEST` characters."""
    rests: dict[str, str] = {}

    def shorten(match: re.Match[str]) -> str:
        string = match[0]
        if len(string) <= LONGEST:
            return string
        beginning = _BEGINNING.match(string)
        shown = beginning[0] if beginning else '"'
        rest = string[len(shown) : -1]
        mark = f"…⟦{len(rest):,} more characters, {len(rests) + 1}⟧"
        if mark in text:
            return string
        rests[mark] = rest
        return f'{shown}{mark}"'

    return Folded(text=_STRING.sub(shorten, text), rests=rests)
