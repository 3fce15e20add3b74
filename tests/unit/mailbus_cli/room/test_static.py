"""The files of the pages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from mailbus_cli.room.app import HERE

if TYPE_CHECKING:
    from pathlib import Path

STYLES = sorted((HERE / "static").glob("*.css"))
CALM = re.compile(
    r"@media \(prefers-reduced-motion: no-preference\) \{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}"
)
MOVES = re.compile(r"\b(?:animation|transition|scroll-behavior)(?:-[a-z]+)*\s*:")


@pytest.mark.parametrize("path", STYLES, ids=lambda path: path.name)
def test_nothing_moves_for_who_asked_for_that(path: Path) -> None:
    text = path.read_text()
    assert MOVES.findall(CALM.sub("", text)) == []


def test_the_pages_move_something_for_the_others() -> None:
    assert any(MOVES.search(path.read_text()) for path in STYLES)


@pytest.mark.parametrize("path", sorted((HERE / "static").iterdir()), ids=lambda path: path.name)
def test_no_file_leads_to_another_host(path: Path) -> None:
    text = path.read_text().replace("http://www.w3.org/2000/svg", "")
    assert re.findall(r"https?://[^\s\"')]+", text) == []
