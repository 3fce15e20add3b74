"""One batch of the send queue: parse, plan, pace, send, settle, report.

Each step takes the former one's value, and leaves the others alone: one bad job never hurts its
neighbours. The effects come in one order: the event, then the dead-letter queue, then the
acknowledgement, so that whatever fails in between is repeated and nothing is lost; repeated events
have the same `event_id`.

A mail that SES accepted is acknowledged whatever the bus says: redelivering the job would send
the mail again. The bus is tried several times, then the loss of `queued` is logged as an error
with the ids; SES's own `Send` event, which carries the job id, still arrives as `sent`. A function
that dies between SES's acceptance and its answer gets the job again and sends it twice; only a
record of each job, kept outside the queue, can close that gap.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING, Literal

import msgspec
from aws_lambda_powertools import Logger

from mailbus.bus import EventBus, PublishFailure
from mailbus.dead_letters import DeadLetterQueue
from mailbus.errors import InvalidJob, MailbusError, SendError
from mailbus.events import BusEntry, EmailEvent, entry
from mailbus.jobs import Job, parse_job, peek_job_id
from mailbus.ledger import Ledger, Unreachable
from mailbus.settings import SenderSettings
from mailbus.sqs import Record, batch_response
from sender import announcements
from sender.outcomes import Fault, Kind, delay_seconds, gives_up, is_spent
from sender.pacing import Later, Pacer, Turn
from sender.request import Request, plan_request
from sender.send_queue import SendQueue
from sender.ses import MailService

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final

WORKERS: Final = 10
UNEXPECTED_SECONDS: Final = 60
SPREAD_SECONDS: Final = 5
LONGEST_SPREAD_SECONDS: Final = 15 * 60
REMEMBERED_SECONDS: Final = 14 * 24 * 60 * 60
# the outcomes whose number decides how long a job waits, or whether it is tried again
COUNTED: Final = frozenset({"retry", "throttled"})
SETTLED: Final = "job settled"

Outcome = Literal["queued", "failed", "rejected", "retried", "postponed", "unexpected"]


class Sender(msgspec.Struct, frozen=True, kw_only=True):
    """What a batch works with.

    `uniform(low, high)` draws the jitter, `now()` is in UTC, `wait_until` takes epoch seconds.
    """

    settings: SenderSettings
    mail: MailService
    bus: EventBus
    queue: SendQueue
    dead_letters: DeadLetterQueue
    ledger: Ledger
    pacer: Pacer
    wait_until: Callable[[float], None]
    log: Logger
    now: Callable[[], datetime]
    uniform: Callable[[float, float], float]


class Unreadable(msgspec.Struct, frozen=True, kw_only=True):
    """A message that is no valid job; `job_id` is SQS's message id where the job's own cannot be read."""

    record: Record
    job_id: str
    error: MailbusError


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """A job that was not sent, and why."""

    record: Record
    job: Job
    kind: Kind
    error: MailbusError
    attempts: int = 1


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """A job with the request that sends it."""

    record: Record
    job: Job
    request: Request


class Postponed(msgspec.Struct, frozen=True, kw_only=True):
    """A job whose turn comes later than a worker waits."""

    record: Record
    job: Job
    seconds: float


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """A mail that SES took."""

    record: Record
    job: Job
    message_id: str


class Unexpected(msgspec.Struct, frozen=True, kw_only=True):
    """A failure that nobody foresaw; only its type is safe to tell."""

    record: Record
    error_type: str


Prepared = Planned | Refused | Unreadable | Unexpected
Result = Accepted | Postponed | Refused | Unreadable | Unexpected


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """What is left to do for a record: publish, then bury it, or give it back, or neither."""

    record: Record
    outcome: Outcome
    job_id: str | None = None
    message_id: str | None = None
    entries: tuple[BusEntry, ...] = ()
    bury: MailbusError | None = None
    give_back_seconds: int | None = None
    error: str | None = None


def process(sender: Sender, records: Sequence[Record]) -> dict[str, list[dict[str, str]]]:
    """Send a batch; the answer names the messages that go back to the queue.

    It never raises: an error for one record would send the others' mail again.
    """
    prepared = [prepare(sender, record) for record in records]
    turns = pace(sender, [item for item in prepared if isinstance(item, Planned)])
    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        results = list(pool.map(lambda item: attempt(sender, item, turns), prepared))
    return report(sender, [conclude(sender, result) for result in results])


def prepare(sender: Sender, record: Record) -> Prepared:
    """Take one record as far as it goes without SES."""
    try:
        parsed = parse(record)
        return parsed if isinstance(parsed, Unreadable) else plan(record, parsed, sender.settings)
    except Exception as error:  # noqa: BLE001 - one job must not take the batch with it
        return Unexpected(record=record, error_type=type(error).__name__)


def pace(sender: Sender, planned: Sequence[Planned]) -> dict[str, Turn]:
    """Reserve the account's rate for the whole batch: each message's turn, by its SQS id."""
    turns = sender.pacer.reserve([len(item.request.envelope.recipients) for item in planned])
    return {item.record.message_id: turn for item, turn in zip(planned, turns, strict=True)}


def attempt(sender: Sender, item: Prepared, turns: dict[str, Turn]) -> Result:
    """Send what is to be sent, when its turn is."""
    if not isinstance(item, Planned):
        return item
    turn = turns[item.record.message_id]
    if isinstance(turn, Later):
        return Postponed(record=item.record, job=item.job, seconds=turn.seconds)
    try:
        sender.wait_until(turn.due)
        return send(sender, item)
    except Exception as error:  # noqa: BLE001 - one job must not take the batch with it
        return Unexpected(record=item.record, error_type=type(error).__name__)


def parse(record: Record) -> Job | Unreadable:
    """Read the job."""
    try:
        return parse_job(record.body, record.message_id)
    except InvalidJob as error:
        return Unreadable(record=record, job_id=peek_job_id(record.body, record.message_id), error=error)


def plan(record: Record, job: Job, settings: SenderSettings) -> Planned | Refused:
    """Work out the call."""
    try:
        return Planned(record=record, job=job, request=plan_request(job, settings))
    except InvalidJob as error:
        return Refused(record=record, job=job, kind="failed", error=error)


def send(sender: Sender, planned: Planned) -> Accepted | Refused:
    """Call SES, once."""
    answer = sender.mail.send(planned.request)
    if isinstance(answer, Fault):
        return Refused(
            record=planned.record,
            job=planned.job,
            kind=answer.kind,
            error=answer.error,
            attempts=count_attempt(sender, planned.record, answer.kind),
        )
    return Accepted(record=planned.record, job=planned.job, message_id=answer)


def count_attempt(sender: Sender, record: Record, kind: Kind) -> int:
    """Count a try, where the count matters; deliveries stand in for it where the ledger does not answer."""
    if kind not in COUNTED:
        return 1
    expires_at = math.ceil(sender.now().timestamp()) + REMEMBERED_SECONDS
    attempts = sender.ledger.count_attempt(record.message_id, kind, expires_at=expires_at)
    return record.receive_count if isinstance(attempts, Unreachable) else attempts


def conclude(sender: Sender, result: Result) -> Settlement:
    """Settle a result; where even that goes wrong, a mail that SES took still is not sent again."""
    try:
        return settle(sender, result)
    except Exception as error:  # noqa: BLE001 - one job must not take the batch with it
        message_id = result.message_id if isinstance(result, Accepted) else None
        return Settlement(
            record=result.record,
            outcome="unexpected",
            message_id=message_id,
            give_back_seconds=UNEXPECTED_SECONDS if message_id is None else None,
            error=type(error).__name__,
        )


def settle(sender: Sender, result: Result) -> Settlement:
    """Decide what follows from a result."""
    match result:
        case Accepted():
            return _settle_accepted(sender, result)
        case Unreadable():
            return _settle_unreadable(sender, result)
        case Refused():
            return _settle_refused(sender, result)
        case Postponed():
            return _settle_postponed(sender, result)
        case Unexpected():
            return _settle_unexpected(sender, result)


def _settle_accepted(sender: Sender, accepted: Accepted) -> Settlement:
    return Settlement(
        record=accepted.record,
        outcome="queued",
        job_id=accepted.job.job_id,
        message_id=accepted.message_id,
        entries=_entries(announcements.queued(accepted.job, accepted.message_id, sender.now())),
    )


def _settle_unreadable(sender: Sender, unreadable: Unreadable) -> Settlement:
    record, error = unreadable.record, unreadable.error
    events = announcements.unreadable(unreadable.job_id, error, record.message_id, sender.now())
    return Settlement(
        record=record,
        outcome="failed",
        job_id=unreadable.job_id,
        entries=_entries(events),
        bury=error,
        error=_label(error),
    )


def _settle_refused(sender: Sender, refused: Refused) -> Settlement:
    record, job, kind, error = refused.record, refused.job, refused.kind, refused.error
    if not gives_up(kind, refused.attempts, sender.settings.max_attempts) and not _is_spent(sender, record):
        return Settlement(
            record=record,
            outcome="retried",
            job_id=job.job_id,
            give_back_seconds=delay_seconds(kind, refused.attempts, sender.uniform),
            error=_label(error),
        )
    return Settlement(
        record=record,
        outcome="rejected" if kind == "rejected" else "failed",
        job_id=job.job_id,
        entries=_entries(announcements.refused(job, error, kind, record.message_id, sender.now())),
        bury=error,
        error=_label(error),
    )


def _settle_postponed(sender: Sender, postponed: Postponed) -> Settlement:
    record = postponed.record
    if _is_spent(sender, record):
        reason = "waited for the account's sending rate as long as SQS lets it; ask AWS for a higher rate"
        error = SendError("SendingRateExceeded", reason, retryable=False)
        return _settle_refused(sender, Refused(record=record, job=postponed.job, kind="failed", error=error))
    # Spread out, so that those who wait do not all come back in the same moment, the more the longer.
    spread = min(SPREAD_SECONDS * record.receive_count, LONGEST_SPREAD_SECONDS)
    seconds = math.ceil(postponed.seconds + sender.uniform(0, spread))
    return Settlement(
        record=record,
        outcome="postponed",
        job_id=postponed.job.job_id,
        give_back_seconds=seconds,
    )


def _settle_unexpected(sender: Sender, unexpected: Unexpected) -> Settlement:
    record = unexpected.record
    if not gives_up("retry", record.receive_count, sender.settings.max_attempts):
        return Settlement(
            record=record,
            outcome="unexpected",
            give_back_seconds=delay_seconds("retry", record.receive_count, sender.uniform),
            error=unexpected.error_type,
        )
    reason = (
        f"unexpected {unexpected.error_type} in the sender; report it, and send the job again once mended"
    )
    error = MailbusError(reason)
    job_id = peek_job_id(record.body, record.message_id)
    return Settlement(
        record=record,
        outcome="unexpected",
        job_id=job_id,
        entries=_entries(announcements.unreadable(job_id, error, record.message_id, sender.now())),
        bury=error,
        error=unexpected.error_type,
    )


def _is_spent(sender: Sender, record: Record) -> bool:
    age = 0.0 if record.sent_at is None else sender.now().timestamp() - record.sent_at
    return is_spent(record.receive_count, age)


def _entries(events: Sequence[EmailEvent]) -> tuple[BusEntry, ...]:
    return tuple(entry(event) for event in events)


def _label(error: MailbusError) -> str:
    return error.code if isinstance(error, SendError) else type(error).__name__


def report(sender: Sender, settlements: Sequence[Settlement]) -> dict[str, list[dict[str, str]]]:
    """Carry out what was settled: the events of the whole batch together, then the rest."""
    failures = publish(sender, settlements)
    closed = [
        close(sender, settlement, failed) for settlement, failed in zip(settlements, failures, strict=True)
    ]
    return batch_response(
        settlement.record for settlement, done in zip(settlements, closed, strict=True) if not done
    )


def publish(sender: Sender, settlements: Sequence[Settlement]) -> list[list[PublishFailure]]:
    """Put all events on the bus; the answer holds each settlement's failures."""
    owned = [(owner, put) for owner, settlement in enumerate(settlements) for put in settlement.entries]
    try:
        failed = sender.bus.publish([put for _, put in owned])
    except Exception as error:  # noqa: BLE001 - an accepted mail must be acknowledged all the same
        failure = PublishFailure(code=type(error).__name__, reason="unexpected", retryable=True)
        failed = dict.fromkeys(range(len(owned)), failure)
    failures: list[list[PublishFailure]] = [[] for _ in settlements]
    for index, failure in failed.items():
        failures[owned[index][0]].append(failure)
    return failures


