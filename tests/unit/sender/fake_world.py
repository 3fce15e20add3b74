"""A sender among stand-ins for AWS's clients, in simulated time."""

from __future__ import annotations

import io
import itertools
import json
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec
from aws_lambda_powertools import Logger
from botocore.exceptions import ClientError

from mailbus.aws.dead_letters import DeadLetterQueue
from mailbus.aws.event_bus import EventBus
from mailbus.aws.sqs import Record
from mailbus.environment import SenderSettings
from mailbus.ledger.acceptances import Acceptances
from mailbus.ledger.cancellation import cancel
from mailbus.ledger.claims import Claims
from mailbus.ledger.items import read
from mailbus.ledger.records import RecordKey
from mailbus.ledger.table import LedgerTable
from sender.aws.s3 import Objects
from sender.aws.scheduler import Schedules
from sender.aws.send_queues import SendQueues
from sender.batch import process
from sender.rate.gcra import SendAt
from sender.ses.client import MailService
from sender.wiring import Sender
from tests.unit.fakes.clients import FakeEvents
from tests.unit.fakes.dynamodb import TABLE, FakeDynamoDb, place
from tests.unit.fakes.s3 import FakeS3

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mailbus.ledger.cancellation import Cancellation
    from mailbus.ledger.records import JobRecord
    from sender.rate.gcra import Decision, Lane

START: Final = datetime(2026, 11, 22, 12, 0, tzinfo=UTC).timestamp()
SEND_QUEUE: Final = "arn:aws:sqs:eu-west-1:210987654321:mailbus-dev-send"
BULK_QUEUE: Final = "arn:aws:sqs:eu-west-1:210987654321:mailbus-dev-bulk"
DEAD_LETTERS: Final = "https://sqs.eu-west-1.amazonaws.com/210987654321/mailbus-dev-dead"
JOBS_BUCKET: Final = "mailbus-dev-jobs"
VISIBILITY_SECONDS: Final = 90
FUNCTION_SECONDS: Final = 60.0
CANCELLED_SECONDS: Final = 7 * 24 * 3600
MESSAGE_BYTES: Final = 1024 * 1024
SETTINGS: Final = SenderSettings(
    event_bus_name="mailbus-dev",
    dead_letter_queue_url=DEAD_LETTERS,
    dead_letter_queue_arn="arn:aws:sqs:eu-west-1:210987654321:mailbus-dev-dead",
    send_queue_url="https://sqs.eu-west-1.amazonaws.com/210987654321/mailbus-dev-send",
    send_queue_arn=SEND_QUEUE,
    bulk_queue_url="https://sqs.eu-west-1.amazonaws.com/210987654321/mailbus-dev-bulk",
    bulk_queue_arn=BULK_QUEUE,
    configuration_set_name="mailbus-dev",
    metadata_in_headers=True,
    source_buckets=("shop-invoices",),
    jobs_bucket_name=JOBS_BUCKET,
    schedule_group_name="mailbus-dev",
    schedule_role_arn="arn:aws:iam::210987654321:role/mailbus-dev-schedules",
    max_attempts=5,
    ledger_table_name=TABLE,
    ledger_days=7,
    rate_cache_seconds=60,
    bulk_share=0.5,
    doubt_seconds=120,
    on_unknown="resend",
)


def refusal(code: str, message: str = "", status: int = 400, operation: str = "SendEmail") -> ClientError:
    answer = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, operation)  # type: ignore[arg-type] # the rest of the metadata is not read


class Clock:
    """Time that passes only when somebody waits."""

    def __init__(self) -> None:
        self.now = START
        self._lock = threading.Lock()

    def wait_until(self, moment: float) -> None:
        with self._lock:
            self.now = max(self.now, moment)


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """What SES accepted: one message."""

    message_id: str
    job_id: str
    entry: str | None
    recipients: tuple[str, ...]
    request: dict[str, Any]


class Lost:
    """SES accepts, and its answer does not arrive."""

    def __init__(self, error: Exception) -> None:
        self.error = error


