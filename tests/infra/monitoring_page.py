"""Writes docs/monitoring.md, with all metrics and alarms: `python -m tests.infra.monitoring_page docs`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mailbus.metrics import METRICS, NAMESPACE
from mailbus_cdk import prices
from mailbus_cdk.mailbus import deployment
from mailbus_local.stage import PACKAGED, load_settings
from tests.infra.dashboards import metrics_of, widgets
from tests.infra.templates import Templates, new_app

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.infra.templates import Resource

NAME: Final = "monitoring.md"
#: USD a month: https://aws.amazon.com/cloudwatch/pricing/
_SUBJECTS: Final = {
    "Send": "jobs",
    "Tracking": "SES's events",
    "Inbound": "received mail",
    "Timeline": "events",
    "Guard": "the guard",
}
_INTRODUCTION: Final = """\
# Monitoring

<!-- Written by `make goldens` from functions/mailbus/metrics.py and the templates. -->

What is measured of a stage, which alarms watch it, and the dashboard that shows it. What an alarm means and
what to do is in [runbook.md](runbook.md#alarms).

## The dashboard

Each stage has one in CloudWatch, `mailbus-<stage>-<region>`, the output `DashboardName`. Its sections:

"""
_SECTIONS: Final = {
    "Alarms": "the state of each alarm of the stage, but for those of the webhook",
    "Mail": "mails that SES accepted, by lane; events by type; the rates of delivered, opened, clicked, "
    "bounced and complained mails, with SES's own rates of the account and the lines of the guard's alarms",
    "Pace": "mails a second beside the account's rate and `expected_rate`; the 24-hour quota; what a pause "
    "or the rate holds back",
    "Queues": "of each queue the age of the oldest message, the messages to be received, delayed and in "
    "flight, with SQS's limit; dead letters",
    "Doubt": "jobs in doubt and the age of the oldest; how long SES's `Send` events take, beside "
    "`sender.doubt_seconds`",
    "Functions": "duration, errors, throttles, workers at a time",
    "Cost": "USD in the time that is shown, by service",
}
_EXPLANATION: Final = """
The rates are percent of the mails that SES accepted in the same five minutes, while their events come later:
over a day they are right, in a minute they are not. SES's own rates are of a
[representative volume](https://docs.aws.amazon.com/ses/latest/dg/reputationdashboardmessages.html) of the
account's mail. They are not shown if mail is sent by SES of another account (`session_params.role_arn`).

**Cost** is what CloudWatch counts, times the prices of us-east-1 for arm64: Lambda's milliseconds and
invocations, DynamoDB's units, events by type, bytes of logs, mails at SES's price without a plan. CloudWatch
counts messages of a queue and no requests, and up to ten messages share one: SQS's number is the most it can
be. SNS, S3, KMS, Scheduler, stored data, alarms, metrics and the dashboard itself are not in it. The bill is
in Cost Explorer, by the tag `mailbus:stage`; `AWS/Billing` knows charges of the whole account only.

The [webhook](webhook.md) is not on it: its stack refers to the dashboard's, and the other way round it would
be a circular dependency. Its alarms are below, `mailbus logs webhook` has its log, and the stack
`mailbus-<stage>-webhook` leads to its two functions and its API, each with AWS's own metrics.

With `alarms.dashboard = false` there is none.

## What it costs

| | a month |
| --- | --- |
"""
_METRICS: Final = f"""
A metric is billed for the hours in which it has a value, and one of value 0 is not written: a stage that only
sends and tracks has about 12 in an hour.

A batch of a function writes its metrics in one line of 300 to 600 bytes in its log: for a million mails, in
batches of 10, that is $0.02 for the sender, and for four events each $0.10 for tracking. No call is made.

## Metrics

The functions write these into the namespace `{NAMESPACE}`, in the
[embedded metric format](https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format.html).
The only dimension is `service`, the name of the function. No job, address, tag or metadata is in them. A
batch writes the sum of its counts, and the largest of other values. An event that is published again is
counted again.

| metric | unit | function | |
| --- | --- | --- | --- |
"""
_ALARMS: Final = """
## Alarms

All are on if a value is **above** the threshold, and not while nothing is measured: an idle stage has no
alarm, nor does a deployment cause one. Those on `Errors` are on if each of the last three periods of five
minutes is above it, all others if any of the periods is. Those of the [guard](guard.md) on SES's rates are on
at the threshold, in each of their hours, and stay as they are while SES measures nothing. These are the
thresholds of the default settings: `LateJobs` and `WaitingJobs` follow `alarms.oldest_job_seconds`,
`LateEvents` and `TrackingBacklog` are 80 % of `sender.doubt_seconds`. The notification has the stage, the
alarm's name, and what to do.

| alarm | metric | threshold | looks back |
| --- | --- | --- | --- |
"""


def page(templates: Templates) -> str:
    """Return the text of the page, of the templates of the stage `local`."""
    return "".join(_lines(templates))


def _lines(templates: Templates) -> Iterator[str]:
    yield _INTRODUCTION
    yield "| section | shows |\n| --- | --- |\n"
    for section, shows in _SECTIONS.items():
        yield f"| {section} | {shows} |\n"
    yield _EXPLANATION
    yield from _costs(templates)
    yield _METRICS
    for name, definition in METRICS.items():
        by = ", ".join(f"`{function}`" for function in definition.by)
        yield f"| `{name}` | {definition.unit} | {by} | {definition.meaning} |\n"
    yield _ALARMS
    for alarm in templates.of_type("AWS::CloudWatch::Alarm"):
        given = alarm.properties
        minutes = given["EvaluationPeriods"] * _period(given) // 60
        shown = f"{minutes} minutes" if minutes <= 60 else f"{minutes // 60} hours"
        alarm_name = alarm.path.rpartition("/")[2]
        yield f"| `{alarm_name}` | {_watched(templates, alarm)} | {given['Threshold']:,} | {shown} |\n"


def _costs(templates: Templates) -> Iterator[str]:
    custom = sum(len(definition.by) for definition in METRICS.values())
    alarms = templates.of_type("AWS::CloudWatch::Alarm")
    watched = sum(len(_stats(alarm.properties)) for alarm in alarms)
    shown = {metric for widget in widgets(templates) for metric in metrics_of(widget)}
    yield f"| the dashboard, of {len(shown)} metrics | ${prices.DASHBOARDS.each:g} |\n"
    each = prices.CUSTOM_METRICS.each
    yield f"| {custom} metrics of the functions at most, ${each:.2f} each | ${custom * each:.2f} |\n"
    yield (
        f"| {len(alarms)} alarms on {watched} metrics, with received mail, timeline and webhook, "
        f"${prices.ALARM_METRICS.each:.2f} each "
        f"| ${watched * prices.ALARM_METRICS.each:.2f} |\n"
    )


def _stats(given: dict[str, Any]) -> list[dict[str, Any]]:
    if "Metrics" not in given:
        return [given]
    return [metric["MetricStat"]["Metric"] for metric in given["Metrics"] if "MetricStat" in metric]


def _period(given: dict[str, Any]) -> int:
    if "Period" in given:
        return int(given["Period"])
    return max(int(metric["MetricStat"]["Period"]) for metric in given["Metrics"] if "MetricStat" in metric)


def _watched(templates: Templates, alarm: Resource) -> str:
    names = ", ".join(f"`{stat['MetricName']}`" for stat in _stats(alarm.properties))
    [expression] = [
        f": `{metric['Expression']}`"
        for metric in alarm.properties.get("Metrics", [])
        if "Expression" in metric
    ] or [""]
    dimensions = _stats(alarm.properties)[0].get("Dimensions", [])
    of = ", ".join(_subject(templates, templates.text(alarm.stack, one["Value"])) for one in dimensions)
    return f"{names}{expression}{f' of {of}' if of else ''}"


def _subject(templates: Templates, value: str) -> str:
    """Return what a dimension's value stands for: a queue, a function, the API."""
    path = value.strip("<>").split("/")
    if path[-1] == "Queue":
        part = path[1] if path[2] == "Work" else path[2]
        of = _SUBJECTS["Send" if path[1] == "Sending" else path[1]]
        return f"the dead letters of {of}" if path[2] == "DeadLetters" else f"the queue `{part}`"
    for function in templates.of_type("AWS::Lambda::Function"):
        if f"<{function.path}>" == value:
            return (
                f"the function `{function.properties['Environment']['Variables']['POWERTOOLS_SERVICE_NAME']}`"
            )
    return "the API"


def write(docs: Path) -> None:
    """Write the page to the folder of the documentation."""
    with tempfile.TemporaryDirectory() as directory:
        settings = load_settings(PACKAGED)
        app = new_app(Path(directory))
        deployment(app, settings=settings)
        (docs / NAME).write_text(page(Templates(app, settings)), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