def close(sender: Sender, settlement: Settlement, failures: Sequence[PublishFailure]) -> bool:
    """Finish one record after its events; true acknowledges it, false gives it back to the queue."""
    code = failures[0].code if failures else None
    if code is not None:
        _log(sender, settlement, "events are not on the bus", bus_error=code)
    unpublished = any(failure.retryable for failure in failures)
    if settlement.bury is None:
        acknowledged = settlement.give_back_seconds is None
    else:
        acknowledged = not unpublished and bury(sender, settlement, settlement.bury)
    if not acknowledged:
        give_back(sender, settlement)
    _log(sender, settlement, SETTLED)
    return acknowledged


def bury(sender: Sender, settlement: Settlement, error: MailbusError) -> bool:
    """Keep the job in the dead-letter queue; false where that failed, and has to be tried again."""
    try:
        sender.dead_letters.put(settlement.record, error)
    except Exception as failure:  # noqa: BLE001 - the rest of the batch must be acknowledged
        _log(sender, settlement, "job is not in the dead-letter queue", put_error=type(failure).__name__)
        return False
    return True


def give_back(sender: Sender, settlement: Settlement) -> None:
    """Hide the job until it is due; without that the queue's own visibility timeout holds."""
    seconds = settlement.give_back_seconds
    if seconds is None:
        seconds = delay_seconds("retry", settlement.record.receive_count, sender.uniform)
    if not sender.queue.give_back(settlement.record, seconds):
        _log(sender, settlement, "visibility timeout is not changed")


def _log(
    sender: Sender,
    settlement: Settlement,
    text: str,
    bus_error: str | None = None,
    put_error: str | None = None,
) -> None:
    wrong = settlement.outcome == "unexpected" or text != SETTLED
    write = sender.log.error if wrong else sender.log.info
    write(
        text,
        extra={
            "job_id": settlement.job_id,
            "sqs_message_id": settlement.record.message_id,
            "message_id": settlement.message_id,
            "receive_count": settlement.record.receive_count,
            "outcome": settlement.outcome,
            "error": settlement.error,
            "bus_error": bus_error,
            "put_error": put_error,
        },
    )
