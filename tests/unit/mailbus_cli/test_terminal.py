from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from mailbus_cli.terminal import ENV_COMMAND, Steps
from tests.architecture.source_tree import ROOT

if TYPE_CHECKING:
    import pytest

OUTPUTS = {
    "endpoint_url": "http://127.0.0.1:4566",
    "ses_endpoint_url": "http://127.0.0.1:4579",
    "smtp_host": "127.0.0.1",
    "smtp_port": 2525,
}


def _ready(capsys: pytest.CaptureFixture[str]) -> str:
    with Steps() as steps:
        steps.ready(OUTPUTS, Path("/app/.mailbus"), "http://127.0.0.1:8025/?token=abc")
    return capsys.readouterr().out


def test_a_terminal_shows_the_rooms_address_whole_and_how_to_use_the_system(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.delenv(ENV_COMMAND, raising=False)
    shown = _ready(capsys)
    assert "  room  http://127.0.0.1:8025/?token=abc\n" in shown
    assert '  eval "$(mailbus env --local)"\n' in shown


def test_a_checkout_has_a_command_of_its_own_for_that(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    makefile = (ROOT / "Makefile").read_text()
    [command] = re.findall(rf"^\t@{ENV_COMMAND}='([^']+)' exec .* local ", makefile, re.MULTILINE)
    assert re.search(rf"^{command.split()[-1]}: ", makefile, re.MULTILINE)
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv(ENV_COMMAND, command)
    assert f'  eval "$({command})"\n' in _ready(capsys)


def test_what_is_no_terminal_gets_a_line_for_each_fact(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    assert _ready(capsys).splitlines() == [
        "the outputs are in /app/.mailbus/outputs.json",
        "the mail room is at http://127.0.0.1:8025/?token=abc",
        "ready",
    ]
