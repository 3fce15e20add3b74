"""Colours JSON for a page: names and strings in spans, everything escaped."""

from __future__ import annotations

import re
from typing import Final

from markupsafe import Markup, escape

_TOKEN: Final = re.compile(
    r'("(?:[^"\\]|\\.)*")(\s*:)?|\b(true|false|null)\b|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)'
)


def json_markup(text: str) -> Markup:
    """Return JSON with a span around each name (`n`), string (`s`) and other value (`v`)."""
    pieces: list[str] = []
    done = 0
    for token in _TOKEN.finditer(text):
        pieces.append(str(escape(text[done : token.start()])))
        name = "v" if token[1] is None else "n" if token[2] else "s"
        value = token[1] or token[0]
        pieces.append(f'<span class="j{name}">{escape(value)}</span>{escape(token[2] or "")}')
        done = token.end()
    pieces.append(str(escape(text[done:])))
    return Markup("".join(pieces))  # noqa: S704 - everything in it is escaped
