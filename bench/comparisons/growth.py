"""Whether a message costs the same at ten times the backlog: of the sender, and of tracking.

The queues, the ledger, the bus's queue and the simulated SES's store are filled by the run itself: a backlog
of jobs is sent, then a backlog of what SES reports of them is tracked. Both backlogs shrink together, each in
services of its own, and of ten batches of the larger one, the last takes turns with one of the smaller. A
message's time is that of the function with all its calls, as Lambda bills it; what receives and deletes
messages is Lambda's own.
"""

from __future__ import annotations

import functools
import io
import json
import os
import time
from typing import TYPE_CHECKING, Any, Final
from unittest import mock

import msgspec
from aws_lambda_powertools import Logger

from bench.results import Goal, paired, result
from bench.support.jobs import FUNCTION_NAME, body
from bench.support.services import BUS, LEDGER, running
from bench.world.notifications import DELIVERY, JANE, TOPIC, mail_object, notification
from mailbus.aws.sqs import records
from mailbus.chunks import chunked
from mailbus.environment import TrackingSettings, to_environment
from mailbus_cdk import limits
from sender import wiring
from sender.batch import process as send
from tracking import wiring as tracking_wiring
from tracking.batch import process as track

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from bench.results import Result
    from bench.support.services import Services
    from mailbus.aws.sqs import Record

BACKLOG: Final = 200
TIMES: Final = 10
NO_LIMIT: Final = 1_000_000.0
FUNCTION_SECONDS: Final = 60.0
RECEIVED: Final = 10
#: Of the sender and of tracking: so small that the median of a backlog's batches is of some.
BATCH: Final = 20
#: What SES reports of each mail.
REPORTED: Final[Mapping[str, dict[str, object]]] = {"Send": {}, "Delivery": DELIVERY}
SAME: Final = Goal(of="ratio", at_most=1.1)
ANYBODY_SENDS: Final = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}],
    }
)


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What a message of a batch took, in milliseconds, with all calls and of a processor."""

    all: float
    processor: float


class Backlog:
    """A backlog on a queue, whose batches a function works on."""

    def __init__(self, services: Services, queue: str, work: Callable[[tuple[Record, ...]], None]) -> None:
        self._sqs = services.client("sqs")
        self._url = services.environment[f"{queue.upper()}_QUEUE_URL"]
        self._arn = services.arns[queue]
        self._work = work

    def fill(self, bodies: Sequence[str]) -> None:
        """Enqueue messages."""
        for texts in chunked(bodies, RECEIVED):
            entries = [{"Id": str(place), "MessageBody": text} for place, text in enumerate(texts)]
            answer = self._sqs.send_message_batch(QueueUrl=self._url, Entries=entries)
            assert not answer.get("Failed"), answer  # noqa: S101 - what was not enqueued must not count

    def batch(self) -> Cost:
        """Receive a batch, work on it, and delete it."""
        found = self._received()
        batch = records({"Records": [_record(self._arn, message) for message in found]})
        began, processor_began = time.perf_counter(), time.process_time()
        self._work(batch)
        ended, processor_ended = time.perf_counter(), time.process_time()
        for of_call in chunked(found, RECEIVED):
            entries = [
                {"Id": str(place), "ReceiptHandle": message["ReceiptHandle"]}
                for place, message in enumerate(of_call)
            ]
            self._sqs.delete_message_batch(QueueUrl=self._url, Entries=entries)
        each = 1000 / BATCH
        return Cost(all=each * (ended - began), processor=each * (processor_ended - processor_began))

    def _received(self) -> Sequence[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while len(found) < BATCH:
            answer = self._sqs.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=min(RECEIVED, BATCH - len(found)),
                MessageSystemAttributeNames=["All"],
                VisibilityTimeout=600,
            )
            found += answer["Messages"]
        return found


def measure() -> Iterator[Result]:
    """Compare a backlog with one of ten times as many jobs."""
    with running() as small, running() as large:
        sizes = {large: TIMES * BACKLOG, small: BACKLOG}
        bodies = {services: [body() for _ in range(jobs)] for services, jobs in sizes.items()}
        for services in sizes:
            services.limit(max_send_rate=NO_LIMIT, latency_ms=0)
            _connect(services)
        yield from _compared(
            "the sender, a mail of a backlog",
            {services: Backlog(services, "bulk", _sending(services)) for services in sizes},
            bodies,
        )
        assert [services.counted()["accepted"] for services in sizes] == [*sizes.values()]  # noqa: S101 - what failed was not measured
        yield from _compared(
            "tracking, an event of a backlog",
            {services: Backlog(services, "tracking", _tracking(services)) for services in sizes},
            {services: [*_reports(texts)] for services, texts in bodies.items()},
        )
        yield result(
            "the ledger, a mail, as JSON",
            *((_at(jobs), _ledger_bytes(services) / jobs) for services, jobs in sizes.items()),
            unit="bytes",
            goal=SAME,
        )


def _compared(
    title: str, backlogs: Mapping[Services, Backlog], bodies: Mapping[Services, Sequence[str]]
) -> Iterator[Result]:
    """Work on both backlogs, the larger one first; compare the batches that take turns."""
    for services, backlog in backlogs.items():
        backlog.fill(bodies[services])
    large, small = backlogs.values()
    pairs: list[tuple[Cost, Cost]] = []
    counts = [len(texts) for texts in bodies.values()]
    for _ in range(min(counts) // BATCH):
        for _ in range(TIMES - 1):
            large.batch()
        pairs.append((large.batch(), small.batch()))
    for what, field in (("with all calls", "all"), ("of a processor", "processor")):
        own, other = ([getattr(cost, field) for cost in costs] for costs in zip(*pairs, strict=True))
        names = [_at(count) for count in counts]
        yield paired(f"{title}, {what}", (names[0], own), (names[1], other), unit="ms", goal=SAME)


def _at(count: int) -> str:
    return f"at {count:,}"


def _connect(services: Services) -> None:
    """Have the bus pass all events to a queue, which keeps them."""
    events, sqs = services.client("events"), services.client("sqs")
    sqs.set_queue_attributes(
        QueueUrl=services.environment["DEAD_LETTER_QUEUE_URL"], Attributes={"Policy": ANYBODY_SENDS}
    )
    events.put_rule(Name="all", EventBusName=BUS, EventPattern='{"source":["mailbus"]}')
    events.put_targets(
        Rule="all", EventBusName=BUS, Targets=[{"Id": "queue", "Arn": services.arns["dead-letters"]}]
    )


def _reports(bodies: Sequence[str]) -> Iterator[str]:
    """Yield SES's notifications of jobs that were sent, in the order in which SES makes them."""
    for kind, content in REPORTED.items():
        for number, text in enumerate(bodies):
            mail = mail_object(JANE, message_id=f"0102019a-{number:06}", job_id=json.loads(text)["job_id"])
            yield notification({"eventType": kind, "mail": mail, kind.lower(): content}, topic=TOPIC)


