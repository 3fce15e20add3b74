"""A deployment in memory on a clock of its own, with workers that die: the same course for the same seed."""

from __future__ import annotations

import heapq
import itertools
import json
import random
import threading
from collections import Counter, defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from mailbus.aws.dead_letters import DeadLetterQueue
from mailbus.aws.event_bus import EventBus
from mailbus.aws.sqs import Record, records
from mailbus.ledger.acceptances import Acceptances
from mailbus.ledger.table import LedgerTable
from tests.unit.fakes.dynamodb import TABLE, FakeDynamoDb
from tests.unit.fakes.s3 import FakeS3
from tests.unit.sender.faults.clients import (
    FaultyBus,
    Uncalled,
)
from tests.unit.sender.faults.deployment import (
    BATCH,
    DOUBT_SECONDS,
    HIDDEN_SECONDS,
    TOPIC,
    WORKERS,
    Fault,
    Likely,
)
from tests.unit.sender.faults.worker import Worker
from tests.unit.sender.settings import DEAD_LETTERS, START
from tests.unit.tracking.world import SETTINGS as TRACKING
from tracking.aws.esp_events import EspEvents
from tracking.aws.tracking_queue import TrackingQueue
from tracking.batch import process as track
from tracking.health import HealthNotes
from tracking.tracker import Tracker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mailbus.environment import SenderSettings


class Message:
    """A message that SQS may deliver twice, and keep although it was deleted by an old handle."""

    def __init__(
        self, message_id: str, queue_arn: str, body: str, attributes: Mapping[str, Any], sent_at: float
    ) -> None:
        self.message_id = message_id
        self.queue_arn = queue_arn
        self.body = body
        self.attributes = attributes
        self.sent_at = sent_at
        self.visible_at = sent_at
        self.receives = 0

    def delivery(self) -> Record:
        delivered = {
            "messageId": self.message_id,
            "receiptHandle": f"{self.message_id}/{self.receives}",
            "body": self.body,
            "attributes": {
                "ApproximateReceiveCount": str(self.receives),
                "SentTimestamp": str(round(self.sent_at * 1000)),
            },
            "messageAttributes": {
                name: {"stringValue": value["StringValue"]} for name, value in self.attributes.items()
            },
            "eventSourceARN": self.queue_arn,
        }
        [record] = records({"Records": [delivered]})
        return record


