"""A deployment in memory on a clock of its own, with workers that die: the same story for the same seed.

Workers are threads of which one runs at a time: each call to AWS is a pause, after which whoever is next by
the clock goes on. Within a worker the sender's own threads call SES for real; what comes of a call is drawn
from the job and the number of the try, so that their order decides nothing.
"""

from __future__ import annotations

import heapq
import itertools
import json
import random
import threading
from collections import Counter, defaultdict
from datetime import UTC, datetime
from email.utils import parseaddr
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec
from aws_lambda_powertools import Logger
from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError, ReadTimeoutError

from mailbus.aws.dead_letters import DeadLetterQueue
from mailbus.aws.event_bus import EventBus
from mailbus.aws.sqs import PART_ATTRIBUTE, Record
from mailbus.environment import SenderSettings
from mailbus.ledger.acceptances import Acceptances
from mailbus.ledger.claims import Claims
from mailbus.ledger.table import LedgerTable
from sender.aws.s3 import Objects
from sender.aws.scheduler import Schedules
from sender.aws.send_queues import SendQueues
from sender.batch import process
from sender.rate.gcra import RetryAfter, SendAt
from sender.ses.client import MailService
from sender.wiring import Sender
from tests.unit.fakes.dynamodb import TABLE, FakeDynamoDb
from tests.unit.fakes.s3 import FakeS3
from tests.unit.tracking.world import SETTINGS as TRACKING
from tracking.aws.esp_events import EspEvents
from tracking.aws.tracking_queue import TrackingQueue
from tracking.batch import process as track
from tracking.tracker import Tracker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

START: Final = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()
FUNCTION_SECONDS: Final = 60.0
HIDDEN_SECONDS: Final = 90.0
DOUBT_SECONDS: Final = 120.0
WORKERS: Final = 6
BATCH: Final = 10
# how long the applications go on enqueuing
SECONDS: Final = 600.0
TOPIC: Final = "arn:aws:sns:eu-west-1:210987654321:mailbus-dev-tracking"
ACCOUNT: Final = "https://sqs.eu-west-1.amazonaws.com/210987654321/"
QUEUES: Final = {
    f"arn:aws:sqs:eu-west-1:210987654321:{name}": f"{ACCOUNT}{name}"
    for name in ("mailbus-dev-send", "mailbus-dev-bulk")
}
SEND, BULK = QUEUES
DEAD: Final = f"{ACCOUNT}mailbus-dev-send-dead"

Fault = Literal[
    "killed before the call",
    "killed after SES accepted",
    "killed after the ledger write",
    "killed before the acknowledgement",
    "answer broken",
    "delivered twice",
]
# how probable each is for a batch, so that a tenth of the jobs, or some more, meet it
DEATHS: Final[dict[Fault, float]] = {
    "killed before the call": 0.12,
    "killed after SES accepted": 0.18,
    "killed after the ledger write": 0.13,
    "killed before the acknowledgement": 0.07,
}

SETTINGS: Final = SenderSettings(
    event_bus_name="mailbus-dev",
    dead_letter_queue_url=DEAD,
    send_queue_url=QUEUES[SEND],
    send_queue_arn=SEND,
    bulk_queue_url=QUEUES[BULK],
    bulk_queue_arn=BULK,
    dead_letter_queue_arn="arn:aws:sqs:eu-west-1:210987654321:mailbus-dev-send-dead",
    configuration_set_name="mailbus",
    metadata_in_headers=True,
    jobs_bucket_name="mailbus-dev-jobs",
    schedule_group_name="mailbus-dev",
    schedule_role_arn="arn:aws:iam::210987654321:role/mailbus-dev-schedules",
    max_attempts=20,
    ledger_table_name=TABLE,
    ledger_days=7,
    rate_cache_seconds=60,
    bulk_share=1.0,
    doubt_seconds=DOUBT_SECONDS,
    on_unknown="resend",
)


class Killed(BaseException):
    """The worker's process is gone: nothing of it may catch this, and nothing of it happens any more."""


