"""Makes the job records that the sender writes to the ledger: before SES is called, and after."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import msgspec

from mailbus.ledger.claims import Claim
from mailbus.ledger.records import UNKNOWN, JobRecord
from sender.ses.errors import Fault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailbus.events import MetadataValue
    from mailbus.jobs.job import Job
    from sender.wiring import Sender
    from sender.work import Work

DAY_SECONDS: Final = 24 * 60 * 60
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
MESSAGE_SECONDS: Final = 14 * DAY_SECONDS
# a function ends a little after its deadline
LEASE_SLACK: Final = 1.0


def claim_for(
    sender: Sender, work: Work, entries: tuple[int, ...], *, called_at: float, deadline: float
) -> Claim:
    """Return the claim of the entries that SES is about to be called for, until the function's deadline."""
    seen = work.seen
    base = msgspec.structs.replace(
        JobRecord(key=work.key) if seen is None else _retried(seen),
        fingerprint=work.job.fingerprint,
        state="active",
        entries=len(work.envelopes),
        metadata=_metadata(work.job),
        tags=work.job.tags,
        # SQS may deliver the message, or a copy of it, again for so long: until then the ledger must remember
        # what was sent
        expires_at=max(remembered_until(sender), math.ceil(sender.now().timestamp() + MESSAGE_SECONDS)),
    )
    # the events of a job from a schedule, or from the dead-letter queue, belong to the message it came with
    owner = seen.sqs_message_id if seen is not None and seen.state == "active" else ""
    attempts = base.attempts
    if work.doubted:
        attempts = {**attempts, UNKNOWN: attempts.get(UNKNOWN, 0) + 1}
    claimed = msgspec.structs.replace(
        base,
        sqs_message_id=owner or work.record.message_id,
        lease_until=deadline + LEASE_SLACK,
        open=entries,
        called_at=called_at,
        attempts=attempts,
    )
    return Claim(record=claimed, seen=seen)


def with_answers(claimed: JobRecord, answers: Mapping[int, str | Fault], now: float) -> JobRecord:
    """Return a claimed record with SES's answers for the entries of a call.

    The lease stays, and entries without an answer stay open.
    """
    accepted = {entry: answer for entry, answer in answers.items() if isinstance(answer, str)}
    faults = {entry: answer for entry, answer in answers.items() if isinstance(answer, Fault)}
    failed = {entry: fault.error.code for entry, fault in faults.items() if not fault.error.retryable}
    return msgspec.structs.replace(
        claimed,
        open=tuple(entry for entry, fault in faults.items() if fault.kind == "unanswered"),
        accepted={**claimed.accepted, **accepted},
        accepted_at=claimed.accepted_at or (now if accepted else 0.0),
        failed={
            **{entry: code for entry, code in claimed.failed.items() if entry not in accepted},
            **failed,
        },
    )


def remembered_until(sender: Sender, due: float | None = None) -> int:
    """Return when the ledger may forget a job, in epoch seconds."""
    begins = max(sender.now().timestamp(), due or 0.0)
    return math.ceil(begins + sender.settings.ledger_days * DAY_SECONDS)


def released(known: JobRecord) -> JobRecord:
    """Return a record without its lease."""
    return msgspec.structs.replace(known, lease_until=0.0)


def failed_job(known: JobRecord) -> JobRecord:
    """Return the record of a failed job.

    Another delivery of its message repeats its events: the worker may have died before them. Another message
    of the job, as one that was redriven from the dead-letter queue, retries all that SES has not accepted.
    """
    return msgspec.structs.replace(known, state="failed", tries={}, attempts={})


def _retried(seen: JobRecord) -> JobRecord:
    return msgspec.structs.replace(seen, failed={}) if seen.state == "failed" else seen


def forgotten(known: JobRecord) -> JobRecord:
    """Return an empty record with the version of another, which it replaces."""
    return JobRecord(key=known.key, version=known.version, expires_at=known.expires_at)


def _metadata(job: Job) -> tuple[dict[str, MetadataValue], ...]:
    if job.merge is None:
        return (job.metadata,)
    return tuple(recipient.metadata for recipient in job.merge.recipients)