class FakeSes:
    """SES. `calls` are answers to the next calls as a whole, `answers` those for a first recipient's name.

    An exception refuses, `Lost` accepts without an answer, a text is an entry's status, None accepts. The
    last answer to a name is not used up where `forever` says so.
    """

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self.requests: list[dict[str, Any]] = []
        self.calls: list[Exception | Lost | None] = []
        self.answers: dict[str, list[Exception | Lost | str | None]] = {}
        self.during: Callable[[], None] = lambda: None
        self._lock = threading.Lock()

    def send_email(self, **request: Any) -> dict[str, Any]:
        with self._lock:
            lost = self._begin(request)
            answer = lost or self._answer(request["Destination"])
            if isinstance(answer, Exception):
                raise answer
            mail = self._accept(request, request["EmailTags"], request["Destination"])
            if isinstance(answer, Lost):
                raise answer.error
            return {"MessageId": mail.message_id}

    def send_bulk_email(self, **request: Any) -> dict[str, Any]:
        with self._lock:
            assert 1 <= len(request["BulkEmailEntries"]) <= 50
            lost = self._begin(request)
            results = [self._entry(request, entry) for entry in request["BulkEmailEntries"]]
            if lost:
                raise lost.error
            return {"BulkEmailEntryResults": results}

    def _begin(self, request: dict[str, Any]) -> Lost | None:
        self.requests.append(request)
        self.during()
        answer = self.calls.pop(0) if self.calls else None
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _entry(self, request: dict[str, Any], entry: dict[str, Any]) -> dict[str, str]:
        answer = self._answer(entry["Destination"])
        if isinstance(answer, str):
            return {"Status": answer, "Error": "told to"}
        mail = self._accept(request, entry["ReplacementTags"], entry["Destination"])
        if isinstance(answer, Lost):
            return {"Status": "SUCCESS"}
        return {"Status": "SUCCESS", "MessageId": mail.message_id}

    def _answer(self, destination: dict[str, list[str]]) -> Any:
        first = receivers(destination)[0].partition("@")[0]
        left = self.answers.get(first)
        return left.pop(0) if left else None

    def _accept(
        self, request: dict[str, Any], tags: list[dict[str, str]], destination: dict[str, list[str]]
    ) -> Mail:
        named = {tag["Name"]: tag["Value"] for tag in tags}
        mail = Mail(
            message_id=f"0102018f-{len(self.mails):06}",
            job_id=named["mailbus-job-id"],
            entry=named.get("mailbus-entry"),
            recipients=tuple(receivers(destination)),
            request=request,
        )
        self.mails.append(mail)
        return mail

    @property
    def sent_to(self) -> list[str]:
        """The first recipient of each mail, by its name."""
        return [mail.recipients[0].partition("@")[0] for mail in self.mails]


def receivers(destination: dict[str, list[str]]) -> list[str]:
    kinds = ("ToAddresses", "CcAddresses", "BccAddresses")
    texts = [text for kind in kinds for text in destination.get(kind, [])]
    return [text.rpartition("<")[2].removesuffix(">") for text in texts]


class Message(msgspec.Struct, kw_only=True):
    """A message on a send queue."""

    message_id: str
    body: str
    queue_arn: str
    visible_at: float
    sent_at: float
    part: int | None = None
    redriven_from: str | None = None
    receive_count: int = 0