class Likely(msgspec.Struct, frozen=True, kw_only=True):
    """How probable each fault is: of a call, or of a delivery; how many times `DEATHS` that a worker dies."""

    deaths: float = 1.0
    broken: float = 0.16
    twice: float = 0.1
    throttled: float = 0.03
    ledger: float = 0.02
    bus: float = 0.02
    # of the events that tell what SES accepted, those that come when nobody waits for them any more
    late_event: float = 0.0


class Message:
    """A message of a queue, which SQS may deliver twice, and keep though it was deleted by an old handle."""

    def __init__(self, message_id: str, queue_arn: str, body: str, part: int | None, sent_at: float) -> None:
        self.message_id = message_id
        self.queue_arn = queue_arn
        self.body = body
        self.part = part
        self.sent_at = sent_at
        self.visible_at = sent_at
        self.receives = 0

    def delivery(self) -> Record:
        return Record(
            message_id=self.message_id,
            receipt_handle=f"{self.message_id}/{self.receives}",
            body=self.body,
            receive_count=self.receives,
            sent_at=self.sent_at,
            part=self.part,
            queue_arn=self.queue_arn,
        )


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
        self.told_at: dict[str, float] = {}
        self.calls: Counter[str] = Counter()
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
            bus=EventBus(_Bus(self), settings.event_bus_name, sleep=lambda _: None),  # type: ignore[arg-type] # as above
            dead_letters=DeadLetterQueue(_Nobody(), DEAD),  # type: ignore[arg-type] # as above
            esp_events=lambda: EspEvents(FakeS3(), bucket="nobody", prefix="esp-events/"),  # type: ignore[arg-type] # as above
            queue=TrackingQueue(_Nobody(), DEAD),  # type: ignore[arg-type] # as above
            log=self.log,
            now=lambda: self.now,
        )

    def at(self, moment: float, name: str, act: Callable[[], None]) -> None:
        """Have something happen; names tell what happens first of what happens at one moment."""
        with self._lock:
            heapq.heappush(self._agenda, (moment, name, act))

    def run(self) -> None:
        """Let time pass until there is nothing left to do."""
        while self._agenda:
            self.now, _, act = heapq.heappop(self._agenda)
            assert self.now < START + 14 * 24 * 60 * 60, "what is still queued is about to be deleted"
            act()

    def enqueue(self, queue_arn: str, body: str, part: int | None = None) -> None:
        message_id = f"sqs-{next(self.numbers)}"
        self.messages[message_id] = Message(message_id, queue_arn, body, part, self.now)
        self.show(self.messages[message_id], self.now)

    def chance_for(self, *names: object) -> random.Random:
        """Draw by what it is for, so that it does not matter who draws first."""
        return random.Random(f"{self.seed} {names}")  # noqa: S311 - as above

    def accept(self, job_id: str, entry: str, at: float, chance: random.Random) -> str:
        """Take a mail as SES does, and tell of it later: within the call, soon, or nearly too late."""
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
        self.told_at[message_id] = at + delay
        self.at(at + delay, message_id, lambda: self._tell(job_id, entry, message_id, at))
        return message_id

    def _tell(self, job_id: str, entry: str, message_id: str, at: float) -> None:
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


