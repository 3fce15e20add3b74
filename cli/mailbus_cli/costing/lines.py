"""The line items of what mails cost: what a mail uses of each service, and its price."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import msgspec

from mailbus_cdk import limits, prices
from mailbus_cdk.prices import Price
from mailbus_cli.costing.counted import deployed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mailbus_cli.costing.counted import FunctionUse
    from mailbus_cli.costing.plan import Plan

MILLION: Final = prices.MILLION
# SQS bills each 64 KB of a request; a call takes 1 MiB, and the client puts larger jobs into S3
REQUEST_KB: Final = 64
CALL_KB: Final = 1024
REFERENCED_KB: Final = 1000
BATCH: Final = 10
GB: Final = 1e9
DAYS_OF_A_MONTH: Final = 30
# Lambda asks an idle queue by five long polls of 20 s, with a limit of concurrency too:
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
IDLE_POLLS: Final = 5 * (DAYS_OF_A_MONTH * 24 * 60 * 60) // 20
# what it takes to find a message without tags: one item more of the ledger
INDEX_WRITE_UNITS: Final = 1.0
# of each event whose mail's metadata is in the ledger
METADATA_READ_UNITS: Final = 1.0
# Base64 takes four bytes for three
ATTACHED: Final = 3 / 4
SEND: Final = "send"
TRACK: Final = "track"
ARCHIVE: Final = "archive"
TIMELINE: Final = "timeline"
LOGS: Final = "logs"
#: The parts of the cost, with what they are.
PARTS: Final = {
    SEND: "from the job to SES",
    TRACK: "from SES's events to the bus",
    ARCHIVE: "the archive of events",
    TIMELINE: "the timeline",
    LOGS: "logs",
}


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A line item: how many units of a price each mail uses, or a month."""

    part: str
    service: str
    what: str
    used: float
    price: Price

    @property
    def each(self) -> float:
        """USD for a mail, or for a month."""
        return self.used * self.price.each

    @property
    def per_million(self) -> float:
        """USD for a million mails."""
        return MILLION * self.each


def per_million(lines: Iterable[Line]) -> float:
    """Return USD for a million mails."""
    return sum(line.per_million for line in lines)


def of_mail(plan: Plan) -> tuple[Line, ...]:
    """Return what each mail costs, without SES and SNS."""
    return (*_send(plan), *_track(plan), *_archive(plan), *_timeline(plan), *_logs(plan))


def of_sns(plan: Plan) -> tuple[Line, ...]:
    """Return what SNS does with SES's events: no page of AWS's says whether either is billed."""
    return (
        _line("sns", "SQS", "put on the queue by SNS, if SQS bills it", plan.events, prices.SQS_REQUESTS),
        _line("sns", "SNS", "published by SES, if SNS bills it", plan.events, prices.SNS_PUBLISHES),
    )


def of_ses(plan: Plan) -> tuple[Line, ...]:
    """Return SES's own prices: one of the first two, and the third if the jobs are attachments."""
    attached = plan.kilobytes * 1000 * ATTACHED / GB
    return (
        _line("ses", "SES", "à la carte", 1.0, prices.SES_A_LA_CARTE),
        _line("ses", "SES", "or in the plan Essentials", 1.0, prices.SES_ESSENTIALS),
        _line("ses", "SES", "attachments, if a job is nothing else", attached, prices.SES_ATTACHMENT_GB),
    )


def of_month(plan: Plan) -> tuple[Line, ...]:
    """Return what a month costs without any mail."""
    found, options = deployed(), plan.options
    used = found.every
    for added, wanted in (
        (found.timeline, options.timeline_days),
        (found.inbound, options.inbound),
        (found.webhook, options.webhook),
    ):
        used = used + added if wanted else used
    items = (
        ("SQS", "queues that Lambda asks for messages", used.pollers * IDLE_POLLS, prices.SQS_REQUESTS),
        ("CloudWatch", "metrics that alarms watch", used.alarm_metrics, prices.ALARM_METRICS),
        ("CloudWatch", "Mailbus's own metrics, if written", used.custom_metrics, prices.CUSTOM_METRICS),
        ("CloudWatch", "dashboards", used.dashboards, prices.DASHBOARDS),
        ("KMS", "keys of the topics", used.keys, prices.KEYS),
        ("Secrets Manager", "secrets of the webhook", used.secrets, prices.SECRETS),
    )
    return tuple(_line("month", service, what, of, price) for service, what, of, price in items if of)


