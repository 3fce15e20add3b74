from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import pytest
import typer

from mailbus_cli import frame, options, reference
from mailbus_cli.discovery import Group

if TYPE_CHECKING:
    from pathlib import Path


def _show(
    letters: Annotated[list[str], typer.Argument(metavar="ID", help="Which ones.")],
    *,
    queue: Annotated[str, typer.Option(metavar="NAME", help="One of <send|bulk>.")] = "send",
    since: Annotated[str | None, typer.Option(help="A time.  [default: yesterday]")] = None,
    stage: options.Stage = None,
) -> None:
    """Show letters.

    With a <tag> in it:

        mailbus letters show --stage prod a b
    """


@pytest.fixture(autouse=True)
def _commands(monkeypatch: pytest.MonkeyPatch) -> None:
    group = Group(help="Jobs that failed.", commands={"show": _show})
    monkeypatch.setattr(frame, "found", lambda: {"letters": group, "send": _show})


def test_the_page_of_a_group_has_a_section_for_each_command() -> None:
    assert reference.pages()["letters"] == (
        "# mailbus letters\n\n"
        "<!-- Written by `make schemas` from the command's help. -->\n\n"
        "Jobs that failed.\n\n"
        "## mailbus letters show\n\n"
        "Show letters.\n\n"
        "With a \\<tag> in it:\n\n"
        "```sh\nmailbus letters show --stage prod a b\n```\n\n"
        "| option | default | |\n"
        "| --- | --- | --- |\n"
        "| `ID` |  | Which ones. |\n"
        "| `--queue NAME` | `send` | One of \\<send\\|bulk>. |\n"
        "| `--since STR` | `yesterday` | A time. |\n"
        "| `--stage NAME` |  | A stage in the account of the credentials."
        " Default: `MAILBUS_STAGE` of the environment. |\n\n"
        "All commands have [`--verbose` and `--help`](../command-line.md#options-that-commands-share).\n"
    )


def test_what_is_written_has_all_commands_and_no_others(tmp_path: Path) -> None:
    (tmp_path / "commands").mkdir()
    (tmp_path / "commands" / "gone.md").write_text("x")
    overview = tmp_path / "command-line.md"
    overview.write_text("# The command line\n\n## Commands\n\nold\n\n## Output\n\nPlain.\n")
    reference.write(tmp_path)
    assert {path.name for path in (tmp_path / "commands").iterdir()} == {"letters.md", "send.md"}
    assert overview.read_text() == (
        "# The command line\n\n## Commands\n\n"
        "| | | |\n| --- | --- | --- |\n"
        "| Send | [`send`](commands/send.md) | Show letters. |\n"
        "| Others | [`letters`](commands/letters.md) | Jobs that failed. |\n"
        "\n## Output\n\nPlain.\n"
    )