class Worker:
    """One worker with one batch: the real sender on clients that pause, fail, and die when it is time."""

    def __init__(self, world: World, slot: int, batch: Sequence[Record]) -> None:
        self.world, self.slot, self.batch = world, slot, batch
        self.chance = world.chance_for("batch", next(world.batches))
        self.deadline = world.now + FUNCTION_SECONDS
        # until when what this worker's threads do takes
        self.busy_until = world.now
        self.death = next(
            (death for death, part in DEATHS.items() if self._draws(part * world.likely.deaths)), None
        )
        self.called = False
        self._own = threading.local()
        self._turn, self._paused = threading.Semaphore(0), threading.Semaphore(0)
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def begin(self) -> None:
        self._thread.start()
        self._go_on()

    def pause(self) -> None:
        """Let the others work until the call is there."""
        moment = max(self.world.now, self.busy_until) + self.chance.uniform(0.001, 0.02)
        self.world.at(moment, f"worker {self.slot}", self._go_on)
        self._paused.release()
        self._turn.acquire()
        if self.world.now > self.deadline:
            raise Killed

    def die(self, death: Fault, job_ids: Sequence[str] = ()) -> None:
        """Die here if it is so told."""
        if self.death == death:
            self.world.hit[death] |= set(job_ids or self.job_ids)
            raise Killed

    @property
    def job_ids(self) -> set[str]:
        return {json.loads(record.body)["job_id"] for record in self.batch}

    def now(self) -> datetime:
        moment = getattr(self._own, "now", None) or max(self.world.now, self.busy_until)
        return datetime.fromtimestamp(moment, UTC)

    def wait_until(self, moment: float) -> None:
        if threading.current_thread() is self._thread:
            self.busy_until = max(self.busy_until, moment)
            self.pause()
        else:
            self._own.now = max(self.world.now, moment)

    def call(self, job_id: str, number: int) -> tuple[float, random.Random]:
        """Take the time for a call of SES; when it gets there, and what decides about it."""
        chance = self.world.chance_for("call", job_id, number)
        at: float = self._own.now
        took = at + chance.choice([0.05, 0.2, 0.2, 0.2, 1.0, 12.0 * chance.random()])
        with _TIMES:
            self.busy_until = max(self.busy_until, took)
        return at, chance

    def _draws(self, probability: float) -> bool:
        return self.chance.random() < probability

    def _go_on(self) -> None:
        self._turn.release()
        self._paused.acquire()
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        self._turn.acquire()
        try:
            answer = process(self._sender(), self.batch, self.deadline)
            self.pause()
            self.die("killed before the acknowledgement")
            failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
            for record in self.batch:
                if record.message_id not in failed:
                    self.world.delete(record.receipt_handle)
        except Killed:
            pass
        except Exception as error:  # noqa: BLE001 - the test's own thread raises it
            self._failure = error
        self.world.rest(self.slot, max(self.world.now, self.busy_until))
        self._paused.release()

    def _sender(self) -> Sender:
        world = self.world
        sqs, dynamodb = _Sqs(self), _Dynamo(self)
        return Sender(
            settings=world.settings,
            mail=MailService(_Ses(self)),  # type: ignore[arg-type] # a fake, as all of these
            # one after the other: a pause is the whole worker's
            bus=EventBus(_Bus(world, self), world.settings.event_bus_name, workers=1, sleep=self._sleep),  # type: ignore[arg-type]
            queues=SendQueues(sqs, QUEUES),  # type: ignore[arg-type]
            dead_letters=DeadLetterQueue(sqs, DEAD),  # type: ignore[arg-type]
            ledger=Claims(LedgerTable(dynamodb, TABLE, sleep=self._sleep)),  # type: ignore[arg-type]
            objects=Objects(_Nobody(), own_bucket="mailbus-dev-jobs", buckets=()),  # type: ignore[arg-type]
            schedules=Schedules(
                _Scheduler(self),  # type: ignore[arg-type]
                group_name=world.settings.schedule_group_name,
                role_arn=world.settings.schedule_role_arn,
                dead_letter_queue_arn=world.settings.dead_letter_queue_arn,
            ),
            pacer=_Pace(self),  # type: ignore[arg-type]
            wait_until=self.wait_until,
            log=world.log,
            now=self.now,
            uniform=self.chance.uniform,
            put_metric=lambda _name, _value: None,
        )

    def _sleep(self, seconds: float) -> None:
        self.busy_until = max(self.world.now, self.busy_until) + seconds
        self.pause()


_TIMES: Final = threading.Lock()


class _Nobody:
    """A client that nobody has a reason to call."""


