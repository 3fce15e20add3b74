"""What is not sent from the message that brings it: jobs that are not due, and merges for many."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mailbus.errors import SendError
from mailbus.jobs.job import envelopes
from mailbus.jobs.queue_message import NOT_SENDABLE
from mailbus.jobs.splitting import split
from mailbus.ledger.records import JobRecord, Waiting
from sender.aws.scheduler import INPUT_BYTES
from sender.claims import LEASE_SLACK, enter, key_of, remembered_until, result_of
from sender.preparing import NO_TIME
from sender.results import Postponed, Refused, Scheduled, Split

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sender.aws.s3 import Prefix
    from sender.results import Early, Large, Result
    from sender.wiring import Sender

# The longest that a job waits hidden in its queue; beyond, it is put on a schedule.
HIDDEN_SECONDS: Final = 15 * 60
# What one more call of the queue may take, with the parts of it that have to be kept in S3.
CALL_SECONDS: Final = 20.0
# A queue's message holds 1 MiB; its attributes count too.
BODY_BYTES: Final = 1000 * 1000


def defer(sender: Sender, early: Early) -> Result:
    """Keep a job until it is due: written down first, so that it can be cancelled."""
    record, job, due = early.record, early.job, early.due
    scheduled = JobRecord(
        key=key_of(record, job),
        fingerprint=job.fingerprint,
        state="scheduled",
        entries=len(envelopes(job)),
        sqs_message_id=record.message_id,
        due=due,
        expires_at=remembered_until(sender, due),
    )
    known, verdict = enter(sender, record, job, scheduled)
    if verdict is not None and not (isinstance(verdict, Waiting) and verdict.why == "scheduled"):
        return result_of(sender, record, job, known, verdict)
    wait = due - sender.now().timestamp()
    if wait <= HIDDEN_SECONDS:
        return Scheduled(record=record, job=job, hide_seconds=max(wait, 0.0))
    body = _body(sender, {**early.document, "job_id": job.job_id}, job.job_id, "scheduled/", INPUT_BYTES)
    sender.schedules.create(job.job_id, due=due, queue_arn=record.queue_arn, body=body)
    return Scheduled(record=record, job=job)


def divide(sender: Sender, large: Large, deadline: float) -> Result:
    """Cut a merge into parts, each a message of its own.

    The job's own record is leased meanwhile, then says that there is nothing left to do.
    """
    record, job = large.record, large.job
    leased = JobRecord(
        key=key_of(record, job),
        fingerprint=job.fingerprint,
        sqs_message_id=record.message_id,
        lease_until=deadline + LEASE_SLACK,
        expires_at=remembered_until(sender),
    )
    known, verdict = enter(sender, record, job, leased)
    if verdict is not None:
        return result_of(sender, record, job, known, verdict)
    try:
        parts = split(large.document, job)
        put, trouble = _put_parts(sender, large, parts, known.parts, deadline)
    except Exception:
        # otherwise the lease ends by itself
        with contextlib.suppress(SendError):
            sender.ledger.release_lease(known)
        raise
    left = 0 if put == len(parts) else known.entries
    unsaved = sender.ledger.save([msgspec.structs.replace(known, parts=put, entries=left, lease_until=0.0)])
    if trouble is not None and trouble.retryable:
        raise trouble
    if trouble is not None:
        return Refused(record=record, job=job, error=trouble)
    if left:
        return Postponed(record=record, job_id=job.job_id, seconds=LEASE_SLACK, error=NO_TIME)
    if unsaved:
        # the parts are there; the message that comes again adds them again, which does no harm
        return Postponed(record=record, job_id=job.job_id)
    return Split(record=record, job=job, parts=len(parts))


def _put_parts(
    sender: Sender, large: Large, parts: Sequence[dict[str, Any]], first: int, deadline: float
) -> tuple[int, SendError | None]:
    """Put parts on the queue, from the first that is not there; tell how many are, and what failed."""
    # one after the other: all of them have what they share as often as there are parts
    bodies = (_body(sender, part, large.job.job_id, "jobs/", BODY_BYTES) for part in parts[first:])
    put = first
    try:
        for there in sender.queues.send_parts(large.record.queue_arn, bodies, first=first):
            put = there
            if sender.now().timestamp() > deadline - CALL_SECONDS:
                break
    except SendError as error:
        return put, error
    return put, None


def _body(sender: Sender, document: dict[str, Any], job_id: str, prefix: Prefix, most: int) -> str:
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    # the Scheduler would put its own values in their places
    # https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
    text = text.replace("<aws.scheduler.", "\\u003caws.scheduler.").translate(NOT_SENDABLE)
    data = text.encode()
    if len(data) <= most:
        return text
    reference = sender.objects.store(prefix, job_id, data)
    return json.dumps({"job_id": job_id, "content_ref": reference})
