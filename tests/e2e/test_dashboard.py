"""The deployed dashboard and alarms: each metric that they name is written in a run, as they name it."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from mailbus.metrics import LANE_PAUSED, METRICS, NAMESPACE
from tests.e2e.system import eventually
from tests.infra.dashboards import Shown, metrics_of
from tests.unit.tracking.notifications import payload

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.commands import Commands
    from tests.e2e.system import System

MAILBOXES = {"success": "delivered", "bounce": "bounced", "ooto": "autoresponded", "complaint": "complained"}
REPORTS: tuple[tuple[dict[str, Any], str], ...] = (
    ({"event_type": "Open"}, "opened"),
    ({"event_type": "Click", "link": "https://example.com/"}, "clicked"),
    ({"event_type": "DeliveryDelay"}, "deferred"),
    ({"event_type": "Reject"}, "rejected"),
    ({"event_type": "Subscription"}, "unsubscribed"),
)
MAIL = b"From: Ada <ada@example.org>\r\nTo: support@inbound.example.com\r\nSubject: Where?\r\n\r\nI wait.\r\n"
FUNCTIONS = ("Sender", "Tracker", "Reader")


class Written:
    """The metrics that the functions of a system wrote so far."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._logs = system.client("logs")
        functions = system.client("lambda")
        self._groups = [
            functions.get_function_configuration(FunctionName=system.function_name(name))["LoggingConfig"][
                "LogGroup"
            ]
            for name in FUNCTIONS
        ]

    def lines(self) -> Iterator[dict[str, Any]]:
        """Yield what was written in the embedded metric format, line by line."""
        for group in self._groups:
            for page in self._logs.get_paginator("filter_log_events").paginate(
                logGroupName=group, filterPattern='"CloudWatchMetrics"'
            ):
                for event in page["events"]:
                    for line in event["message"].splitlines():
                        if '"CloudWatchMetrics"' in line:
                            yield json.loads(line[line.index("{") :])

    def metrics(self) -> set[Shown]:
        """Return each metric, as CloudWatch makes it of the lines."""
        return {
            Shown(
                namespace=directive["Namespace"],
                name=metric["Name"],
                dimensions=tuple((name, line[name]) for name in names),
            )
            for line in self.lines()
            for directive in line["_aws"]["CloudWatchMetrics"]
            for names in directive["Dimensions"]
            for metric in directive["Metrics"]
        }


def report(system: System, **changes: Any) -> None:
    """Publish what SES reports, changed, of a mail of somebody else."""
    whole = payload("event_subscription") | changes
    whole["mail"] |= {"messageId": f"other-{uuid.uuid4().hex}", "tags": {}}
    system.publish("TrackingTopicArn", json.dumps(whole))


def publish_missing_mail(system: System) -> None:
    """Report a received mail that is not in the bucket."""
    message_id = f"gone-{uuid.uuid4().hex}"
    mail = {
        "timestamp": "2026-11-22T10:00:00.000Z",
        "source": "ada@example.org",
        "messageId": message_id,
        "destination": ["support@inbound.example.com"],
    }
    action = {
        "type": "S3",
        "bucketName": system.outputs["InboundBucketName"],
        "objectKey": f"raw/{message_id}",
    }
    receipt = {
        "timestamp": "2026-11-22T10:00:00.000Z",
        "recipients": ["support@inbound.example.com"],
        "action": action,
    }
    system.publish(
        "InboundTopicArn", json.dumps({"notificationType": "Received", "mail": mail, "receipt": receipt})
    )
    system.wait(1, message_id=message_id, event_type="inbound_failed")


def wait_for_outcome(system: System, job_id: str) -> None:
    """Wait until a mail is delivered or rejected."""

    def ended(events: tuple[dict[str, Any], ...]) -> bool:
        details = [event["detail"] for event in events]
        return any(
            detail.get("job_id") == job_id and detail["event_type"] in {"delivered", "rejected"}
            for detail in details
        )

    assert system.wait_until(ended)