class _Pace:
    """Mostly a turn now; at times none for those at the end, and merges in smaller calls."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def reserve(self, recipients: Sequence[int], lane: str) -> list[SendAt | RetryAfter]:
        assert lane in {"transactional", "bulk"}
        chance = self._worker.chance
        now = self._worker.now().timestamp()
        turns: list[SendAt | RetryAfter] = [
            SendAt(due=now + 0.02 * place) for place in range(len(recipients))
        ]
        if chance.random() < 0.1:
            kept = chance.randrange(len(turns))
            turns[kept:] = [RetryAfter(seconds=chance.choice([0.5, 3.0, 20.0]))] * (len(turns) - kept)
        return turns

    def largest_call(self) -> int:
        return self._worker.chance.choice([7, 25, 50])


class _Ses:
    """SES, whose answers break, and on whose calls workers die."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def send_email(self, **request: Any) -> dict[str, Any]:
        tags = {tag["Name"]: tag["Value"] for tag in request["EmailTags"]}
        job_id = tags["mailbus-job-id"]
        if job_id.startswith("refused"):
            raise refusal(code="MessageRejected", status=400)
        return self._answer(job_id, lambda at, chance: self._mail(job_id, at, chance))

    def send_bulk_email(self, **request: Any) -> dict[str, Any]:
        entries = [
            {tag["Name"]: tag["Value"] for tag in entry["ReplacementTags"]}
            for entry in request["BulkEmailEntries"]
        ]
        assert 1 <= len(entries) <= 50
        job_id = entries[0]["mailbus-job-id"]
        names = [tags["mailbus-entry"] for tags in entries]
        return self._answer(job_id, lambda at, chance: self._bulk(job_id, names, at, chance))

    def _mail(self, job_id: str, at: float, chance: random.Random) -> dict[str, Any]:
        return {"MessageId": self._worker.world.accept(job_id, "", at, chance)}

    def _bulk(self, job_id: str, names: Sequence[str], at: float, chance: random.Random) -> dict[str, Any]:
        results: list[dict[str, str]] = []
        for name in names:
            # always the same ones: who is refused once is refused again
            if self._worker.world.chance_for("refused", job_id, name).random() < 0.01:
                results.append({"Status": "MESSAGE_REJECTED", "Error": "told to"})
            elif chance.random() < self._worker.world.likely.throttled:
                results.append({"Status": "TRANSIENT_FAILURE", "Error": "told to"})
            else:
                message_id = self._worker.world.accept(job_id, name, at, chance)
                results.append({"Status": "SUCCESS", "MessageId": message_id})
        return {"BulkEmailEntryResults": results}

    def _answer(
        self, job_id: str, accept: Callable[[float, random.Random], dict[str, Any]]
    ) -> dict[str, Any]:
        worker, world = self._worker, self._worker.world
        with _TIMES:
            world.calls[job_id] += 1
            number = world.calls[job_id]
        worker.called = True
        worker.die("killed before the call", [job_id])
        at, chance = worker.call(job_id, number)
        if worker.death == "killed after SES accepted":
            # some of the batch's calls are made by then
            if chance.random() < 0.7:
                accept(at, chance)
                worker.die("killed after SES accepted", [job_id])
            raise Killed
        if chance.random() < world.likely.throttled:
            raise refusal(code="TooManyRequestsException", status=429)
        if chance.random() >= world.likely.broken:
            return accept(at, chance)
        world.hit["answer broken"].add(job_id)
        if chance.random() < 0.8:
            accept(at, chance)
        match chance.randrange(4):
            case 0:
                raise ReadTimeoutError(endpoint_url="https://email.eu-west-1.amazonaws.com")
            case 1:
                raise ConnectionClosedError(endpoint_url="https://email.eu-west-1.amazonaws.com")
            case 2:
                raise refusal(code="InternalServiceErrorException", status=500)
            case _:
                return {}


class _Dynamo:
    """DynamoDB as one worker has it: slow, and at times without an answer, whether it wrote or not."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def transact_write_items(self, **request: Any) -> Any:
        return self._call("transact_write_items", request, fails=True)

    def batch_get_item(self, **request: Any) -> Any:
        return self._call("batch_get_item", request, fails=True)

    def batch_write_item(self, **request: Any) -> Any:
        return self._write("batch_write_item", request)

    def update_item(self, **request: Any) -> Any:
        return self._write("update_item", request)

    def _write(self, operation: str, request: dict[str, Any]) -> Any:
        answer = self._call(operation, request)
        if self._worker.called:
            self._worker.die("killed after the ledger write")
        return answer

    def _call(self, operation: str, request: dict[str, Any], *, fails: bool = False) -> Any:
        worker = self._worker
        worker.pause()
        lost = fails and worker.chance.random() < worker.world.likely.ledger
        if lost and worker.chance.random() < 0.5:
            raise EndpointConnectionError(endpoint_url="https://dynamodb.eu-west-1.amazonaws.com")
        answer = getattr(worker.world.dynamodb, operation)(**request)
        if lost:
            raise ReadTimeoutError(endpoint_url="https://dynamodb.eu-west-1.amazonaws.com")
        return answer


class _Bus:
    """EventBridge, which keeps what it took; the tracking function's does so at once, and always."""

    def __init__(self, world: World, worker: Worker | None = None) -> None:
        self._world, self._worker = world, worker

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - AWS's name
        if self._worker is not None:
            self._worker.pause()
            if self._worker.chance.random() < self._world.likely.bus:
                raise refusal(code="ThrottlingException", status=400)
        self._world.events += [json.loads(entry["Detail"]) for entry in Entries]
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "1"} for _ in Entries]}


