"""Parses address lists of received mail, well-formed or not.

The standard library's parser takes quadratic time on long lists, and its results differ between Python
releases; this one reads each character once.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Final

from inbound.fields import text
from mailbus.events import Mailbox

if TYPE_CHECKING:
    from collections.abc import Iterable

ADDRESSES_CUT: Final = "addresses_cut"

# The addresses of one field; an event does not have room for that many.
ADDRESSES: Final = 5000

_ENDS: Final = frozenset(",;")
_PLAIN: Final = re.compile(r'[^"(<,;:]+')
_UP_TO_ANGLE_OR_QUOTE: Final = re.compile(r'[^">]*')


class _Item:
    """The pieces of one address that were read so far."""

    def __init__(self) -> None:
        self.name: list[str] = []
        self.bare: list[str] = []
        self.comment: list[str] = []
        self.angle: str | None = None
        self.has_at = False
        self.has_quotes = False

    def to_mailbox(self) -> Mailbox | None:
        comment = _single_spaced("".join(self.comment))
        if self.angle is not None:
            address = self.angle.strip() if '"' in self.angle else "".join(self.angle.split())
            if address.startswith("@") and ":" in address:
                address = address.partition(":")[2]  # a source route, obsolete since RFC 2822
            return _mailbox(_single_spaced("".join(self.name)) or comment, address)
        if self.has_at or (not self.has_quotes and len("".join(self.bare).split()) == 1):
            pieces = (piece if piece.startswith('"') else "".join(piece.split()) for piece in self.bare)
            return _mailbox(comment, "".join(pieces))
        return _mailbox(_single_spaced("".join(self.name)) or comment, "")


def _mailbox(name: str, address: str) -> Mailbox | None:
    return Mailbox(name=text(name), address=text(address)) if name or address else None


def _single_spaced(words: str) -> str:
    return " ".join(words.split())


def mailboxes(values: Iterable[str]) -> tuple[Mailbox, ...]:
    """Return the addresses of all values of a field, at most `ADDRESSES`. Never fails.

    A group is replaced by its members. A missing name or address is `""`.
    """
    found = (mailbox for value in values for item in _items(value) if (mailbox := item.to_mailbox()))
    return tuple(itertools.islice(found, ADDRESSES))


def _items(value: str) -> Iterable[_Item]:
    item = _Item()
    position = 0
    while position < len(value):
        character = value[position]
        position += 1
        if character == '"':
            start = position - 1
            quoted, position = _quoted(value, position)
            item.name.append(quoted)
            item.bare.append(value[start:position])
            item.has_quotes = True
        elif character == "(":
            comment, position = _comment(value, position)
            item.comment.append(comment)
            item.name.append(" ")
        elif character == "<":
            close = _angle_end(value, position)
            item.angle = value[position:close]
            position = close + 1
        elif character in _ENDS:
            yield item
            item = _Item()
        elif character == ":" and item.angle is None and not item.has_at:
            item = _Item()  # it was the name of a group
        else:
            plain = _PLAIN.match(value, position)
            run = character if plain is None else character + plain[0]
            position += len(run) - 1
            item.name.append(run)
            item.bare.append(run)
            item.has_at = item.has_at or "@" in run
    yield item


def _quoted(value: str, position: int) -> tuple[str, int]:
    """Return a quoted string's content and end; `position` is after its first quote."""
    content: list[str] = []
    while position < len(value) and value[position] != '"':
        if value[position] == "\\" and position + 1 < len(value):
            position += 1
        content.append(value[position])
        position += 1
    return "".join(content), position + 1


def _comment(value: str, position: int) -> tuple[str, int]:
    """Return a comment's content and end, nested ones included; `position` is after its first bracket."""
    content: list[str] = []
    depth = 1
    while position < len(value):
        character = value[position]
        position += 1
        if character == "\\" and position < len(value):
            character = value[position]
            position += 1
        elif character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
            if not depth:
                break
        content.append(character)
    return "".join(content), position


def _angle_end(value: str, position: int) -> int:
    """Return the end of an address in angle brackets; brackets in a quoted local part do not count."""
    while (match := _UP_TO_ANGLE_OR_QUOTE.match(value, position)) and match.end() < len(value):
        position = match.end()
        if value[position] == ">":
            return position
        position = _quoted(value, position + 1)[1]
    return len(value)
