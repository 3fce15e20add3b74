"""Makes the sender's events: queued, failed and rejected."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mailbus.events import JOB_ID_TAG, EmailEvent, event_id
from mailbus.jobs.job import envelopes
from mailbus.jobs.splitting import PART_RECIPIENTS
from sender import failures
from sender.ses.errors import Fault, from_recorded_code

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Final

    from mailbus.errors import MailbusError
    from mailbus.events import EventType, MetadataValue, RejectReason
    from mailbus.jobs.job import Job
    from mailbus.ledger.records import JobRecord

DESCRIPTION_CHARACTERS: Final = 1000
# as for SES's own Reject event
REJECT_REASON: Final[RejectReason] = "blocked"


def queued(job: Job, accepted: Mapping[int, str], at: float) -> tuple[EmailEvent, ...]:
    """Return an event for each recipient of the mails that SES accepted.

    `accepted` has SES's message ids by entry, `at` is when SES accepted the first of them, in epoch seconds.
    """
    to = envelopes(job)
    return tuple(
        EmailEvent(
            event_type="queued",
            event_id=event_id("queued", message_id, recipient),
            timestamp=datetime.fromtimestamp(at, UTC),
            message_id=message_id,
            job_id=job.job_id,
            recipient=recipient,
            metadata=_metadata(job, entry),
            tags=job.tags,
            message_tags={JOB_ID_TAG: (job.job_id,)},
        )
        for entry, message_id in accepted.items()
        for recipient in to[entry].recipients
    )


def faulty(
    job: Job, faults: Mapping[int, Fault], sqs_message_id: str, now: datetime
) -> tuple[EmailEvent, ...]:
    """Return an event for each recipient of entries that SES will never accept, with the entry's error."""
    return tuple(
        event
        for entry, fault in faults.items()
        for event in refused(
            job, fault.error, sqs_message_id, now, entries=(entry,), rejected=fault.kind == "rejected"
        )
    )


def outcomes(
    job: Job, known: JobRecord, faults: Mapping[int, Fault], sqs_message_id: str, now: datetime
) -> list[EmailEvent]:
    """Return the events of all entries, also those of earlier deliveries, whose events may be missing.

    `faults` are those of this delivery.
    """
    earlier: dict[int, Fault] = dict.fromkeys(
        unknown_entries(known, sqs_message_id), Fault(kind="failed", error=failures.outcome_unknown())
    )
    if known.sqs_message_id == sqs_message_id:
        earlier |= {
            entry: from_recorded_code(code) for entry, code in known.failed.items() if entry not in faults
        }
    return [
        *queued(job, known.accepted, known.accepted_at),
        *faulty(job, {**earlier, **faults}, sqs_message_id, now),
    ]


def unknown_entries(known: JobRecord, sqs_message_id: str) -> tuple[int, ...]:
    """Return the entries whose outcome stays unknown, if this message is the one to report them."""
    own = known.sqs_message_id == sqs_message_id
    return tuple(entry for entry in known.unknown if own and entry not in known.accepted)


def refused(  # noqa: PLR0913 - what a failure consists of
    job: Job,
    error: MailbusError,
    sqs_message_id: str,
    now: datetime,
    *,
    entries: Iterable[int] | None = None,
    rejected: bool = False,
) -> tuple[EmailEvent, ...]:
    """Return an event for each recipient that will never be sent to; of all entries if none are named.

    A merge that is refused before it is split into parts has one event for all of its recipients: the
    function has no time for one each. The ids come from SQS's message id: a redelivery repeats them, a fixed
    job that is sent again does not.
    """
    if job.merge is not None and len(job.merge.recipients) > PART_RECIPIENTS:
        return (_refused_whole(job, error, sqs_message_id, now, len(job.merge.recipients)),)
    to = envelopes(job)
    event_type: EventType = "rejected" if rejected else "failed"
    return tuple(
        EmailEvent(
            event_type=event_type,
            event_id=event_id(event_type, sqs_message_id, str(entry), recipient),
            timestamp=now,
            job_id=job.job_id,
            recipient=recipient,
            metadata=_metadata(job, entry),
            tags=job.tags,
            message_tags={JOB_ID_TAG: (job.job_id,)},
            reject_reason=REJECT_REASON if rejected else None,
            error_code=error.code,
            description=str(error)[:DESCRIPTION_CHARACTERS],
        )
        for entry in (range(len(to)) if entries is None else entries)
        for recipient in to[entry].recipients
    )


def unreadable(
    job_id: str, error: MailbusError, sqs_message_id: str, now: datetime
) -> tuple[EmailEvent, ...]:
    """Return the event of a job that could not be read: its recipients are unknown."""
    failed = EmailEvent(
        event_type="failed",
        event_id=event_id("failed", sqs_message_id, None),
        timestamp=now,
        job_id=job_id,
        error_code=error.code,
        description=str(error)[:DESCRIPTION_CHARACTERS],
    )
    return (failed,)


def _refused_whole(
    job: Job, error: MailbusError, sqs_message_id: str, now: datetime, recipients: int
) -> EmailEvent:
    scope = f"; this applies to all {recipients} recipients of the merge"
    return EmailEvent(
        event_type="failed",
        event_id=event_id("failed", sqs_message_id, None),
        timestamp=now,
        job_id=job.job_id,
        metadata=job.metadata,
        tags=job.tags,
        message_tags={JOB_ID_TAG: (job.job_id,)},
        error_code=error.code,
        description=str(error)[: DESCRIPTION_CHARACTERS - len(scope)] + scope,
    )


def _metadata(job: Job, entry: int) -> dict[str, MetadataValue]:
    return job.metadata if job.merge is None else job.merge.recipients[entry].metadata