class _Sqs:
    """SQS as the sender calls it."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def change_message_visibility(
        self,
        *,
        QueueUrl: str,  # noqa: N803 - AWS's name
        ReceiptHandle: str,  # noqa: N803 - AWS's name
        VisibilityTimeout: int,  # noqa: N803 - AWS's name
    ) -> None:
        self._worker.pause()
        assert QueueUrl in QUEUES.values()
        message, _ = self._worker.world.find(ReceiptHandle)
        if message is None:
            raise refusal(code="InvalidParameterValue", status=400)
        self._worker.world.show(message, self._worker.world.now + VisibilityTimeout)

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - AWS's names
        self._worker.pause()
        arn = next(arn for arn, url in QUEUES.items() if url == QueueUrl)
        for entry in Entries:
            part = int(entry["MessageAttributes"][PART_ATTRIBUTE]["StringValue"])
            self._worker.world.enqueue(arn, entry["MessageBody"], part)
        return {"Successful": Entries}

    def send_message(self, *, QueueUrl: str, MessageBody: str, MessageAttributes: dict[str, Any]) -> None:  # noqa: N803 - AWS's names
        self._worker.pause()
        assert QueueUrl == DEAD
        attributes = {name: value["StringValue"] for name, value in MessageAttributes.items()}
        self._worker.world.dead.append({"body": MessageBody, **attributes})


class _ConflictError(Exception):
    """The name is taken."""


class _Exceptions:
    ConflictException = _ConflictError


class _Scheduler:
    """EventBridge Scheduler: one schedule of a name, gone when it has fired."""

    exceptions = _Exceptions

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def create_schedule(self, **request: Any) -> None:
        self._worker.pause()
        world = self._worker.world
        if request["Name"] in world.schedules:
            raise _ConflictError
        moment = request["ScheduleExpression"].removeprefix("at(").removesuffix(")")
        due = datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp()
        world.schedule(request["Name"], due, request["Target"]["Arn"], request["Target"]["Input"])


def refusal(*, code: str, status: int) -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": "told to"}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item] # what is read of it
        "SendEmail",
    )


def jobs(count: int, chance: random.Random) -> Iterator[dict[str, Any]]:
    """Write jobs as a shop has them: mails, some later, some that expire, some refused, and merges."""
    for number in range(count):
        kind = chance.random()
        name = f"refused-{number}" if kind < 0.02 else f"order-{number}"
        job: dict[str, Any] = {
            "job_id": name,
            "from_email": "Example Shop <shop@example.com>",
            "subject": f"Your order {number} is on its way",
            "text": "It left us this morning.",
            "metadata": {"order": number},
            "tags": ["shipping"],
        }
        if 0.02 <= kind < 0.08:
            people = range(chance.choice([3, 12, 30, 50, 51, 60]))
            job["to"] = [f"reader{place}@{name}.example" for place in people]
            job["merge_data"] = {address: {"order": place} for place, address in enumerate(job["to"])}
            job["text"] = "Order {{order}} left us this morning."
        else:
            job["to"] = [f"reader{place}@{name}.example" for place in range(chance.choice([1, 1, 1, 2, 3]))]
        if 0.06 <= kind < 0.16:
            due = START + chance.choice([chance.uniform(10, 600), chance.uniform(1000, 4000)])
            job["send_at"] = datetime.fromtimestamp(due, UTC).isoformat()
        if 0.16 <= kind < 0.22:
            over = START + SECONDS * number / count + chance.uniform(0, 200)
            job["expires_at"] = datetime.fromtimestamp(over, UTC).isoformat()
        yield job


class Journey:
    """What became of all jobs."""

    def __init__(self, world: World, written: Sequence[dict[str, Any]]) -> None:
        self.world = world
        self.jobs = {job["job_id"]: job for job in written}
        self.copies = {
            (job_id, recipient): len(world.accepted.get((job_id, entry), ()))
            for job_id, job in self.jobs.items()
            for entry, recipient in _entries(job)
        }
        self.events: dict[tuple[str, str, str | None], set[str]] = defaultdict(set)
        for event in world.events:
            self.events[event["event_type"], event["job_id"], event["recipient"]].add(event["event_id"])
        self.dead = {json.loads(letter["body"])["job_id"] for letter in world.dead}

    @property
    def sent_twice(self) -> list[tuple[str, str]]:
        return [who for who, copies in self.copies.items() if copies > 1]

    @property
    def lost(self) -> list[tuple[str, str]]:
        """Who has neither a mail nor a failure with a dead letter."""
        return [
            (job_id, recipient)
            for (job_id, recipient), copies in self.copies.items()
            if not copies and not (self._failed(job_id, recipient) and job_id in self.dead)
        ]

    @property
    def sent_and_failed(self) -> list[tuple[str, str]]:
        return [who for who, copies in self.copies.items() if copies and self._failed(*who)]

    @property
    def told_late(self) -> set[tuple[str, str]]:
        """Who has a mail of which SES told only when nobody waited for that any more."""
        world = self.world
        return {
            (job_id, recipient)
            for job_id, job in self.jobs.items()
            for entry, recipient in _entries(job)
            if any(
                world.told_at[message_id] > world.accepted_at[message_id] + DOUBT_SECONDS
                for message_id in world.accepted.get((job_id, entry), ())
            )
        }

    @property
    def unannounced(self) -> list[tuple[str, str]]:
        """Who has a mail and not exactly one event of it, however often that was repeated."""
        return [
            (job_id, recipient)
            for (job_id, recipient), copies in self.copies.items()
            if copies == 1 and len(self.events["queued", job_id, recipient]) != 1
        ]

    @property
    def open_records(self) -> list[tuple[str, str]]:
        """The ledger's places where something is neither known nor given up."""
        return [
            place
            for place, item in self.world.dynamodb.items.items()
            if item.get("state", {}).get("S") == "scheduled"
            or {number["N"] for number in item.get("open", {}).get("L", ())}
            - item["accepted"]["M"].keys()
            - {number["N"] for number in item.get("unknown", {}).get("L", ())}
        ]

    def _failed(self, job_id: str, recipient: str) -> bool:
        return any(self.events[kind, job_id, recipient] for kind in ("failed", "rejected"))


