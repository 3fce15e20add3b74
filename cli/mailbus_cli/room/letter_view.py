"""What the page of dead letters shows: the list in groups, one letter, and what was changed in it."""

from __future__ import annotations

import difflib
from typing import Final, Literal

import msgspec

from mailbus_cli.dead_letters.checking import Problem
from mailbus_cli.dead_letters.consequences import Consequences
from mailbus_cli.dead_letters.documents import Document
from mailbus_cli.dead_letters.folding import Folded
from mailbus_cli.dead_letters.letters import Letter, group
from mailbus_cli.error_words import ErrorWords

#: How many letters of a group are listed; a group is chosen whole nevertheless.
LISTED: Final = 100
_CONTEXT: Final = 2
Sign = Literal["+", "-", " ", "@"]


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """A letter with its text, and what is known of it."""

    letter: Letter
    document: Document
    folded: Folded
    problems: tuple[Problem, ...]
    words: ErrorWords
    done: Consequences


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the changes: its sign, and its text."""

    sign: Sign
    text: str


class ListedGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A group as it is listed: its error, how many letters it has, and the first of them."""

    title: str
    count: int
    letters: tuple[Letter, ...]

    @property
    def more(self) -> int:
        """How many are not listed."""
        return self.count - len(self.letters)


def groups(letters: tuple[Letter, ...]) -> tuple[ListedGroup, ...]:
    """Return the groups of letters, each with as many of its letters as are listed."""
    return tuple(
        ListedGroup(title=one.title, count=len(one.letters), letters=one.letters[:LISTED])
        for one in group(letters)
    )


def in_order(listed: tuple[ListedGroup, ...]) -> tuple[Letter, ...]:
    """Return the letters as they are listed."""
    return tuple(letter for one in listed for letter in one.letters)


def changes(before: str, after: str) -> tuple[Row, ...]:
    """Return what was changed in a text, line by line, with the lines around it."""
    lines = [*difflib.unified_diff(before.split("\n"), after.split("\n"), lineterm="", n=_CONTEXT)][2:]
    return tuple(Row(sign=_sign(line), text="" if line[0] == "@" else line[1:]) for line in lines)


def changed_lines(rows: tuple[Row, ...]) -> int:
    """Return how many lines are new or gone."""
    return sum(row.sign in {"+", "-"} for row in rows)


def _sign(line: str) -> Sign:
    return line[0] if line[0] in {"+", "-", "@"} else " "  # type: ignore[return-value]  # one of them
