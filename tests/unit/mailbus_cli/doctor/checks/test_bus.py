"""The checks of the bus, the tables and the timeline's rule."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mailbus_cli.doctor.checks import event_bus, tables, timeline

RULE = "arn:aws:events:eu-west-1:111122223333:rule/mailbus-prod/timeline"
QUEUE = "arn:aws:sqs:eu-west-1:111122223333:timeline"


def test_a_missing_bus_loses_events() -> None:
    assert event_bus.judge_bus("mailbus-prod", {"Name": "mailbus-prod"}).level == "ok"
    assert event_bus.judge_bus("mailbus-prod", None).level == "problem"


@pytest.mark.parametrize(
    ("archive", "level"),
    [({"State": "ENABLED"}, "ok"), ({}, "ok"), ({"State": "DISABLED"}, "warning"), (None, "warning")],
)
def test_an_archive_takes_events(archive: dict[str, str] | None, level: str) -> None:
    assert event_bus.judge_archive("archive", archive).level == level


@pytest.mark.parametrize(
    ("table", "level"),
    [
        ({"TableStatus": "ACTIVE"}, "ok"),
        ({"TableStatus": "UPDATING"}, "ok"),
        ({"TableStatus": "INACCESSIBLE_ENCRYPTION_CREDENTIALS"}, "problem"),
        (None, "problem"),
    ],
)
def test_a_table_can_be_written(table: dict[str, str] | None, level: str) -> None:
    assert tables.judge("ledger", table, "no job is sent").level == level


@pytest.mark.parametrize(
    ("rules", "level"),
    [
        ([{"Name": "timeline", "State": "ENABLED"}], "ok"),
        ([{"Name": "timeline", "EventBusName": "mailbus-prod", "State": "DISABLED"}], "problem"),
        ([], "problem"),
    ],
)
def test_the_rule_of_the_timeline_is_enabled(rules: list[dict[str, Any]], level: str) -> None:
    verdict = timeline.judge_rules(rules)
    assert verdict.level == level
    if rules and level == "problem":
        assert verdict.record == "aws events enable-rule --event-bus-name mailbus-prod --name timeline"


def test_the_rule_may_write_to_its_queue() -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": QUEUE,
        "Condition": {"ArnEquals": {"aws:SourceArn": RULE}},
    }
    queue = {"QueueArn": QUEUE, "Policy": json.dumps({"Statement": [statement]})}
    assert timeline.judge_policy(queue, RULE).level == "ok"
    assert timeline.judge_policy({"QueueArn": QUEUE}, RULE).level == "problem"