def _send(plan: Plan) -> Iterator[Line]:
    sender, size = plan.point.sender, plan.kilobytes
    if size > REFERENCED_KB:
        yield _line(SEND, "S3", "jobs over 1 MB written", 1.0, prices.S3_PUTS)
        yield _line(SEND, "S3", "and read", 1.0, prices.S3_GETS)
        size = 1.0
    batch = 1 if plan.load == "alone" else max(1, min(BATCH, math.floor(CALL_KB / size)))
    requests = math.ceil(batch * size / REQUEST_KB) / batch
    together = "" if batch == 1 else f", {batch} in a call"
    yield _line(SEND, "SQS", f"jobs put on the queue{together}", requests, prices.SQS_REQUESTS)
    more = requests - 1 / batch
    yield _line(SEND, "SQS", "jobs received and deleted", sender.requests + more, prices.SQS_REQUESTS)
    yield from _lambda(SEND, "the sender", sender, limits.SENDER_MEMORY_MB)
    writes = sender.write_units + (INDEX_WRITE_UNITS if plan.options.index_messages else 0)
    yield _line(SEND, "DynamoDB", "the ledger and the rate, written", writes, prices.WRITE_UNITS)
    if sender.read_units:
        yield _line(SEND, "DynamoDB", "the rate, read", sender.read_units, prices.READ_UNITS)
    stored = plan.point.ledger_bytes / GB * plan.options.ledger_days / DAYS_OF_A_MONTH
    yield _line(SEND, "DynamoDB", "the ledger, stored", stored, prices.TABLE_GB_MONTHS)
    yield _line(SEND, "DynamoDB", "and recoverable", stored, prices.BACKUP_GB_MONTHS)
    yield _line(SEND, "EventBridge", "`queued`", 1.0, prices.EVENTS)


def _track(plan: Plan) -> Iterator[Line]:
    tracking, events = plan.point.tracking, plan.events
    yield _line(
        TRACK, "SQS", "SES's events received and deleted", events * tracking.requests, prices.SQS_REQUESTS
    )
    yield from _lambda(TRACK, "tracking", tracking, limits.TRACKING.memory_mb, events)
    # only `Send` is looked up, of the four that were counted; without metadata in headers the others, too
    reads = 4 * tracking.read_units
    if not plan.options.metadata_in_headers:
        reads += METADATA_READ_UNITS * (events - 1)
    yield _line(TRACK, "DynamoDB", "the ledger, read", reads, prices.READ_UNITS)
    if tracking.write_units:
        writes = events * tracking.write_units
        yield _line(TRACK, "DynamoDB", "that events are processed", writes, prices.WRITE_UNITS)
    if plan.options.sent:
        yield _line(TRACK, "EventBridge", "`sent`", 1.0, prices.EVENTS)
    yield _line(TRACK, "EventBridge", "`delivered`, `opened` and others", events - 1, prices.EVENTS)


def _archive(plan: Plan) -> Iterator[Line]:
    size, days = plan.bus_events * plan.point.event_bytes / GB, plan.options.archive_days
    if days:
        yield _line(ARCHIVE, "EventBridge", "events archived", size, prices.ARCHIVE_GB)
        stored = size * days / DAYS_OF_A_MONTH
        yield _line(ARCHIVE, "EventBridge", f"kept {days} days", stored, prices.ARCHIVE_GB_MONTHS)


def _timeline(plan: Plan) -> Iterator[Line]:
    timeline, events, days = plan.point.timeline, plan.bus_events, plan.options.timeline_days
    if days:
        yield _line(TIMELINE, "SQS", "events, put by the bus's rule", events, prices.SQS_REQUESTS)
        yield _line(TIMELINE, "SQS", "received and deleted", events * timeline.requests, prices.SQS_REQUESTS)
        yield from _lambda(TIMELINE, "the timeline", timeline, limits.TIMELINE.memory_mb, events)
        yield _line(
            TIMELINE, "DynamoDB", "events and mails", events * timeline.write_units, prices.WRITE_UNITS
        )
        stored = events * plan.point.timeline_bytes / GB * days / DAYS_OF_A_MONTH
        yield _line(TIMELINE, "DynamoDB", f"kept {days} days", stored, prices.TABLE_GB_MONTHS)


def _logs(plan: Plan) -> Iterator[Line]:
    point = plan.point
    logged = point.sender.log_bytes + plan.events * point.tracking.log_bytes
    if plan.options.timeline_days:
        logged += plan.bus_events * point.timeline.log_bytes
    yield _line(LOGS, "CloudWatch", "lines of the functions and of Lambda", logged / GB, prices.LOG_GB)
    stored = logged / GB * plan.options.log_days / DAYS_OF_A_MONTH
    yield _line(LOGS, "CloudWatch", f"kept {plan.options.log_days} days", stored, prices.LOG_GB_MONTHS)


def _lambda(part: str, name: str, used: FunctionUse, memory_mb: int, times: float = 1.0) -> Iterator[Line]:
    seconds = times * used.seconds * memory_mb / 1024
    yield _line(part, "Lambda", f"{name} at {memory_mb:,} MB", seconds, prices.LAMBDA_GB_SECONDS)
    yield _line(part, "Lambda", "its invocations", times * used.invocations, prices.LAMBDA_INVOCATIONS)


def _line(part: str, service: str, what: str, used: float, price: Price) -> Line:
    return Line(part=part, service=service, what=what, used=used, price=price)
