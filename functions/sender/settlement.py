"""The settlement of a message: its records in the ledger, its events, and where it is moved.

There is one constructor for each way that a job leaves the batch; `sender.attempts` has the one for jobs
that SES was called for.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, TypeVar

import msgspec

from mailbus.aws.sqs import Record
from mailbus.bus_entries import BusEntry, bus_entry
from mailbus.errors import MailbusError, SendError
from mailbus.jobs.parsing import job_id_in_body
from mailbus.ledger.records import JobRecord
from mailbus.sqs_messages import MAX_DELAY_SECONDS
from sender import events, failures
from sender.retries import delay_seconds, is_final, no_rate_seconds, retention_exhausted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mailbus.events import EmailEvent
    from mailbus.jobs.job import Job
    from sender.ses.errors import Kind
    from sender.wiring import Sender

T = TypeVar("T")
F = TypeVar("F")

Outcome = Literal[
    "queued",
    "duplicate",
    "failed",
    "rejected",
    "cancelled",
    "unanswered",
    "retried",
    "postponed",
    "scheduled",
    "split",
    "unexpected",
]


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """The remaining steps for a message.

    First `save` is written to the ledger, or the lease of `release` is ended. Then the events are published.
    Last the message is delivered again later, or sent to the dead-letter queue with its error and
    acknowledged, or acknowledged. `paused` is how many of its mails wait because SES has paused sending, and
    `held` how many because their lane is paused; `doubt_seconds` is for how long a job in doubt has been so.
    """

    record: Record
    outcome: Outcome
    job_id: str | None = None
    message_ids: tuple[str, ...] = ()
    save: JobRecord | None = None
    release: JobRecord | None = None
    bus_entries: tuple[BusEntry, ...] = ()
    dead_letter: MailbusError | None = None
    requeue_seconds: int | None = None
    error: str | None = None
    paused: int = 0
    doubt_seconds: float | None = None
    held: int = 0


def isolated(step: Callable[[], T], otherwise: Callable[[Exception], F]) -> T | F:
    """Run a step, or return what `otherwise` makes of its exception: one job must not fail its batch."""
    try:
        return step()
    except Exception as error:  # noqa: BLE001 - the one place where the sender catches whatever a step raises
        return otherwise(error)


def failed_step(
    sender: Sender, record: Record, error: Exception, *, job_id: str | None = None, called: bool = False
) -> Settlement:
    """Settle a message whose processing raised: a service did not respond, or the error is unexpected.

    If SES may have been `called`, the job is not failed for it: the ledger knows what was sent.
    """
    if isinstance(error, SendError):
        job_id = job_id or job_id_in_body(record.body, record.original_message_id)
        return postponed(sender, record, job_id, error=error.code)
    return unexpected(sender, record, type(error).__name__, called=called)


def refused(
    sender: Sender, record: Record, job: Job, error: MailbusError, *, entries: tuple[int, ...] | None = None
) -> Settlement:
    """Settle a job that will not be sent: these entries of it, or all. SES was not called this time."""
    return Settlement(
        record=record,
        outcome="failed",
        job_id=job.job_id,
        bus_entries=bus_entries(events.refused(job, error, record.message_id, sender.now(), entries=entries)),
        dead_letter=error,
        error=error.code,
    )


def refused_rest(  # noqa: PLR0913 - what a failure consists of
    sender: Sender,
    record: Record,
    job: Job,
    error: MailbusError,
    *,
    known: JobRecord,
    entries: tuple[int, ...],
) -> Settlement:
    """Settle a job of which these entries will not be sent; the events of the others may be missing."""
    others = {entry: code for entry, code in known.failed.items() if entry not in entries}
    earlier = msgspec.structs.replace(known, failed=others)
    settlement = refused(sender, record, job, error, entries=entries)
    announced = bus_entries(events.outcomes(job, earlier, {}, record.message_id, sender.now()))
    return msgspec.structs.replace(
        settlement,
        message_ids=tuple(known.accepted.values()),
        bus_entries=(*announced, *settlement.bus_entries),
    )


def unreadable(sender: Sender, record: Record, job_id: str, error: MailbusError) -> Settlement:
    """Settle a message whose recipients are unknown; `job_id` is SQS's message id if the job has none."""
    return Settlement(
        record=record,
        outcome="failed",
        job_id=job_id,
        bus_entries=bus_entries(events.unreadable(job_id, error, record.message_id, sender.now())),
        dead_letter=error,
        error=error.code,
    )


def cancelled(sender: Sender, record: Record, job: Job, known: JobRecord) -> Settlement:
    """Settle a job that was cancelled before anything was sent."""
    # the job's message and that of its schedule, if both are there, have the same events
    message_id = known.sqs_message_id or record.message_id
    return Settlement(
        record=record,
        outcome="cancelled",
        job_id=job.job_id,
        bus_entries=bus_entries(events.refused(job, failures.cancelled(), message_id, sender.now())),
    )


