"""`mailbus quotas`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mailbus_cli import frame
from tests.unit.mailbus_cli.quota_stage import QuotaStage

COMMAND = (
    "aws service-quotas request-service-quota-increase --service-code sns --quota-code L-F8E2BA85"
    " --desired-value 400 --region eu-north-1"
)


@pytest.fixture(autouse=True)
def _no_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAILBUS_STAGE", raising=False)


def lines(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> dict[str, list[str]]:
    """The cells of each line by the quota's name."""
    assert frame.run(["quotas", *arguments]) == code
    rows = (line.split("\t") for line in capsys.readouterr().out.splitlines())
    return {name: cells for name, *cells in rows}


def test_a_regions_defaults_are_listed_without_an_account(capsys: pytest.CaptureFixture[str]) -> None:
    found = lines(capsys, "eu-north-1")
    assert found["sns-publish"] == ["300", "default", "56", "75", "yes", ""]
    assert found["events-put"] == ["600", "default", "7", "1,200", "yes", ""]
    assert found["rate-item"] == ["1,000", "default", "1.4", "10,000", "yes", ""]
    assert found["ses-rate"] == ["1", "sandbox", "14", "1", "", ""]
    assert found["scheduler-schedules"] == ["10,000,000", "default", "", "", "", ""]
    assert "timeline-writes" not in found


def test_a_rate_that_does_not_fit_is_exit_code_1_and_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    found = lines(capsys, "eu-north-1", "--rate", "100", code=1)
    assert found["sns-publish"] == ["300", "default", "400", "75", "no", COMMAND]


def test_a_region_may_be_asked_for_with_a_timeline(capsys: pytest.CaptureFixture[str]) -> None:
    found = lines(capsys, "us-east-1", "--rate", "401", "--timeline", code=1)
    *values, command = found["timeline-new-table"]
    assert values == ["4,000", "default", "4,010", "400", "no"]
    assert command == (
        "aws dynamodb update-table --table-name TimelineTableName --warm-throughput WriteUnitsPerSecond=4010 "
        "--region us-east-1"
    )


def test_a_stage_has_its_own_rate_and_the_accounts_values(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = QuotaStage({"L-F8E2BA85": 400.0}, ExpectedRate="100")
    monkeypatch.setattr("mailbus_cli.deployment.find", lambda **_: stage)
    found = lines(capsys, "--stage", "prod", code=1)
    assert found["sns-publish"] == ["400", "account", "400", "100", "yes", ""]
    assert found["ses-rate"][:5] == ["50", "account", "100", "50", "no"]
    assert lines(capsys, "--stage", "prod", "--rate", "50")["ses-rate"][:5] == [
        *("50", "account", "50", "50", "yes")
    ]


def test_json_has_all_of_each_quota(capsys: pytest.CaptureFixture[str]) -> None:
    assert frame.run(["quotas", "eu-north-1", "--rate", "100", "--json"]) == 1
    found: dict[str, Any] = {one["name"]: one for one in json.loads(capsys.readouterr().out)}
    assert found["sns-publish"] == {
        "name": "sns-publish",
        "title": "SNS: messages published a second",
        "service": "sns",
        "code": "L-F8E2BA85",
        "region": "eu-north-1",
        "limit": 300,
        "is_default": True,
        "needed": 400,
        "most_mails_a_second": 75,
        "only": None,
        "fits": False,
        "command": COMMAND,
        "source": "https://docs.aws.amazon.com/general/latest/gr/sns.html",
    }
    assert (found["ses-rate"]["fits"], found["scheduler-create"]["fits"]) == (None, None)


def test_a_terminal_has_a_table_and_then_what_to_do(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    assert frame.run(["quotas", "eu-north-1", "--rate", "100"]) == 1
    shown = capsys.readouterr().out
    assert "✗ too small" in shown
    assert "SNS: messages published a second: otherwise SES's events may be late or missing" in shown
    assert f"    {COMMAND}" in shown, "not broken at the width"


@pytest.mark.parametrize(
    ("arguments", "reason", "hint"),
    [
        (("eu-nort-1",), "there is no region eu-nort-1 with SES", "did you mean eu-north-1?"),
        (
            ("eu-north-1", "--stage", "prod"),
            "a region's defaults are of no stage",
            "`mailbus quotas eu-north-1`, or `mailbus quotas --stage prod`",
        ),
        (
            ("--local", "--timeline"),
            "--timeline is an option for a region",
            "`mailbus quotas eu-west-1 --timeline`; a stage says it itself",
        ),
    ],
)
def test_a_wrong_command_line_says_what_to_write(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], reason: str, hint: str
) -> None:
    assert frame.run(["quotas", *arguments]) == 2
    assert capsys.readouterr().err == f"mailbus: {reason}\nhint: {hint}\n"


def test_the_stage_of_the_environment_is_no_obstacle(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAILBUS_STAGE", "prod")
    assert lines(capsys, "eu-north-1")["sns-publish"][0] == "300"
