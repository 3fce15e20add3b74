"""docs/command-line.md has every command with its options, as the command line has them."""

from __future__ import annotations

import re

import pytest
import typer.main

from mailbus_cli.frame import application, found
from tests.unit.docs.pages import ROOT

PAGE = (ROOT / "docs" / "command-line.md").read_text()
SECTIONS = dict(re.findall(r"^## mailbus ([a-z-]+)\n((?:(?!## ).*\n)*)", PAGE, re.MULTILINE))
OPTION = re.compile(r"^\| `(--[a-z-]+)` \|[^|]*\| (.*) \|$", re.MULTILINE)


def test_every_command_has_a_section_and_every_section_a_command() -> None:
    assert set(SECTIONS) == set(found())


@pytest.mark.parametrize("name", found())
def test_every_option_of_a_command_is_there_with_its_help(name: str) -> None:
    [command] = [
        command
        for command in typer.main.get_command(application()).commands.values()  # type: ignore[attr-defined]
        if command.name == name
    ]
    helps = {
        max(parameter.opts, key=len): re.sub(r" +\[default: .*\]", "", parameter.help)
        for parameter in command.params
    }
    written = dict(OPTION.findall(SECTIONS[name]))
    assert set(written) == set(helps)
    assert {option: text for option, text in written.items() if not text.startswith(helps[option])} == {}