def _sending(services: Services) -> Callable[[tuple[Record, ...]], None]:
    """Return the sender's work, with clients of its own for the services."""
    with mock.patch.dict(os.environ, services.environment):
        wiring.wire.cache_clear()
        wired = wiring.wire(FUNCTION_NAME)
        wiring.wire.cache_clear()
    sender = msgspec.structs.replace(
        wired,
        log=Logger(service="sender-bench", stream=io.StringIO()),
        put_metric=lambda _name, _value: None,
        write_metrics=lambda: None,
    )

    def work(batch: tuple[Record, ...]) -> None:
        answer = send(sender, batch, time.time() + FUNCTION_SECONDS)
        assert answer == {"batchItemFailures": []}, answer  # noqa: S101 - what failed was not measured

    return work


def _tracking(services: Services) -> Callable[[tuple[Record, ...]], None]:
    """Return tracking's work, with clients of its own for the services."""
    settings = TrackingSettings(
        event_bus_name=BUS,
        dead_letter_queue_url=services.environment["DEAD_LETTER_QUEUE_URL"],
        tracking_topic_arn=TOPIC,
        tracking_queue_url=services.environment["TRACKING_QUEUE_URL"],
        ledger_table_name=LEDGER,
        max_receives=limits.REPORT_RETRIES,
        events_bucket_name="mailbus-bench",
        esp_events_prefix="esp-events/",
    )
    with mock.patch.dict(os.environ, {**services.environment, **to_environment(settings)}):
        tracking_wiring.wire.cache_clear()
        # of what was wired, some parts are replaced
        wired: Any = tracking_wiring.wire("bench")
        tracker = functools.partial(
            wired,
            limits.TRACKING.timeout_seconds,
            log=Logger(service="tracking-bench", stream=io.StringIO()),
            put_metrics=lambda _: None,
        )
        tracking_wiring.wire.cache_clear()

    def work(batch: tuple[Record, ...]) -> None:
        answer = track(batch, tracker())
        assert not answer, answer  # noqa: S101 - what failed was not measured

    return work


def _record(arn: str, message: dict[str, Any]) -> dict[str, Any]:
    """Return a message as the event source mapping passes it."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": {},
        "eventSourceARN": arn,
    }


def _ledger_bytes(services: Services) -> int:
    """Return the bytes of all items of mails."""
    pages = services.client("dynamodb").get_paginator("scan").paginate(TableName=LEDGER)
    return sum(len(msgspec.json.encode(item)) for page in pages for item in page["Items"])
