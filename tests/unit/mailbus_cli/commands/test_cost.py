"""`mailbus cost`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from mailbus_cli import frame

if TYPE_CHECKING:
    from pathlib import Path

STAGE = """\
region = "us-east-1"
identity = "example.com"
expected_rate = 100

[events]
sent = false

[stages.prod]
retention.event_archive_days = 7
"""


def lines(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> list[list[str]]:
    """The cells of each line."""
    assert frame.run(["cost", *arguments]) == code
    return [line.split("\t") for line in capsys.readouterr().out.splitlines()]


def document(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert frame.run(["cost", *arguments, "--json"]) == 0
    printed: dict[str, Any] = json.loads(capsys.readouterr().out)
    return printed


def test_it_prints_line_items_and_totals_without_a_stage(capsys: pytest.CaptureFixture[str]) -> None:
    found = lines(capsys, "--mails", "3000000")
    (queued,) = [cells for cells in found if "`queued`" in cells]
    assert queued == ["send", "EventBridge", "`queued`", "1", "1.00", "3.00"]
    titles = [cells[2] for cells in found if len(cells) > 2 and not cells[0]]
    assert titles[-3:] == ["all of it, without SNS and SES", "all of it, with that", "all of it, with that"]


def test_a_document_adds_up(capsys: pytest.CaptureFixture[str]) -> None:
    found = document(capsys, "--rate", "100", "--mails", "2000000")
    assert sum(line["per_million"] for line in found["lines"]) == pytest.approx(found["per_million"])
    assert found["a_month"] == pytest.approx(2 * found["per_million"])
    assert found["per_million_with_sns"] == pytest.approx(found["per_million"] + 3.60)
    assert sum(line["a_month"] for line in found["fixed"]) == pytest.approx(found["fixed_a_month"])
    assert found["counted_at"] == {"load": "mailing", "rate": 100}


def test_a_stage_has_its_settings_and_options_replace_them(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "mailbus.toml").write_text(STAGE)
    monkeypatch.chdir(tmp_path)
    of_stage = document(capsys, "--stage", "prod")
    assert (of_stage["rate"], of_stage["settings"]["sent"]) == (100, False)
    assert of_stage["settings"]["archive_days"] == 7
    changed = document(
        capsys, "--stage", "prod", "--sent", "--archive-days", "0", "--timeline-days", "30", "--rate", "14"
    )
    assert (changed["rate"], changed["settings"]["sent"]) == (14, True)
    assert changed["settings"]["archive_days"] == 0
    assert changed["settings"]["timeline_days"] == 30


def test_a_stage_that_is_not_there_is_an_error_that_names_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "mailbus.toml").write_text(STAGE)
    monkeypatch.chdir(tmp_path)
    assert frame.run(["cost", "--stage", "pro"]) != 0
    assert "did you mean 'prod'?" in capsys.readouterr().err


def test_mails_that_come_alone_cost_more(capsys: pytest.CaptureFixture[str]) -> None:
    together, alone = (document(capsys, *more) for more in ((), ("--alone",)))
    assert alone["per_million"] > together["per_million"]
    assert alone["counted_at"]["load"] == "alone"
