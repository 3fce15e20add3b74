from __future__ import annotations

import pytest
import typer
from typer.testing import CliRunner

from mailbus_cli import discovery, frame
from mailbus_cli.discovery import Group


def test_every_command_and_group_is_listed_by_what_it_is_for() -> None:
    listed = [name for names in discovery.NEEDS.values() for name in names]
    assert len(listed) == len(set(listed))
    assert set(discovery.found()) <= set(listed)


@pytest.mark.parametrize("name", discovery.names())
def test_every_command_has_a_first_sentence_that_fits_in_the_list(name: str) -> None:
    first = (discovery.names()[name].__doc__ or "").split("\n\n")[0]
    assert first.endswith(".")
    assert len(first) < 64


def test_a_group_has_its_commands_and_shows_them_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def show() -> None:
        """Show one."""
        typer.echo("shown")

    group = Group(help="Jobs that failed.\n\nOf each queue.", commands={"show": show})
    monkeypatch.setattr(frame, "found", lambda: {"letters": group})

    def output(*arguments: str) -> str:
        result = CliRunner().invoke(frame.application(), ["letters", *arguments])
        assert result.exit_code == 0, result.output
        return result.output

    assert output("show") == "shown\n"
    assert "Usage: mailbus letters [OPTIONS] COMMAND [ARGS]...\n\n  Jobs that failed.\n" in output()
    assert "Commands:\n  show  Show one.\n" in output()
    assert "  --verbose" in output("show", "--help")


def test_a_wrong_command_of_a_group_has_the_groups_help_for_a_hint(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    group = Group(help="Jobs that failed.", commands={"show": lambda: None, "list": lambda: None})
    monkeypatch.setattr(frame, "found", lambda: {"letters": group})
    assert frame.run(["letters", "shw"]) == 2
    assert capsys.readouterr().err == (
        "mailbus: No such command 'shw'\nhint: did you mean show? `mailbus letters --help` lists all\n"
    )
