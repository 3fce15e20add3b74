"""The examples on the pages of the commands run as they stand, here and with this system for an account."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from mailbus_cli.discovery import NEEDS
from tests.architecture.source_tree import ROOT

if TYPE_CHECKING:
    from tests.e2e.commands import Commands

BLOCK = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)
# what no test can wait for, or what depends on the day
NOT_RUN = {
    "dead-letters": "its letters have to be there: tests/e2e/test_dead_letters_command.py",
    "init": "it asks, and waits for DNS: tests/e2e/test_commands.py",
    "local": "it runs until Ctrl-C: tests/installed/test_local.py",
    "room": "it runs until Ctrl-C: tests/installed/account_room.py",
    "status": "its mails have to be there: tests/e2e/test_status_and_tail.py",
    "tail": "it runs until Ctrl-C: tests/e2e/test_status_and_tail.py",
    "replay": "its times are those of the day of writing: tests/e2e/test_replay.py",
}
PAGES = {
    page.stem: BLOCK.findall(page.read_text())
    for page in sorted((ROOT / "docs" / "commands").glob("*.md"))
    if page.stem not in NOT_RUN
}
TEMPLATE = {
    "from_email": "News <news@example.com>",
    "subject": "{{name}}, here is November",
    "text": "Dear {{name}}",
}


@pytest.mark.parametrize("name", [name for name, blocks in PAGES.items() if blocks])
def test_the_examples_of_a_command_run(commands: Commands, name: str) -> None:
    folder = commands.folder / name
    folder.mkdir()
    (folder / "readers.csv").write_text("to,name\nsuccess@simulator.amazonses.com,Ann\n")
    (folder / "mailbus.toml").write_text((ROOT / "mailbus.toml").read_text())
    (folder / "november.json").write_text(json.dumps(TEMPLATE))
    environment = commands.account()
    for block in PAGES[name]:
        done = subprocess.run(
            ["/bin/sh", "-e", "-c", block],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        # some end with 1 for what they found, which is no error
        assert done.returncode in {0, 1}, done.stderr
        assert "mailbus: " not in done.stderr
        assert "Traceback" not in done.stderr


def test_only_commands_are_left_out() -> None:
    assert set(NOT_RUN) <= {name for names in NEEDS.values() for name in names}
