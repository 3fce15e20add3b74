"""The alarms."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mailbus.metrics import put_metric
from mailbus.sqs_messages import MAX_DELAY_SECONDS
from tests.infra.conftest import TOPIC

if TYPE_CHECKING:
    from tests.infra.templates import (
        Templates,
    )


def test_there_are_alarms_on_paused_sending_waiting_jobs_and_every_dead_letter_queue(prod: Templates) -> None:
    alarms = {}
    for alarm in prod.of_type("AWS::CloudWatch::Alarm"):
        given = alarm.properties
        if "MetricName" not in given:
            continue
        dimensions = {item["Name"]: prod.text("mail", item["Value"]) for item in given["Dimensions"]}
        alarms[alarm.path.rpartition("/")[2]] = (given["MetricName"], dimensions, given["Threshold"])
        assert given["ComparisonOperator"] == "GreaterThanThreshold"
        assert given["TreatMissingData"] == "notBreaching"
        assert given["DatapointsToAlarm"] == 1
        assert given["Period"] == (3600 if alarm.path.endswith("/UnexpectedRate") else 300)
        assert given["AlarmActions"] == given["OKActions"] == [TOPIC]
    visible = "ApproximateNumberOfMessagesVisible"
    assert alarms == {
        "SendingPaused": ("SendingPaused", {"service": "<Mail/Sending/Sender/Function>"}, 0),
        "LimitedBulkCalls": ("LimitedBulkCalls", {"service": "<Mail/Sending/Sender/Function>"}, 0),
        "UnexpectedRate": ("UnexpectedRate", {"service": "<Mail/Sending/Sender/Function>"}, 0),
        "WaitingJobs": ("WaitingJobSeconds", {"service": "<Mail/Sending/Sender/Function>"}, 900),
        "SendDeadLetters": (visible, {"QueueName": "<Mail/Sending/DeadLetters/Queue>"}, 0),
        "TrackingDeadLetters": (visible, {"QueueName": "<Mail/Tracking/DeadLetters/Queue>"}, 0),
        "InboundDeadLetters": (visible, {"QueueName": "<Mail/Inbound/DeadLetters/Queue>"}, 0),
        "TimelineDeadLetters": (visible, {"QueueName": "<Mail/Timeline/DeadLetters/Queue>"}, 0),
    }


def test_jobs_are_late_only_while_some_are_to_be_received(prod: Templates) -> None:
    alarm = prod.one("AWS::CloudWatch::Alarm", "LateJobs").properties
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (900, "GreaterThanThreshold")
    assert alarm["AlarmActions"] == alarm["OKActions"] == [TOPIC]
    [late] = [metric for metric in alarm["Metrics"] if "Expression" in metric]
    assert late["Expression"] == "IF(visible > 0, age, 0)"
    stats = {metric["Id"]: metric["MetricStat"] for metric in alarm["Metrics"] if "MetricStat" in metric}
    assert {
        name: (stat["Metric"]["MetricName"], stat["Stat"], stat["Period"]) for name, stat in stats.items()
    } == {
        "age": ("ApproximateAgeOfOldestMessage", "Maximum", 300),
        "visible": ("ApproximateNumberOfMessagesVisible", "Minimum", 300),
    }
    for stat in stats.values():
        [queue] = stat["Metric"]["Dimensions"]
        assert prod.text("mail", queue["Value"]) == "<Mail/Sending/Transactional/Queue>"


@pytest.mark.parametrize("alarm", ["SendingPaused", "LimitedBulkCalls", "WaitingJobs", "UnexpectedRate"])
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


@pytest.mark.parametrize(("name", "statistic"), [("WaitingJobs", "Maximum"), ("SendingPaused", "Sum")])
def test_the_alarms_on_what_waits_last_from_one_receive_of_a_job_to_the_next(
    prod: Templates, name: str, statistic: str
) -> None:
    alarm = prod.one("AWS::CloudWatch::Alarm", name).properties
    assert (alarm["Namespace"], alarm["Statistic"]) == ("Mailbus", statistic)
    assert alarm["Period"] * alarm["EvaluationPeriods"] == MAX_DELAY_SECONDS + alarm["Period"]


def test_the_alarm_on_another_rate_lasts_a_day_so_that_each_mail_does_not_repeat_it(prod: Templates) -> None:
    alarm = prod.one("AWS::CloudWatch::Alarm", "UnexpectedRate").properties
    assert (alarm["Namespace"], alarm["Statistic"]) == ("Mailbus", "Sum")
    assert alarm["Period"] * alarm["EvaluationPeriods"] == 24 * 3600


def test_every_other_alarm_ends_with_its_cause(prod: Templates) -> None:
    for alarm in prod.of_type("AWS::CloudWatch::Alarm"):
        if not alarm.path.endswith(("/WaitingJobs", "/SendingPaused", "/UnexpectedRate")):
            assert alarm.properties["EvaluationPeriods"] == 1


def test_without_a_topic_alarms_notify_nobody(local: Templates) -> None:
    for alarm in local.of_type("AWS::CloudWatch::Alarm"):
        assert "AlarmActions" not in alarm.properties


def test_an_alarm_says_of_which_stage_it_is_and_its_name_in_the_documentation(prod: Templates) -> None:
    descriptions = [alarm.properties["AlarmDescription"] for alarm in prod.of_type("AWS::CloudWatch::Alarm")]
    named = {description.partition(": ")[0] for description in descriptions}
    assert {"Mailbus prod SendingPaused", "Mailbus prod TrackingDeadLetters"} <= named
    assert len(named) == len(descriptions)
