"""The process that synthesizes the stage `local`; a whole synthesis is in tests/e2e."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailbus_local import synthesis

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_wrong_settings_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = tmp_path / "mailbus.toml"
    settings.write_text('region = "us-east-1"\n[stages.local]\n')
    assert synthesis.main(settings, tmp_path / "out") == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("mailbus.toml: ")
    assert "identity" in line
