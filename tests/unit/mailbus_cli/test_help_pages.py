from __future__ import annotations

from typing import TYPE_CHECKING

from typer.testing import CliRunner

from mailbus_cli import frame, help_pages

if TYPE_CHECKING:
    import pytest


def _help(monkeypatch: pytest.MonkeyPatch, *names: str) -> str:
    def command() -> None:
        """Send a mail.

        A paragraph that is longer than the terminal is wide, so that it has to be broken somewhere near here.

            mailbus send --to a@example.com --subject "Hi   there" --text "A line that is not broken"
            mailbus send job.json

        The end.
        """

    monkeypatch.setattr(frame, "found", lambda: dict.fromkeys(names, command))
    result = CliRunner().invoke(frame.application(), [names[0], "--help"] if len(names) == 1 else ["--help"])
    assert result.exit_code == 0, result.output
    return result.output


def test_examples_are_shown_as_they_are_written_and_paragraphs_are_filled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert _help(monkeypatch, "send").startswith(
        "Usage: mailbus send [OPTIONS]\n\n"
        "  Send a mail.\n\n"
        "  A paragraph that is longer than the terminal is wide, so that it has to be\n"
        "  broken somewhere near here.\n\n"
        '      mailbus send --to a@example.com --subject "Hi   there" --text "A line that is not broken"\n'
        "      mailbus send job.json\n\n"
        "  The end.\n\n"
        "Options:\n  --verbose"
    )


def test_commands_are_listed_by_what_they_are_for_and_new_ones_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    output = _help(monkeypatch, "send", "local", "frobnicate")
    lists = output[output.index("Begin:") :]
    assert lists == (
        "Begin:\n  local       Send a mail.\n\n"
        "Send:\n  send        Send a mail.\n\n"
        "Others:\n  frobnicate  Send a mail.\n"
    )


def test_paragraphs_and_examples_of_a_docstring() -> None:
    found = help_pages.paragraphs("One.\n\n    Two:\n\n        three\n        four\n")
    assert found == ["One.", "Two:", "    three\n    four"]
    assert [help_pages.is_example(paragraph) for paragraph in found] == [False, False, True]
