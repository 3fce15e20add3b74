"""docs/threats.md: each threat has what holds it, and tests that are there; each public face is named."""

from __future__ import annotations

import ast
from functools import cache
from typing import TYPE_CHECKING, Final

import pytest

from tests.unit.docs.pages import ROOT, cells_of, named, page
from webhook.routes import INBOUND, TRACKING

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME: Final = "threats.md"
HEADING: Final = "| threat | what holds it | shown by |"
TOPICS: Final = (
    "Public faces",
    "Confused deputies",
    "Hostile mail and jobs",
    "A compromised application or function",
    "Secrets and logs",
    "Supply chain",
    "Erasure",
)


def _rows() -> Iterator[list[str]]:
    """Yield the rows of all tables of threats."""
    for part in page(NAME).split(HEADING)[1:]:
        yield from cells_of(part.partition("\n\n")[0].splitlines()[2:])


@cache
def _functions(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text())
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


THREATS: Final = list(_rows())


def test_each_topic_has_a_table() -> None:
    sections = page(NAME).split("\n## ")[1:]
    assert tuple(section.partition("\n")[0] for section in sections) == TOPICS
    assert all(HEADING in section for section in sections)


@pytest.mark.parametrize("row", THREATS, ids=lambda row: row[0][:60])
def test_a_threat_has_what_holds_it_and_tests_that_exist(row: list[str]) -> None:
    threat, held_by, shown_by = row
    assert threat
    assert held_by
    tests = named(shown_by)
    assert tests
    for test in tests:
        file, _, function = test.partition("::")
        assert function in _functions(file), test


def test_each_public_face_is_named() -> None:
    faces = page(NAME).partition("| face | who reaches it |")[2].partition("\n\n")[0]
    for route in (TRACKING, INBOUND):
        assert f"`POST {route}`" in faces
    for setting in ("inbound.domains", "webhook.topic_arns", "events.accounts", "events.organization"):
        assert f"`{setting}`" in faces
    assert "mail room" in faces
