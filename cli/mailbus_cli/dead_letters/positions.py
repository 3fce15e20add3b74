"""Finds the line of a JSON text that a path such as `$.attachments[0].content` leads to."""

from __future__ import annotations

import json
import re
from json.decoder import scanstring  # type: ignore[attr-defined]  # not in the stubs
from typing import TYPE_CHECKING, Final

from mailbus.jobs.json_paths import entry_path

if TYPE_CHECKING:
    from collections.abc import Iterator

_SPACE: Final = re.compile(r"[ \t\n\r]*")
_DECODER: Final = json.JSONDecoder()


def line_of(text: str, path: str) -> int:
    """Return the number of the line, from 1, on which the part of a JSON text at `path` begins.

    An entry of an object begins with its name; of a name that is there twice the last counts, as for the
    reader. Of a part that is not there, such as a field that is missing, it is the line of what should have
    it; in a text that is no JSON, as far as it can be read.
    """
    at, begins, value = "$", 0, _skip(text, 0)
    while at != path:
        inner = None
        try:
            for entry in _entries(text, value, at):
                if entry[0] == path or path.startswith((f"{entry[0]}.", f"{entry[0]}[")):
                    inner = entry
        except (ValueError, IndexError, RecursionError):
            pass
        if inner is None:
            break
        at, begins, value = inner
    return text.count("\n", 0, begins or _skip(text, 0)) + 1


def _entries(text: str, position: int, at: str) -> Iterator[tuple[str, int, int]]:
    """Yield the entries of an object or array: their paths, and where each and its value begin."""
    opening = text[position]
    if opening not in "{[":
        return
    count, position = 0, _skip(text, position + 1)
    while text[position] not in "}]":
        begins = value = position
        if opening == "{":
            name, end = scanstring(text, position + 1, True)  # noqa: FBT003 - by position, as it is in C
            value = _skip(text, _skip(text, end) + 1)
        count += 1
        yield entry_path(at, name, count) if opening == "{" else f"{at}[{count - 1}]", begins, value
        _, end = _DECODER.raw_decode(text, value)
        position = _skip(text, end)
        if text[position] == ",":
            position = _skip(text, position + 1)


def _skip(text: str, position: int) -> int:
    """Return where the white space from a position on ends."""
    match = _SPACE.match(text, position)
    return match.end() if match else position