def duplicate(sender: Sender, record: Record, job: Job, known: JobRecord, *, announce: bool) -> Settlement:
    """Settle a job that has nothing left to send; `announce` if its events may be missing."""
    announced = events.outcomes(job, known, {}, record.message_id, sender.now()) if announce else ()
    error = failures.outcome_unknown() if events.unknown_entries(known, record.message_id) else None
    return Settlement(
        record=record,
        outcome="duplicate" if error is None else "failed",
        job_id=job.job_id,
        message_ids=tuple(known.accepted.values()),
        bus_entries=bus_entries(announced),
        dead_letter=error,
        error=None if error is None else error.code,
    )


def given_up(
    sender: Sender, record: Record, job: Job, known: JobRecord, entries: tuple[int, ...]
) -> Settlement:
    """Settle entries whose outcome stays unknown and that are not sent again; the ledger has that already."""
    if not known.unsettled:
        # the events of the accepted entries may be missing
        return duplicate(sender, record, job, known, announce=True)
    error = failures.outcome_unknown()
    return Settlement(
        record=record,
        outcome="failed",
        job_id=job.job_id,
        bus_entries=bus_entries(events.refused(job, error, record.message_id, sender.now(), entries=entries)),
        requeue_seconds=1,
        error=error.code,
    )


def postponed(  # noqa: PLR0913 - what decides how long a job waits
    sender: Sender,
    record: Record,
    job_id: str,
    *,
    seconds: float | None = None,
    kind: Kind = "retry",
    expires_at: float | None = None,
    error: str | None = None,
) -> Settlement:
    """Settle a job that waits for something else: the rate, the quota, another worker, another service.

    It waits `seconds`, or as `kind` says, but not past `expires_at`; `error` is the code of what did not
    answer.
    """
    if is_last_delivery(sender, record):
        return unreadable(sender, record, job_id, failures.waited_too_long())
    seconds_to_wait = wait_seconds(sender, record, seconds, kind)
    return Settlement(
        record=record,
        outcome="postponed",
        job_id=job_id,
        requeue_seconds=until_expiry(sender, expires_at, seconds_to_wait),
        error=error,
    )


def scheduled(record: Record, job: Job, *, delay: float | None = None) -> Settlement:
    """Settle a job that is sent later: from a schedule, or from the queue after a delay in seconds."""
    return Settlement(
        record=record,
        outcome="scheduled",
        job_id=job.job_id,
        requeue_seconds=None if delay is None else math.ceil(delay),
    )


def split(record: Record, job: Job) -> Settlement:
    """Settle a merge whose parts are all on the queue."""
    return Settlement(record=record, outcome="split", job_id=job.job_id)


def unexpected(sender: Sender, record: Record, error_type: str, *, called: bool = False) -> Settlement:
    """Settle a job after an unexpected error: retried up to the deployment's attempts, then failed.

    If SES may have been `called`, it is retried for as long as a job may wait.
    """
    errors = record.errors + 1
    tried = not called and is_final("retry", errors, sender.settings.max_attempts)
    if not tried and not is_last_delivery(sender, record):
        return Settlement(
            record=msgspec.structs.replace(record, errors=errors),
            outcome="unexpected",
            requeue_seconds=delay_seconds("retry", errors, sender.uniform),
            error=error_type,
        )
    job_id = job_id_in_body(record.body, record.original_message_id)
    settled = unreadable(sender, record, job_id, failures.unexpected(error_type))
    return msgspec.structs.replace(settled, outcome="unexpected", error=error_type)


def wait_seconds(sender: Sender, record: Record, seconds: float | None, kind: Kind) -> int:
    """Return how long a job waits, spread out so that not all come back at once, more for a longer wait."""
    if seconds is None:
        return delay_seconds(kind, record.receive_count, sender.uniform)
    spread = 0.0
    if kind == "throttled":
        spread = no_rate_seconds(record.receive_count, _age(sender, record), sender.uniform)
    return min(math.ceil(seconds + spread), MAX_DELAY_SECONDS)


def until_expiry(sender: Sender, expires_at: float | None, seconds: int) -> int:
    """Shorten a wait so that an expired job is reported at its time, not long after."""
    if expires_at is None:
        return seconds
    return min(seconds, max(0, math.ceil(expires_at - sender.now().timestamp())))


def is_last_delivery(sender: Sender, record: Record) -> bool:
    """Return whether the job has waited for as long as it may."""
    return retention_exhausted(_age(sender, record))


def _age(sender: Sender, record: Record) -> float:
    return 0.0 if record.sent_at is None else sender.now().timestamp() - record.sent_at


def bus_entries(announced: Iterable[EmailEvent]) -> tuple[BusEntry, ...]:
    """Return events as entries for the bus."""
    return tuple(bus_entry(event) for event in announced)