class World:
    """Queues, SES, bus, ledger and schedules, and the clock that they all go by."""

    def __init__(self, *, seed: int, settings: SenderSettings, likely: Likely) -> None:
        self.seed, self.settings, self.likely = seed, settings, likely
        self.chance = random.Random(seed)  # noqa: S311 - a story, no secret
        self.now = START
        self.dynamodb = FakeDynamoDb()
        self.messages: dict[str, Message] = {}
        self.schedules: dict[str, dict[str, Any]] = {}
        self.dead: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        # SES's message ids by the tags of the messages, and when each of them was handed over
        self.accepted: dict[tuple[str, str], list[str]] = defaultdict(list)
        self.accepted_at: dict[str, float] = {}
        self.reported_at: dict[str, float] = {}
        self.calls: Counter[tuple[str, str]] = Counter()
        self.hit: dict[Fault, set[str]] = defaultdict(set)
        self.numbers = itertools.count()
        self.batches = itertools.count()
        self.log = Logger(service=f"sender-{seed}-{settings.on_unknown}", level="CRITICAL")
        self._idle = set(range(WORKERS))
        self._agenda: list[tuple[float, str, Callable[[], None]]] = []
        self._lock = threading.Lock()
        self._tracking = Tracker(
            settings=TRACKING,
            ledger=Acceptances(LedgerTable(self.dynamodb, TABLE, sleep=lambda _: None)),  # type: ignore[arg-type] # a fake
            bus=EventBus(FaultyBus(self), settings.event_bus_name, sleep=lambda _: None),  # type: ignore[arg-type] # as above
            dead_letters=DeadLetterQueue(Uncalled(), DEAD_LETTERS),  # type: ignore[arg-type] # as above
            esp_events=lambda: EspEvents(FakeS3(), bucket="unused", prefix="esp-events/"),  # type: ignore[arg-type] # as above
            queue=TrackingQueue(Uncalled(), DEAD_LETTERS),  # type: ignore[arg-type] # as above
            health=HealthNotes(),
            log=self.log,
            now=lambda: self.now,
        )

    def at(self, moment: float, name: str, act: Callable[[], None]) -> None:
        """Schedule an action; of actions at the same time, the order of their names decides."""
        with self._lock:
            heapq.heappush(self._agenda, (moment, name, act))

    def run(self) -> None:
        """Let time pass until there is nothing left to do."""
        while self._agenda:
            self.now, _, act = heapq.heappop(self._agenda)
            assert self.now < START + 14 * 24 * 60 * 60, "what is still queued is about to be deleted"
            act()

    def enqueue(
        self, queue_arn: str, body: str, attributes: Mapping[str, Any] | None = None, *, delay: float = 0.0
    ) -> None:
        message_id = f"sqs-{next(self.numbers)}"
        self.messages[message_id] = Message(message_id, queue_arn, body, attributes or {}, self.now)
        self.show(self.messages[message_id], self.now + delay)

    def chance_for(self, *names: object) -> random.Random:
        """Draw by what it is for, so that it does not matter who draws first."""
        return random.Random(f"{self.seed} {names}")  # noqa: S311 - as above

    def accept(self, job_id: str, entry: str, at: float, chance: random.Random) -> str:
        """Accept a mail as SES does, and report it later: within the call, soon, or nearly too late."""
        with self._lock:
            copies = self.accepted[job_id, entry]
            message_id = f"ses-{job_id}-{entry}-{len(copies)}"
            copies.append(message_id)
        late = chance.random() < self.likely.late_event
        delay = (
            DOUBT_SECONDS + chance.uniform(10, 1000)
            if late
            else chance.choice([0.001, 0.05, 2.0, 8.0, DOUBT_SECONDS - 15.0]) * chance.random()
        )
        self.accepted_at[message_id] = at
        self.reported_at[message_id] = at + delay
        self.at(at + delay, message_id, lambda: self._report(job_id, entry, message_id, at))
        return message_id

    def _report(self, job_id: str, entry: str, message_id: str, at: float) -> None:
        tags = {"mailbus-job-id": [job_id]} | ({"mailbus-entry": [entry]} if entry else {})
        moment = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
        mail = {
            "timestamp": moment,
            "messageId": message_id,
            "source": "shop@example.com",
            "sourceArn": "arn:aws:ses:eu-west-1:210987654321:identity/example.com",
            "destination": ["ada@example.org"],
            "headersTruncated": False,
            "headers": [{"name": "X-Metadata", "value": '{"order": 4711}'}],
            "tags": tags,
        }
        body = {
            "Type": "Notification",
            "MessageId": f"sns-{message_id}",
            "TopicArn": TOPIC,
            "Message": json.dumps({"eventType": "Send", "mail": mail, "send": {}}),
            "Timestamp": moment,
        }
        record = Record(message_id=message_id, receipt_handle=message_id, body=json.dumps(body))
        assert track([record], self._tracking) == ()

    def schedule(self, name: str, due: float, queue_arn: str, body: str) -> None:
        self.schedules[name] = {"due": due}

        def fire() -> None:
            del self.schedules[name]
            self.enqueue(queue_arn, body)

        self.at(due, name, fire)

    def show(self, message: Message, moment: float) -> None:
        """Have a message visible from a moment on."""
        message.visible_at = moment
        self.at(moment, f"queue {message.message_id}", self._serve)

    def rest(self, slot: int, until: float) -> None:
        """Take a worker back, which can do something else from then on."""

        def free() -> None:
            self._idle.add(slot)
            self._serve()

        self.at(until, f"worker {slot}", free)

    def _serve(self) -> None:
        while self._idle:
            batch = self._receive()
            if not batch:
                return
            slot = min(self._idle)
            self._idle.remove(slot)
            Worker(self, slot, batch).begin()

    def _receive(self) -> list[Record]:
        ready = [message for message in self.messages.values() if message.visible_at <= self.now]
        if not ready:
            return []
        lane = self.chance.choice(ready).queue_arn
        taken = [message for message in ready if message.queue_arn == lane][: self.chance.randint(3, BATCH)]
        for message in taken:
            message.receives += 1
            twice = message.receives == 1 and self.chance.random() < self.likely.twice
            if twice:
                self.hit["delivered twice"].add(json.loads(message.body)["job_id"])
            self.show(
                message, self.now + (self.chance.choice([0.001, 0.3, 2.0]) if twice else HIDDEN_SECONDS)
            )
        return [message.delivery() for message in taken]

    def find(self, handle: str) -> tuple[Message | None, bool]:
        """Look a message up by a receipt handle; whether that is the newest one."""
        message_id, _, number = handle.partition("/")
        message = self.messages.get(message_id)
        return message, message is not None and message.receives == int(number)

    def delete(self, handle: str) -> None:
        message, newest = self.find(handle)
        if message is not None and (newest or self.chance.random() < 0.5):
            del self.messages[message.message_id]
