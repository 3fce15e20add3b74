"""What `mailbus logs` takes from the logs, and how it counts what is said again."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from mailbus_cli import frame
from mailbus_cli.function_logs import Line, line_of, repeated

NOW = datetime(2026, 11, 30, 3, 0, tzinfo=UTC)
TIMED_OUT = "2026-11-30T03:00:00.000Z {id} Task timed out after 60.00 seconds"


def logged(level: str, message: str, **fields: Any) -> str:
    return json.dumps({"level": level, "location": "log:1", "message": message, "service": "f", **fields})


def line(text: str) -> Line | None:
    return line_of("sender", NOW, text)


@pytest.mark.parametrize(
    "text",
    [
        logged("INFO", "batch done", records=10, error=None),
        "START RequestId: 1 Version: $LATEST",
        "REPORT RequestId: 1 Duration: 3 ms",
        '{"_aws": {"CloudWatchMetrics": []}, "SendingPaused": [1.0]}',
        "",
        "[1, 2]",
    ],
)
def test_what_is_no_error_is_left_out(text: str) -> None:
    assert line(text) is None


def test_a_job_that_waits_is_there_with_the_error_that_it_waits_for() -> None:
    found = line(logged("INFO", "job settled", outcome="postponed", error="ThrottlingException", part=None))
    assert found is not None
    assert (found.level, found.error) == ("INFO", "ThrottlingException")
    assert found.fields == {"outcome": "postponed", "error": "ThrottlingException"}


def test_a_dead_worker_is_what_lambda_says() -> None:
    found = line(TIMED_OUT.format(id="1"))
    assert found is not None
    assert (found.level, found.error) == (None, None)
    assert found.message.endswith("Task timed out after 60.00 seconds")


def test_what_is_said_again_is_counted_with_the_newest_last() -> None:
    later = datetime(2026, 11, 30, 4, 0, tzinfo=UTC)
    texts = [
        (later, logged("WARNING", "requeued", error="A", id=2)),
        (NOW, logged("WARNING", "requeued", error="A", id=1)),
        (NOW, logged("WARNING", "requeued", error="B")),
        (NOW, TIMED_OUT.format(id="1")),
        (NOW, TIMED_OUT.format(id="2")),
    ]
    lines = [found for at, text in texts if (found := line_of("tracking", at, text))]
    groups = repeated(lines)
    assert sorted(one.count for one in groups) == [1, 2, 2]
    assert (groups[-1].count, groups[-1].first, groups[-1].newest.fields["id"]) == (2, NOW, 2)


class Stage:
    """A stage whose sender has logged this."""

    name = "stage prod"

    def __init__(self, *texts: str, functions: tuple[str, ...] = ("Sender",)) -> None:
        self.outputs = {f"{name}FunctionName": name for name in functions}
        self._texts = texts
        self.patterns: list[str] = []

    def client(self, service: str) -> Stage:
        assert service in {"lambda", "logs"}
        return self

    def get_function_configuration(self, *, FunctionName: str) -> dict[str, Any]:  # noqa: N803 - AWS's names
        return {"LoggingConfig": {"LogGroup": f"/{FunctionName}"}}

    def get_paginator(self, operation: str) -> Stage:
        assert operation == "filter_log_events"
        return self

    def paginate(self, *, logGroupName: str, filterPattern: str, startTime: int) -> list[Any]:  # noqa: N803
        assert logGroupName == "/Sender"
        assert startTime > 0
        self.patterns.append(filterPattern)
        events = [{"timestamp": 1_700_000_000_000, "message": text} for text in self._texts]
        return [{"events": events}]


def run(monkeypatch: pytest.MonkeyPatch, stage: Stage, *arguments: str) -> int:
    monkeypatch.setattr("mailbus_cli.deployment.find", lambda **_: stage)
    return frame.run(["logs", "--stage", "prod", "--utc", *arguments])


def test_the_command_prints_each_error_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = logged("ERROR", "job could not be dead-lettered", put_error="AccessDenied", job_id="order-1001")
    stage = Stage(text, f"{text}\n{text}")
    assert run(monkeypatch, stage) == 0
    assert capsys.readouterr().out == (
        "3\t2023-11-14 22:13:20Z\tsender\tERROR\tjob could not be dead-lettered\t"
        "put_error=AccessDenied job_id=order-1001\n"
    )
    # a service that finds all by either pattern has each counted once
    assert len(stage.patterns) == 2
    assert run(monkeypatch, stage, "--json") == 0
    assert json.loads(capsys.readouterr().out)[0]["count"] == 3


def test_nothing_is_said_of_a_stage_without_errors(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, Stage(), "sender", "--minutes", "5") == 0
    assert capsys.readouterr().err == "no errors in the last 5 minutes\n"


def test_a_function_that_the_stage_does_not_have_is_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, Stage(), "timeline") == 2
    assert capsys.readouterr().err == "mailbus: stage prod has no function timeline\nhint: it has sender\n"
