"""Reads quoted strings and comments (RFC 5322, 3.2), which may not be closed."""

from __future__ import annotations

from typing import Final


def quoted(value: str, mask: str, position: int) -> tuple[str, int]:
    """Return a quoted string's content and end; `position` is after its first quote.

    The end is after that of the value if it has no last quote.
    """
    content: list[str] = []
    while position < len(value) and mask[position] != '"':
        if mask[position] == "\\" and position + 1 < len(value):
            position += 1
        content.append(value[position])
        position += 1
    return "".join(content), position + 1


def comment(value: str, mask: str, position: int) -> tuple[str, int]:
    """Return a comment's content and end, nested ones included; `position` is after its first bracket.

    The end is after that of the value if it has no last bracket.
    """
    content: list[str] = []
    depth = 1
    while position < len(value):
        character = mask[position]
        position += 1
        if character == "\\" and position < len(value):
            position += 1
        elif character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
            if not depth:
                return "".join(content), position
        content.append(value[position - 1])
    return "".join(content), len(value) + 1


READERS: Final = {'"': quoted, "(": comment}
