"""The alarms."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mailbus.metrics import put_metric
from sender.retries import DELAYS
from tests.infra.conftest import TOPIC

if TYPE_CHECKING:
    from tests.infra.templates import (
        Templates,
    )


def test_there_are_alarms_on_paused_sending_late_jobs_and_every_dead_letter_queue(prod: Templates) -> None:
    alarms = {}
    for alarm in prod.of_type("AWS::CloudWatch::Alarm"):
        given = alarm.properties
        dimensions = {item["Name"]: prod.text("mail", item["Value"]) for item in given["Dimensions"]}
        alarms[alarm.path.rpartition("/")[2]] = (given["MetricName"], dimensions, given["Threshold"])
        assert given["ComparisonOperator"] == "GreaterThanThreshold"
        assert given["TreatMissingData"] == "notBreaching"
        assert (given["Period"], given["DatapointsToAlarm"]) == (300, 1)
        assert given["AlarmActions"] == given["OKActions"] == [TOPIC]
    visible = "ApproximateNumberOfMessagesVisible"
    assert alarms == {
        "SendingPaused": ("SendingPaused", {"service": "<Mail/Sending/Sender/Function>"}, 0),
        "LimitedBulkCalls": ("LimitedBulkCalls", {"service": "<Mail/Sending/Sender/Function>"}, 0),
        "LateJobs": (
            "ApproximateAgeOfOldestMessage",
            {"QueueName": "<Mail/Sending/Transactional/Queue>"},
            900,
        ),
        "WaitingJobs": ("WaitingJobSeconds", {"service": "<Mail/Sending/Sender/Function>"}, 900),
        "SendDeadLetters": (visible, {"QueueName": "<Mail/Sending/DeadLetters/Queue>"}, 0),
        "TrackingDeadLetters": (visible, {"QueueName": "<Mail/Tracking/DeadLetters/Queue>"}, 0),
        "InboundDeadLetters": (visible, {"QueueName": "<Mail/Inbound/DeadLetters/Queue>"}, 0),
    }


@pytest.mark.parametrize("alarm", ["SendingPaused", "LimitedBulkCalls", "WaitingJobs"])
def test_an_alarm_watches_exactly_the_metric_of_the_deployed_sender(
    prod: Templates, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, alarm: str
) -> None:
    given = prod.one("AWS::CloudWatch::Alarm", alarm).properties
    for name, value in prod.environment("sender").items():
        if name.startswith("POWERTOOLS_"):
            monkeypatch.setenv(name, value)
    put_metric("<Mail/Sending/Sender/Function>", given["MetricName"], 1)
    published = json.loads(capsys.readouterr().out)
    (metrics,) = published["_aws"]["CloudWatchMetrics"]
    (names,) = metrics["Dimensions"]
    assert metrics["Namespace"] == given["Namespace"]
    assert [metric["Name"] for metric in metrics["Metrics"]] == [given["MetricName"]]
    assert {name: published[name] for name in names} == {
        item["Name"]: prod.text("mail", item["Value"]) for item in given["Dimensions"]
    }


def test_paused_sending_is_the_sum_of_what_the_sender_counts(prod: Templates) -> None:
    alarm = prod.one("AWS::CloudWatch::Alarm", "SendingPaused").properties
    assert (alarm["Namespace"], alarm["Statistic"]) == ("Mailbus", "Sum")


def test_the_alarm_on_waiting_jobs_lasts_for_the_longest_delay_of_a_job(
    prod: Templates,
) -> None:
    alarm = prod.one("AWS::CloudWatch::Alarm", "WaitingJobs").properties
    assert (alarm["Namespace"], alarm["Statistic"]) == ("Mailbus", "Maximum")
    assert alarm["Period"] * alarm["EvaluationPeriods"] == max(delay.longest for delay in DELAYS.values())


def test_every_other_alarm_ends_with_its_cause(prod: Templates) -> None:
    for alarm in prod.of_type("AWS::CloudWatch::Alarm"):
        if not alarm.path.endswith("/WaitingJobs"):
            assert alarm.properties["EvaluationPeriods"] == 1


def test_without_a_topic_alarms_notify_nobody(local: Templates) -> None:
    for alarm in local.of_type("AWS::CloudWatch::Alarm"):
        assert "AlarmActions" not in alarm.properties