def _entries(job: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Name each recipient with the entry that its mail has in SES's tags."""
    for place, written in enumerate(job["to"]):
        address = parseaddr(written)[1]
        if "merge_data" not in job:
            yield "", address
        elif len(job["to"]) > 50:
            yield f"{place // 50}-{place % 50}", address
        else:
            yield str(place), address


def travel(count: int, *, seed: int, settings: SenderSettings, likely: Likely | None = None) -> Journey:
    """Send so many jobs, some of them twice, over `SECONDS`, and see what has become of them in the end."""
    # what the ledger and the bus draw their waits from
    random.seed(seed)
    world = World(seed=seed, settings=settings, likely=likely or Likely())
    written = list(jobs(count, world.chance))
    for number, job in enumerate(written):
        body = json.dumps(job)
        lane = BULK if "merge_data" in job or number % 4 == 0 else SEND
        again = world.chance.choice([0.0, 1.0, 60.0, 900.0]) if world.chance.random() < 0.05 else None
        moment = START + SECONDS * number / count
        for place, delay in enumerate((0.0,) if again is None else (0.0, again)):
            world.at(
                moment + delay,
                f"application {number} {place}",
                lambda lane=lane, body=body: world.enqueue(lane, body),
            )
    world.run()
    return Journey(world, written)
