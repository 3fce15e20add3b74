"""The events that the sender itself knows of: queued, failed and rejected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailbus.events import JOB_ID_TAG, EmailEvent, event_id
from mailbus.jobs import envelope

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Final

    from mailbus.errors import MailbusError
    from mailbus.events import EventType, RejectReason
    from mailbus.jobs import Job
    from sender.outcomes import Kind

DESCRIPTION_CHARACTERS: Final = 1000
# as for SES's own Reject event
REJECT_REASON: Final[RejectReason] = "blocked"


def queued(job: Job, message_id: str, now: datetime) -> tuple[EmailEvent, ...]:
    """Announce a mail that SES accepted, once per recipient."""
    return tuple(
        EmailEvent(
            event_type="queued",
            event_id=event_id("queued", message_id, recipient),
            timestamp=now,
            message_id=message_id,
            job_id=job.job_id,
            recipient=recipient,
            metadata=job.metadata,
            tags=job.tags,
            message_tags={JOB_ID_TAG: (job.job_id,)},
        )
        for recipient in envelope(job).recipients
    )


def refused(
    job: Job, error: MailbusError, kind: Kind, sqs_message_id: str, now: datetime
) -> tuple[EmailEvent, ...]:
    """Announce a job that will never be sent, once per recipient.

    The ids come from SQS's message id: a redelivery repeats them, a mended job sent again does not.
    """
    rejected = kind == "rejected"
    event_type: EventType = "rejected" if rejected else "failed"
    return tuple(
        EmailEvent(
            event_type=event_type,
            event_id=event_id(event_type, sqs_message_id, recipient),
            timestamp=now,
            job_id=job.job_id,
            recipient=recipient,
            metadata=job.metadata,
            tags=job.tags,
            message_tags={JOB_ID_TAG: (job.job_id,)},
            reject_reason=REJECT_REASON if rejected else None,
            description=str(error)[:DESCRIPTION_CHARACTERS],
        )
        for recipient in envelope(job).recipients
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
