"""The events that the sender itself knows of: queued, failed and rejected."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mailbus.events import JOB_ID_TAG, EmailEvent, event_id
from mailbus.jobs.job import envelopes
from mailbus.jobs.splitting import PART_RECIPIENTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Final

    from mailbus.errors import MailbusError
    from mailbus.events import EventType, MetadataValue, RejectReason
    from mailbus.jobs.job import Job
    from sender.ses.errors import Fault

DESCRIPTION_CHARACTERS: Final = 1000
# as for SES's own Reject event
REJECT_REASON: Final[RejectReason] = "blocked"


def queued(job: Job, accepted: Mapping[int, str], at: float) -> tuple[EmailEvent, ...]:
    """Announce mails that SES accepted, once per recipient; `accepted` has SES's message ids by entry."""
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
    """Announce entries that SES will never accept, each with its own error."""
    return tuple(
        event
        for entry, fault in faults.items()
        for event in refused(
            job, fault.error, sqs_message_id, now, entries=(entry,), rejected=fault.kind == "rejected"
        )
    )


def refused(  # noqa: PLR0913 - what a failure consists of
    job: Job,
    error: MailbusError,
    sqs_message_id: str,
    now: datetime,
    *,
    entries: Iterable[int] | None = None,
    rejected: bool = False,
) -> tuple[EmailEvent, ...]:
    """Announce what will never be sent, once per recipient; of all entries where none are named.

    A merge that is refused before it is cut into parts has one event for all of its recipients: the function
    has no time for theirs. The ids come from SQS's message id: a redelivery repeats them, a mended job sent
    again does not.
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
            description=str(error)[:DESCRIPTION_CHARACTERS],
        )
        for entry in (range(len(to)) if entries is None else entries)
        for recipient in to[entry].recipients
    )


def unreadable(
    job_id: str, error: MailbusError, sqs_message_id: str, now: datetime
) -> tuple[EmailEvent, ...]:
    """Announce a job that could not be read: who would have received it is unknown."""
    failed = EmailEvent(
        event_type="failed",
        event_id=event_id("failed", sqs_message_id, None),
        timestamp=now,
        job_id=job_id,
        description=str(error)[:DESCRIPTION_CHARACTERS],
    )
    return (failed,)


def _refused_whole(
    job: Job, error: MailbusError, sqs_message_id: str, now: datetime, recipients: int
) -> EmailEvent:
    told = f"; so for all {recipients} recipients of the merge"
    return EmailEvent(
        event_type="failed",
        event_id=event_id("failed", sqs_message_id, None),
        timestamp=now,
        job_id=job.job_id,
        metadata=job.metadata,
        tags=job.tags,
        message_tags={JOB_ID_TAG: (job.job_id,)},
        description=str(error)[: DESCRIPTION_CHARACTERS - len(told)] + told,
    )


def _metadata(job: Job, entry: int) -> dict[str, MetadataValue]:
    return job.metadata if job.merge is None else job.merge.recipients[entry].metadata
