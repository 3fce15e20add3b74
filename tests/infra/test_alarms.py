"""The alarms."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec
import pytest

from mailbus.metrics import put_metric
from mailbus.sqs_messages import MAX_DELAY_SECONDS
from mailbus_cdk.settings.tables import Sender
from tests.infra.conftest import TOPIC

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailbus_cdk.settings import Settings
    from tests.infra.templates import Resource, Templates


VISIBLE = "ApproximateNumberOfMessagesVisible"
IN_FLIGHT = "ApproximateNumberOfMessagesNotVisible"
SENDER = {"service": "<Mail/Sending/Sender/Function>"}
TRACKER = {"service": "<Mail/Tracking/Tracker/Function>"}
QUEUES = {
    "Transactional": "<Mail/Sending/Transactional/Queue>",
    "Bulk": "<Mail/Sending/Bulk/Queue>",
    "Tracking": "<Mail/Tracking/Work/Queue>",
    "Inbound": "<Mail/Inbound/Work/Queue>",
    "Timeline": "<Mail/Timeline/Work/Queue>",
}
DEAD_LETTERS = {
    "Send": "<Mail/Sending/DeadLetters/Queue>",
    "Tracking": "<Mail/Tracking/DeadLetters/Queue>",
    "Inbound": "<Mail/Inbound/DeadLetters/Queue>",
    "Timeline": "<Mail/Timeline/DeadLetters/Queue>",
}
FUNCTIONS = {
    "Send": "<Mail/Sending/Sender/Function>",
    "Tracking": "<Mail/Tracking/Tracker/Function>",
    "Inbound": "<Mail/Inbound/Reader/Function>",
    "Timeline": "<Mail/Timeline/Recorder/Function>",
}
# Those on one metric: its name, dimensions, statistic and threshold. `sender.doubt_seconds` is 120.
ALARMS: dict[str, tuple[str, dict[str, str], str, float]] = {
    "SendingPaused": ("SendingPaused", SENDER, "Sum", 0),
    "LanePaused": ("LanePaused", SENDER, "Sum", 0),
    "LimitedBulkCalls": ("LimitedBulkCalls", SENDER, "Sum", 0),
    "UnexpectedRate": ("UnexpectedRate", SENDER, "Sum", 0),
    "WaitingJobs": ("WaitingJobSeconds", SENDER, "Maximum", 900),
    "QuotaNearlyUsed": ("QuotaPercent", SENDER, "Maximum", 80),
    "LateEvents": ("EventDelaySeconds", TRACKER, "Maximum", 96),
    **{
        f"{name}DeadLetters": (VISIBLE, {"QueueName": queue}, "Maximum", 0)
        for name, queue in DEAD_LETTERS.items()
    },
    **{
        f"{name}InFlight": (IN_FLIGHT, {"QueueName": queue}, "Maximum", 96_000)
        for name, queue in QUEUES.items()
    },
    **{
        f"{name}Errors": ("Errors", {"FunctionName": function}, "Sum", 0)
        for name, function in FUNCTIONS.items()
    },
}
# Those on the age of a queue's oldest message while there are always some: the queue, and the seconds.
AGES = {
    "LateJobs": ("Transactional", 900),
    "TrackingBacklog": ("Tracking", 96),
    "InboundBacklog": ("Inbound", 900),
    "TimelineBacklog": ("Timeline", 900),
}
# Those that are on only while all of the last periods are above the threshold.
STEADY = {f"{name}Errors" for name in FUNCTIONS}
# Those that last longer than their cause, so that what waits does not end them and start them again.
LASTING = {"WaitingJobs", "SendingPaused", "LanePaused", "UnexpectedRate", "QuotaNearlyUsed"}


def alarms_of(templates: Templates) -> list[Resource]:
    """Return those of this module: other parts of a stage have some of their own."""
    return [alarm for alarm in templates.of_type("AWS::CloudWatch::Alarm") if "Mail/Alarms/" in alarm.path]


def name_of(alarm: Resource) -> str:
    return alarm.path.rpartition("/")[2]


def test_each_alarm_watches_its_metric_with_its_dimensions_and_threshold(prod: Templates) -> None:
    alarms = {}
    for alarm in alarms_of(prod):
        given = alarm.properties
        assert given["ComparisonOperator"] == "GreaterThanThreshold"
        assert given["TreatMissingData"] == "notBreaching"
        assert given["AlarmActions"] == given["OKActions"] == [TOPIC]
        if "MetricName" not in given:
            continue
        dimensions = {item["Name"]: prod.text("mail", item["Value"]) for item in given["Dimensions"]}
        alarms[name_of(alarm)] = (given["MetricName"], dimensions, given["Statistic"], given["Threshold"])
        assert given["Period"] == (3600 if alarm.path.endswith("/UnexpectedRate") else 300)
    assert alarms == ALARMS


@pytest.mark.parametrize(("name", "expected"), AGES.items())
def test_messages_are_late_only_while_some_are_to_be_received(
    prod: Templates, name: str, expected: tuple[str, float]
) -> None:
    queue_name, threshold = expected
    alarm = prod.one("AWS::CloudWatch::Alarm", name).properties
    assert alarm["Threshold"] == threshold
    [late] = [metric for metric in alarm["Metrics"] if "Expression" in metric]
    assert late["Expression"] == "IF(visible > 0, age, 0)"
    stats = {metric["Id"]: metric["MetricStat"] for metric in alarm["Metrics"] if "MetricStat" in metric}
    assert {
        name: (stat["Metric"]["MetricName"], stat["Stat"], stat["Period"]) for name, stat in stats.items()
    } == {
        "age": ("ApproximateAgeOfOldestMessage", "Maximum", 300),
        "visible": (VISIBLE, "Minimum", 300),
    }
    for stat in stats.values():
        [queue] = stat["Metric"]["Dimensions"]
        assert prod.text("mail", queue["Value"]) == QUEUES[queue_name]


def test_there_are_no_other_alarms(prod: Templates) -> None:
    assert {name_of(alarm) for alarm in alarms_of(prod)} == {*ALARMS, *AGES}


@pytest.mark.parametrize(
    "alarm",
    ["SendingPaused", "LimitedBulkCalls", "WaitingJobs", "UnexpectedRate", "QuotaNearlyUsed", "LateEvents"],
)
def test_an_alarm_watches_exactly_the_metric_of_the_deployed_function(
    prod: Templates, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, alarm: str
) -> None:
    given = prod.one("AWS::CloudWatch::Alarm", alarm).properties
    folder = "tracking" if alarm == "LateEvents" else "sender"
    for name, value in prod.environment(folder).items():
        if name.startswith("POWERTOOLS_"):
            monkeypatch.setenv(name, value)
    put_metric(FUNCTIONS["Tracking" if folder == "tracking" else "Send"], given["MetricName"], 1)
    published = json.loads(capsys.readouterr().out)
    (metrics,) = published["_aws"]["CloudWatchMetrics"]
    (names,) = metrics["Dimensions"]
    assert metrics["Namespace"] == given["Namespace"]
    assert [metric["Name"] for metric in metrics["Metrics"]] == [given["MetricName"]]
    assert {name: published[name] for name in names} == {
        item["Name"]: prod.text("mail", item["Value"]) for item in given["Dimensions"]
    }


@pytest.mark.parametrize("name", ["WaitingJobs", "SendingPaused", "LanePaused", "QuotaNearlyUsed"])
def test_the_alarms_on_what_waits_last_from_one_receive_of_a_job_to_the_next(
    prod: Templates, name: str
) -> None:
    alarm = prod.one("AWS::CloudWatch::Alarm", name).properties
    assert alarm["Namespace"] == "Mailbus"
    assert alarm["Period"] * alarm["EvaluationPeriods"] == MAX_DELAY_SECONDS + alarm["Period"]


def test_the_alarm_on_another_rate_lasts_a_day_so_that_each_mail_does_not_repeat_it(prod: Templates) -> None:
    alarm = prod.one("AWS::CloudWatch::Alarm", "UnexpectedRate").properties
    assert (alarm["Namespace"], alarm["Statistic"]) == ("Mailbus", "Sum")
    assert alarm["Period"] * alarm["EvaluationPeriods"] == 24 * 3600


def test_every_other_alarm_ends_with_its_cause(prod: Templates) -> None:
    for alarm in alarms_of(prod):
        given = alarm.properties
        if name_of(alarm) in STEADY:
            assert given["EvaluationPeriods"] == given["DatapointsToAlarm"] == 3
            continue
        assert given["DatapointsToAlarm"] == 1
        assert (given["EvaluationPeriods"] > 1) == (name_of(alarm) in LASTING)


def test_the_events_are_late_before_a_mail_in_doubt_is_sent_again(
    synthesize: Callable[[Settings], Templates], settings: Settings
) -> None:
    patient = msgspec.structs.replace(settings, sender=Sender(doubt_seconds=600))
    templates = synthesize(patient)
    for name in ("LateEvents", "TrackingBacklog"):
        assert templates.one("AWS::CloudWatch::Alarm", name).properties["Threshold"] == 480


def test_without_a_topic_alarms_notify_nobody(local: Templates) -> None:
    for alarm in alarms_of(local):
        assert "AlarmActions" not in alarm.properties


def test_an_alarm_says_of_which_stage_it_is_and_its_name_in_the_documentation(prod: Templates) -> None:
    descriptions = [alarm.properties["AlarmDescription"] for alarm in alarms_of(prod)]
    named = {description.partition(": ")[0] for description in descriptions}
    assert {"Mailbus prod SendingPaused", "Mailbus prod TrackingDeadLetters"} <= named
    assert len(named) == len(descriptions)


def test_an_alarm_names_the_section_of_the_documentation_that_says_what_to_do(prod: Templates) -> None:
    for alarm in alarms_of(prod):
        description = alarm.properties["AlarmDescription"]
        assert description.endswith(f". What to do: {name_of(alarm)} in docs/runbook.md")
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
        assert len(description) <= 1024
