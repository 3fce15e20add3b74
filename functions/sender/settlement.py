"""What follows from a result: events, and the dead-letter queue, a later delivery, or neither."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import msgspec

from mailbus.errors import MailbusError, SendError
from mailbus.events import BusEntry, EmailEvent, entry
from mailbus.jobs import peek_job_id
from mailbus.sqs import Record
from sender import announcements
from sender.outcomes import delay_seconds, gives_up, is_spent
from sender.results import Accepted, Postponed, Refused, Result, Unexpected, Unreadable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final

    from sender.wiring import Sender

UNEXPECTED_SECONDS: Final = 60
SPREAD_SECONDS: Final = 5
LONGEST_SPREAD_SECONDS: Final = 15 * 60

Outcome = Literal["queued", "failed", "rejected", "retried", "postponed", "unexpected"]


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
