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


def test_somebody_is_told_of_paused_sending_late_jobs_and_every_dead_letter(prod: Templates) -> None:
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


@pytest.mark.parametrize("alarm", ["SendingPaused", "WaitingJobs"])
def test_an_alarm_looks_at_exactly_what_the_deployed_sender_publishes(
    prod: Templates, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, alarm: str
) -> None:
    given = prod.one("AWS::CloudWatch::Alarm", alarm).properties
    for name, value in prod.environment("sender").items():
        if name.startswith("POWERTOOLS_"):
            monkeypatch.setenv(name, value)
    put_metric("<Mail/Sending/Sender/Function>", given["MetricName"], 1)
    published = json.loads(capsys.readouterr().out)
    (told,) = published["_aws"]["CloudWatchMetrics"]
    (names,) = told["Dimensions"]
    assert told["Namespace"] == given["Namespace"]
    assert [metric["Name"] for metric in told["Metrics"]] == [given["MetricName"]]
    assert {name: published[name] for name in names} == {
        item["Name"]: prod.text("mail", item["Value"]) for item in given["Dimensions"]
    }


def test_paused_sending_is_the_sum_of_what_the_sender_counts(prod: Templates) -> None:
    alarm = prod.one("AWS::CloudWatch::Alarm", "SendingPaused").properties
    assert (alarm["Namespace"], alarm["Statistic"]) == ("Mailbus", "Sum")


def test_a_job_that_waits_is_an_alarm_until_it_can_no_longer_be_the_one_that_comes_back_late(
    prod: Templates,
) -> None:
    alarm = prod.one("AWS::CloudWatch::Alarm", "WaitingJobs").properties
    assert (alarm["Namespace"], alarm["Statistic"]) == ("Mailbus", "Maximum")
    assert alarm["Period"] * alarm["EvaluationPeriods"] == max(delay.longest for delay in DELAYS.values())


def test_every_other_alarm_ends_with_its_cause(prod: Templates) -> None:
    for alarm in prod.of_type("AWS::CloudWatch::Alarm"):
        if not alarm.path.endswith("/WaitingJobs"):
            assert alarm.properties["EvaluationPeriods"] == 1


def test_without_a_topic_alarms_just_show(local: Templates) -> None:
    for alarm in local.of_type("AWS::CloudWatch::Alarm"):
        assert "AlarmActions" not in alarm.properties
