"""A sender with stand-ins for AWS's clients, in simulated time."""

from __future__ import annotations

import io
import itertools
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
from aws_lambda_powertools import Logger

from mailbus.aws.dead_letters import DeadLetterQueue
from mailbus.aws.event_bus import EventBus
from mailbus.ledger.acceptances import Acceptances
from mailbus.ledger.cancellation import cancel
from mailbus.ledger.claims import Claims
from mailbus.ledger.items import read
from mailbus.ledger.records import RecordKey
from mailbus.ledger.table import LedgerTable
from sender.aws.s3 import Objects
from sender.aws.scheduler import Schedules
from sender.aws.send_queues import SendQueues
from sender.aws.tracking_queue import TrackingQueue
from sender.batch import process
from sender.rate.slots import SendAt
from sender.ses.client import MailService
from sender.wiring import Sender
from tests.unit.fakes.clients import FakeEvents
from tests.unit.fakes.dynamodb import TABLE, FakeDynamoDb, item_key
from tests.unit.fakes.s3 import FakeS3
from tests.unit.fakes.side_by_side import in_turn
from tests.unit.sender.clock import Clock
from tests.unit.sender.fake_queues import FakeQueues
from tests.unit.sender.fake_scheduler import FakeScheduler
from tests.unit.sender.fake_ses import FakeSes
from tests.unit.sender.fake_tracking_queue import FakeTrackingQueue
from tests.unit.sender.jobs import letter
from tests.unit.sender.settings import (
    BULK_QUEUE,
    CANCELLED_SECONDS,
    DEAD_LETTERS,
    FUNCTION_SECONDS,
    JOBS_BUCKET,
    SEND_QUEUE,
    SETTINGS,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mailbus.ledger.cancellation import Cancellation
    from mailbus.ledger.records import JobRecord
    from mailbus.metrics import Metric
    from mailbus.stages import Lane
    from sender.rate.slots import Decision


class Pace:
    """Allows each call at once, or decides as `decisions` do for the next reservations."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.decisions: list[Callable[[int], list[Decision]]] = []
        self.reserved: list[tuple[list[int], Lane]] = []
        self.largest = 50
        self.throttles = 0

    def reserve(self, recipients: Sequence[int], lane: Lane) -> list[Decision]:
        self.reserved.append((list(recipients), lane))
        if self.decisions:
            return self.decisions.pop(0)(len(recipients))
        return [SendAt(due=self.clock.now) for _ in recipients]

    def largest_call(self) -> int:
        return self.largest

    def throttled(self) -> None:
        self.throttles += 1


_WORLDS = itertools.count()


class World:
    """A deployed sender. Jitter takes its upper bound, so that every wait is known."""

    def __init__(self, **settings: Any) -> None:
        self.settings = msgspec.structs.replace(SETTINGS, **settings)
        self.clock = Clock()
        self.queues = FakeQueues(self.clock)
        self.ses, self.s3, self.scheduler = (
            FakeSes(),
            FakeS3(content_type="application/json"),
            FakeScheduler(),
        )
        self.events, self.dynamodb, self.pace = FakeEvents(), FakeDynamoDb(), Pace(self.clock)
        self.metrics: list[tuple[str, float]] = []
        self.lines = 0
        self.stream = io.StringIO()
        clients: Any = self.queues, self.ses, self.s3, self.scheduler, self.events, self.dynamodb
        sqs, ses, s3, scheduler, events, dynamodb = clients
        self.reports = FakeTrackingQueue()
        reports: Any = self.reports
        pacer: Any = self.pace
        table = LedgerTable(dynamodb, TABLE, sleep=lambda _: None)
        self.table, self.ledger, self.acceptances = (
            table,
            Claims(table, side_by_side=in_turn),
            Acceptances(table),
        )
        self.sender = Sender(
            settings=self.settings,
            mail=MailService(ses, clock=lambda: self.clock.now),
            bus=EventBus(
                events, self.settings.event_bus_name, sleep=lambda _: None, clock=lambda: self.clock.now
            ),
            queues=SendQueues(
                sqs, {SEND_QUEUE: SETTINGS.send_queue_url, BULK_QUEUE: SETTINGS.bulk_queue_url}
            ),
            dead_letters=DeadLetterQueue(sqs, DEAD_LETTERS),
            ledger=self.ledger,
            tracking_queue=TrackingQueue(reports, SETTINGS.tracking_queue_url),
            objects=Objects(s3, own_bucket=JOBS_BUCKET, buckets=self.settings.source_buckets),
            schedules=Schedules(
                scheduler,
                group_name=self.settings.schedule_group_name,
                role_arn=self.settings.schedule_role_arn,
                dead_letter_queue_arn=self.settings.dead_letter_queue_arn,
            ),
            pacer=pacer,
            wait_until=self.clock.wait_until,
            log=Logger(service=f"sender-{id(self)}-{next(_WORLDS)}", stream=self.stream, level="INFO"),
            now=lambda: datetime.fromtimestamp(self.clock.now, UTC),
            uniform=lambda _low, high: high,
            put_metric=lambda name, value: self.metrics.append((name, value)),
            write_metrics=self._write_metrics,
        )

    def put(self, **job: Any) -> str:
        """Enqueue a job; return the id of its message."""
        return self.queues.put(json.dumps(letter(**job)))

    def configure(self, **settings: Any) -> None:
        """Deploy again, with other settings."""
        self.settings = msgspec.structs.replace(self.settings, **settings)
        self.sender = msgspec.structs.replace(self.sender, settings=self.settings)

    def _write_metrics(self) -> None:
        self.lines += 1

    def measured(self, name: Metric) -> list[float]:
        """Return the values of a metric so far."""
        return [value for each, value in self.metrics if each == name]

    def deliver(self, most: int = 10) -> None:
        """Run the function once on what is visible."""
        records = self.queues.receive(most)
        if not records:
            return
        answer = process(self.sender, records, self.clock.now + FUNCTION_SECONDS)
        requeued = [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
        assert len(set(requeued)) == len(requeued)
        for record in records:
            if record.sqs_id not in requeued:
                del self.queues.messages[record.sqs_id]

    def run(self, seconds: float = 3600.0) -> None:
        """Deliver until the queue is empty or the time has passed."""
        end = self.clock.now + seconds
        while self.queues.messages:
            soonest = min(message.visible_at for message in self.queues.messages.values())
            if soonest > end:
                return
            self.clock.now = max(self.clock.now, soonest)
            self.deliver()

    @property
    def waiting(self) -> list[str]:
        """The ids by which the messages on the send queues are known; that of a copy is its first one."""
        return [self.queues.record(message).message_id for message in self.queues.messages.values()]

    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    def report_sends(self) -> None:
        """Record SES's `Send` events in the ledger, as the tracking function does in the end."""
        errors, self.dynamodb.errors = self.dynamodb.errors, []
        for mail in self.ses.mails:
            part, _, entry = (mail.entry or "0").rpartition("-")
            key = RecordKey(job_id=mail.job_id, part=int(part) if part else None)
            self.acceptances.mark_accepted(key, int(entry), mail.message_id, self.clock.now)
        self.dynamodb.errors = errors

    def cancel(self, job_id: str = "job-ann") -> Cancellation:
        """Cancel a job as an application does."""
        now = self.clock.now
        return cancel(self.table, job_id, now=now, expires_at=int(now) + CANCELLED_SECONDS)

    def come_due(self) -> None:
        """Run the one schedule, as EventBridge does: once, then it is deleted."""
        [(name, schedule)] = self.scheduler.schedules.items()
        text = schedule["ScheduleExpression"]
        due = datetime.strptime(text, "at(%Y-%m-%dT%H:%M:%S)").replace(tzinfo=UTC)
        self.clock.now = max(self.clock.now, due.timestamp())
        del self.scheduler.schedules[name]
        self.queues.put(schedule["Target"]["Input"], queue_arn=schedule["Target"]["Arn"])

    def resend(self, dead: dict[str, Any]) -> str:
        """Move a dead letter back to the queue, as an operator does."""
        given = {name: value["StringValue"] for name, value in dead["MessageAttributes"].items()}
        return self.queues.put(
            dead["MessageBody"],
            part=int(given["Part"]) if "Part" in given else None,
            redriven_from=given.get("OriginalMessageId"),
        )

    @property
    def published(self) -> list[dict[str, Any]]:
        """The events on the bus."""
        return [json.loads(entry["Detail"]) for entry in self.events.taken]

    def recipients_of(self, event_type: str) -> list[str]:
        """The names of the recipients of one type of event, each event once, however often published."""
        once = {event["event_id"]: event for event in self.published if event["event_type"] == event_type}
        return [str(event["recipient"]).partition("@")[0] for event in once.values()]

    def record(self, job_id: str = "job-ann", part: int | None = None) -> JobRecord:
        sk = "job" if part is None else f"part#{part}"
        return read(self.dynamodb.items[f"job#{job_id}", sk])

    @property
    def records(self) -> list[JobRecord]:
        return [read(item) for item in self.dynamodb.items.values() if item_key(item)[0].startswith("job#")]

    @property
    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    @property
    def outcomes(self) -> list[str]:
        return [
            outcome
            for line in self.log
            for outcome in (
                ["queued"] * len(line["jobs"])
                if line["message"] == "jobs queued"
                else [line["outcome"]] * (line["message"] == "job settled")
            )
        ]

    @property
    def reasons(self) -> list[str]:
        """The dead letters' reasons."""
        return [dead["MessageAttributes"]["Reason"]["StringValue"] for dead in self.queues.dead]

    @property
    def codes(self) -> list[str]:
        """The dead letters' error codes."""
        return [dead["MessageAttributes"]["Code"]["StringValue"] for dead in self.queues.dead]