@pytest.fixture(scope="module")
def written(system: System, commands: Commands) -> Iterator[Written]:
    """A run of mails with every kind of event, pauses, a mail in doubt, and some of the quota used."""
    quota = system.account()["max_24_hour_send"]
    # addresses of the mailbox simulator do not count
    system.change_account(max_24_hour_send=1000, sent_last_24_hours=100)
    for mailbox, event_type in MAILBOXES.items():
        job_id = system.send(to=[f"{mailbox}@simulator.amazonses.com"])
        system.wait(1, job_id=job_id, event_type=event_type)
    bulk = system.job()
    system.enqueue(json.dumps(bulk), "BulkQueueUrl")
    [delivered] = system.wait(1, job_id=bulk["job_id"], event_type="delivered")
    for ses, event_type in REPORTS:
        system.simulator.post(f"events/{delivered['message_id']}", json=ses).raise_for_status()
        system.wait(1, message_id=delivered["message_id"], event_type=event_type)
    report(
        system,
        subscription={
            "contactList": "newsletter",
            "newTopicPreferences": {"unsubscribeAll": False},
            "oldTopicPreferences": {"unsubscribeAll": True},
        },
    )
    report(system, eventType="Rendering Failure", failure={"templateName": "t", "errorMessage": "no data"})
    report(system, eventType="Teleported")
    system.wait(1, job_id=system.send(subject="two\nlines"), event_type="failed")
    for fault in (
        {"error": "MessageRejected", "message": "Email address is not verified."},
        {"error": "MessageRejected", "message": "Sending paused for this account."},
        {"error": "ConnectionReset", "after_accept": True},
    ):
        system.add_faults({"operation": "SendEmail", "count": 1, **fault})
        wait_for_outcome(system, system.send())
    system.wait(1, message_id=system.receive(MAIL), event_type="inbound")
    publish_missing_mail(system)
    commands("pause", "bulk", "--local")
    system.enqueue(json.dumps(system.job()), "BulkQueueUrl")
    system.wait_for_log("Sender", LANE_PAUSED)
    commands("resume", "bulk", "--local")
    yield Written(system)
    system.change_account(max_24_hour_send=quota, sent_last_24_hours=0)


def dashboard(system: System) -> dict[str, Any]:
    answer = system.client("cloudwatch").get_dashboard(DashboardName=system.outputs["DashboardName"])
    body: dict[str, Any] = json.loads(answer["DashboardBody"])
    return body


def test_each_metric_of_the_dashboard_is_written_by_the_function_that_it_names(
    system: System, written: Written
) -> None:
    named = {
        metric
        for widget in dashboard(system)["widgets"]
        for metric in metrics_of(widget)
        if metric.namespace == NAMESPACE
    }
    assert len(named) > 20
    # what an invocation logged is there once it has ended
    eventually(lambda: named <= written.metrics(), f"missing: {sorted(map(str, named - written.metrics()))}")


def test_the_functions_write_no_metric_that_is_not_defined_nor_any_other_dimension(
    written: Written,
) -> None:
    for metric in written.metrics():
        assert metric.namespace == NAMESPACE
        assert metric.name in METRICS
        assert [name for name, _ in metric.dimensions] == ["service"]


def test_the_lines_of_metrics_have_nothing_of_a_mail(written: Written) -> None:
    for line in written.lines():
        assert set(line) <= {"_aws", "service", *METRICS}


def test_a_batch_writes_one_line(system: System, written: Written) -> None:
    lines = sum(line["service"] == system.function_name("Tracker") for line in written.lines())
    batches = system.client("logs").filter_log_events(
        logGroupName=written._groups[FUNCTIONS.index("Tracker")],  # noqa: SLF001 - of this module
        filterPattern='"batch done"',
    )["events"]
    assert 0 < lines <= len(batches)


def test_each_resource_that_the_dashboard_names_is_deployed(system: System) -> None:
    found = {
        "QueueName": {
            url.rpartition("/")[2] for url in system.client("sqs").list_queues().get("QueueUrls", [])
        },
        "FunctionName": {
            one["FunctionName"] for one in system.client("lambda").list_functions()["Functions"]
        },
        "TableName": set(system.client("dynamodb").list_tables()["TableNames"]),
        "LogGroupName": {
            group["logGroupName"]
            for page in system.client("logs").get_paginator("describe_log_groups").paginate()
            for group in page["logGroups"]
        },
    }
    for widget in dashboard(system)["widgets"]:
        for metric in metrics_of(widget):
            for dimension, value in metric.dimensions:
                assert value in found.get(dimension, {value}), metric


def test_the_alarms_on_a_functions_metric_watch_what_it_writes(system: System, written: Written) -> None:
    watched = {
        Shown(
            namespace=alarm["Namespace"],
            name=alarm["MetricName"],
            dimensions=tuple((one["Name"], one["Value"]) for one in alarm["Dimensions"]),
        )
        for alarm in system.client("cloudwatch").describe_alarms()["MetricAlarms"]
        if alarm.get("Namespace") == NAMESPACE
    }
    # the calls of SendBulkEmail, the account's rate and the webhook have no fault in this run
    others = {"LimitedBulkCalls", "UnexpectedRate", "RefusedMessages", "UnconfirmedSubscriptions"}
    expected = {metric for metric in watched if metric.name not in others}
    assert {metric.name for metric in expected} >= {"SendingPaused", "QuotaPercent", "EventDelaySeconds"}
    assert expected <= written.metrics()
