"""The page on contributing names files and commands that exist."""

from __future__ import annotations

import re

import pytest

from tests.architecture.source_tree import ROOT

PAGE = (ROOT / "docs/contributing.md").read_text(encoding="utf-8")
# what commands write is in build/
NAMED = [name for name in re.findall(r"`([\w./]+/[\w./]*)`", PAGE) if not name.startswith("build/")]
PATHS = sorted({name for name in NAMED if (ROOT / name.partition("/")[0]).is_dir()})
COMMANDS = sorted(set(re.findall(r"`make (\w+)`", PAGE)))


def test_the_page_names_files_of_every_part() -> None:
    parts = {name.split("/")[0] for name in PATHS}
    assert parts >= {"bench", "docs", "functions", "infra", "tests"}


@pytest.mark.parametrize("name", PATHS)
def test_every_path_on_the_page_exists(name: str) -> None:
    assert (ROOT / name).exists()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_on_the_page_is_a_target(name: str) -> None:
    assert re.search(rf"^{name}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
