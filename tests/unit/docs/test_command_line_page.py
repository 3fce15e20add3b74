"""docs/commands/ and the list of docs/command-line.md are made of the commands' help."""

from __future__ import annotations

from typing import Any

import pytest

from mailbus_cli import options
from mailbus_cli.reference import pages, with_list
from tests.unit.docs.pages import ROOT, named, page, rows

COMMANDS = ROOT / "docs" / "commands"


def test_every_command_has_a_page_and_every_page_a_command() -> None:
    assert {path.stem for path in COMMANDS.glob("*.md")} == set(pages()), "make schemas"


@pytest.mark.parametrize("name", pages())
def test_a_page_says_what_the_help_says(name: str) -> None:
    assert (COMMANDS / f"{name}.md").read_text() == pages()[name], "make schemas"


def test_the_overview_lists_every_command() -> None:
    overview = page("command-line.md")
    assert with_list(overview) == overview, "make schemas"


def test_the_overview_has_the_options_that_commands_share() -> None:
    shared = {named(row[0])[0]: row[2] for row in rows("command-line.md", "| option | default | |")}
    declared: dict[str, Any] = {
        "--local": options.Local,
        "--stage NAME": options.Stage,
        "--profile NAME": options.Profile,
        "--region NAME": options.Region,
        "--directory PATH": options.Directory,
        "--json": options.Json,
    }
    assert set(shared) == {*declared, "--verbose", "--help"}
    for option, declaration in declared.items():
        assert shared[option].replace("`", "") == declaration.__metadata__[0].help