class FakeQueues:
    """SQS: two send queues and the dead-letter queue, with visibility timeouts in simulated time.

    `troubles` are errors of the next calls by their names, None for one that works.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.messages: dict[str, Message] = {}
        self.dead: list[dict[str, Any]] = []
        self.hidden: list[tuple[str, int]] = []
        self.troubles: dict[str, list[Exception | None]] = {}
        self.failing_parts: list[set[str]] = []
        self.sender_fault = False
        self._ids = itertools.count()

    def put(
        self,
        body: str,
        *,
        queue_arn: str = SEND_QUEUE,
        part: int | None = None,
        redriven_from: str | None = None,
    ) -> str:
        message_id = f"sqs-{next(self._ids)}"
        self.messages[message_id] = Message(
            message_id=message_id,
            body=body,
            queue_arn=queue_arn,
            part=part,
            redriven_from=redriven_from,
            visible_at=self.clock.now,
            sent_at=self.clock.now,
        )
        return message_id

    def receive(self, most: int = 10) -> list[Record]:
        taken = [message for message in self.messages.values() if message.visible_at <= self.clock.now][:most]
        for message in taken:
            message.receive_count += 1
            message.visible_at = self.clock.now + VISIBILITY_SECONDS
        return [self.record(message) for message in taken]

    def record(self, message: Message) -> Record:
        return Record(
            message_id=message.message_id,
            receipt_handle=f"handle-{message.message_id}",
            body=message.body,
            receive_count=message.receive_count,
            sent_at=message.sent_at,
            part=message.part,
            queue_arn=message.queue_arn,
            redriven_from=message.redriven_from,
        )

    def send_message(self, **message: Any) -> None:
        self._trouble("send_message")
        assert message["QueueUrl"] == DEAD_LETTERS
        self.dead.append(message)

    def send_message_batch(self, *, QueueUrl: str, Entries: list[Any]) -> dict[str, Any]:  # noqa: N803 - AWS's names
        self._trouble("send_message_batch")
        assert len(Entries) <= 10
        assert sum(len(entry["MessageBody"].encode()) + 15 for entry in Entries) <= MESSAGE_BYTES
        failing = self.failing_parts.pop(0) if self.failing_parts else set()
        for entry in Entries:
            if entry["Id"] not in failing:
                part = int(entry["MessageAttributes"]["Part"]["StringValue"])
                self.put(entry["MessageBody"], queue_arn=arn(QueueUrl), part=part)
        failed = [
            {"Id": name, "Code": "InternalError", "SenderFault": self.sender_fault}
            for name in sorted(failing)
        ]
        return {"Failed": failed} if failed else {}

    def change_message_visibility(
        self,
        *,
        QueueUrl: str,  # noqa: N803 - AWS's name
        ReceiptHandle: str,  # noqa: N803 - AWS's name
        VisibilityTimeout: int,  # noqa: N803 - AWS's name
    ) -> None:
        self._trouble("change_message_visibility")
        assert isinstance(VisibilityTimeout, int)
        assert 0 <= VisibilityTimeout <= 43_200
        message = self.messages[ReceiptHandle.removeprefix("handle-")]
        assert message.queue_arn == arn(QueueUrl)
        message.visible_at = self.clock.now + VisibilityTimeout
        self.hidden.append((message.message_id, VisibilityTimeout))

    def _trouble(self, call: str) -> None:
        troubles = self.troubles.get(call)
        error = troubles.pop(0) if troubles else None
        if error is not None:
            raise error


def arn(url: str) -> str:
    return {SETTINGS.send_queue_url: SEND_QUEUE, SETTINGS.bulk_queue_url: BULK_QUEUE}[url]


class ConflictError(ClientError):
    """A schedule of that name is there."""


class _Exceptions:
    ConflictException = ConflictError


class FakeScheduler:
    """EventBridge Scheduler: keeps schedules by name."""

    exceptions = _Exceptions

    def __init__(self) -> None:
        self.schedules: dict[str, dict[str, Any]] = {}
        self.troubles: list[Exception | None] = []

    def create_schedule(self, **schedule: Any) -> None:
        trouble = self.troubles.pop(0) if self.troubles else None
        if trouble is not None:
            raise trouble
        assert len(schedule["Name"]) <= 64
        assert len(schedule["Target"]["Input"].encode()) <= 256 * 1024
        if schedule["Name"] in self.schedules:
            raise ConflictError({"Error": {"Code": "ConflictException", "Message": ""}}, "CreateSchedule")
        self.schedules[schedule["Name"]] = schedule


class Pace:
    """Gives each call its turn at once, or what `turns` says for the next reservations."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.turns: list[Callable[[int], list[Decision]]] = []
        self.asked: list[tuple[list[int], Lane]] = []
        self.largest = 50

    def reserve(self, recipients: Sequence[int], lane: Lane) -> list[Decision]:
        self.asked.append((list(recipients), lane))
        if self.turns:
            return self.turns.pop(0)(len(recipients))
        return [SendAt(due=self.clock.now) for _ in recipients]

    def largest_call(self) -> int:
        return self.largest


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
        self.measured: list[tuple[str, float]] = []
        self.stream = io.StringIO()
        clients: Any = self.queues, self.ses, self.s3, self.scheduler, self.events, self.dynamodb
        sqs, ses, s3, scheduler, events, dynamodb = clients
        pacer: Any = self.pace
        table = LedgerTable(dynamodb, TABLE, sleep=lambda _: None)
        self.table, self.ledger, self.acceptances = table, Claims(table), Acceptances(table)
        self.sender = Sender(
            settings=self.settings,
            mail=MailService(ses),
            bus=EventBus(
                events, self.settings.event_bus_name, sleep=lambda _: None, clock=lambda: self.clock.now
            ),
            queues=SendQueues(
                sqs, {SEND_QUEUE: SETTINGS.send_queue_url, BULK_QUEUE: SETTINGS.bulk_queue_url}
            ),
            dead_letters=DeadLetterQueue(sqs, DEAD_LETTERS),
            ledger=self.ledger,
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
            put_metric=lambda name, value: self.measured.append((name, value)),
        )

    def put(self, **job: Any) -> str:
        """Enqueue a job; the answer is the id of its message."""
        return self.queues.put(json.dumps(letter(**job)))

    def configure(self, **settings: Any) -> None:
        """Deploy anew, with other settings."""
        self.settings = msgspec.structs.replace(self.settings, **settings)
        self.sender = msgspec.structs.replace(self.sender, settings=self.settings)

    def deliver(self, most: int = 10) -> None:
        """Run the function once on what is visible."""
        records = self.queues.receive(most)
        if not records:
            return
        answer = process(self.sender, records, self.clock.now + FUNCTION_SECONDS)
        given_back = [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
        assert len(set(given_back)) == len(given_back)
        for record in records:
            if record.message_id not in given_back:
                del self.queues.messages[record.message_id]

    def run(self, seconds: float = 3600.0) -> None:
        """Deliver until the queue is empty or the time is over."""
        end = self.clock.now + seconds
        while self.queues.messages:
            soonest = min(message.visible_at for message in self.queues.messages.values())
            if soonest > end:
                return
            self.clock.now = max(self.clock.now, soonest)
            self.deliver()

    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    def tell(self) -> None:
        """Have SES's `Send` events reach the ledger, as they do in the end."""
        troubles, self.dynamodb.troubles = self.dynamodb.troubles, []
        for mail in self.ses.mails:
            part, _, entry = (mail.entry or "0").rpartition("-")
            key = RecordKey(job_id=mail.job_id, part=int(part) if part else None)
            self.acceptances.mark_accepted(key, int(entry), mail.message_id, self.clock.now)
        self.dynamodb.troubles = troubles

    def cancel(self, job_id: str = "job-ann") -> Cancellation:
        """Cancel a job as an application does."""
        now = self.clock.now
        return cancel(self.table, job_id, now=now, expires_at=int(now) + CANCELLED_SECONDS)

    def resend(self, dead: dict[str, Any]) -> str:
        """Move a dead letter back to the queue, as an operator does."""
        given = {name: value["StringValue"] for name, value in dead["MessageAttributes"].items()}
        return self.queues.put(
            dead["MessageBody"],
            part=int(given["Part"]) if "Part" in given else None,
            redriven_from=given.get("OriginalMessageId"),
        )

    @property
    def told(self) -> list[dict[str, Any]]:
        """The events on the bus."""
        return [json.loads(entry["Detail"]) for entry in self.events.taken]

    def told_of(self, event_type: str) -> list[str]:
        """The recipients of events of one type, by name, each event once however often it was told."""
        once = {event["event_id"]: event for event in self.told if event["event_type"] == event_type}
        return [str(event["recipient"]).partition("@")[0] for event in once.values()]

    def record(self, job_id: str = "job-ann", part: int | None = None) -> JobRecord:
        sk = "job" if part is None else f"part#{part}"
        return read(self.dynamodb.items[f"job#{job_id}", sk])

    @property
    def records(self) -> list[JobRecord]:
        return [read(item) for item in self.dynamodb.items.values() if place(item)[0].startswith("job#")]

    @property
    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    @property
    def outcomes(self) -> list[str]:
        return [line["outcome"] for line in self.log if line["message"] == "job settled"]

    @property
    def reasons(self) -> list[str]:
        """Why the dead letters are dead."""
        return [dead["MessageAttributes"]["Reason"]["StringValue"] for dead in self.queues.dead]


_WORLDS = itertools.count()


def letter(to: str | list[str] = "ann", **fields: Any) -> dict[str, Any]:
    """Write a job; recipients are given by their names. None leaves a field out."""
    names = [to] if isinstance(to, str) else to
    job = {
        "job_id": f"job-{names[0]}",
        "from_email": "Example Shop <hello@example.com>",
        "to": [f"{name}@example.org" for name in names],
        "subject": "Willkommen, Jürgen",
        "text": "Your order is on its way.",
    } | fields
    return {name: value for name, value in job.items() if value is not None}


def people(count: int) -> list[str]:
    return [f"c{number}" for number in range(count)]


def newsletter(count: int | list[str], **fields: Any) -> dict[str, Any]:
    """Write a merge for so many recipients, `c0`, `c1` and so on, each with its own metadata."""
    names = people(count) if isinstance(count, int) else count
    metadata = {f"{name}@example.org": {"customer": name} for name in names}
    return {"to": names, "job_id": "job-news", "merge_metadata": metadata, **fields}
