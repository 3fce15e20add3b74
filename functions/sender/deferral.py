"""Settles jobs that are not sent from the message they came with: jobs that are not due, and large merges."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mailbus.errors import SendError
from mailbus.jobs.claim_check import JOBS_PREFIX, SCHEDULED_PREFIX
from mailbus.jobs.job import envelopes
from mailbus.jobs.splitting import split
from mailbus.ledger.records import JobRecord
from mailbus.sqs_messages import MAX_BODY_BYTES, MAX_DELAY_SECONDS, escape_json
from sender import settlement
from sender.aws.scheduler import INPUT_BYTES
from sender.claims import LEASE_SLACK, released, remembered_until
from sender.preparing import NO_TIME
from sender.settlement import Settlement, postponed, refused
from sender.verdicts import enter
from sender.work import key_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailbus.jobs.claim_check import Prefix
    from sender.wiring import Sender
    from sender.work import NotDue, Oversized

# What one more call of the queue may take, with those of its parts that must be stored in S3.
CALL_SECONDS: Final = 20.0


def defer(sender: Sender, job_later: NotDue) -> Settlement:
    """Keep a job until it is due: entered in the ledger first, so that it can be cancelled."""
    record, job, due = job_later.record, job_later.job, job_later.due
    wanted = JobRecord(
        key=key_of(record, job),
        fingerprint=job.fingerprint,
        state="scheduled",
        entries=len(envelopes(job)),
        sqs_message_id=record.message_id,
        due=due,
        expires_at=remembered_until(sender, due),
    )
    known = enter(sender, record, job, wanted)
    if isinstance(known, Settlement):
        return known
    delay = due - sender.now().timestamp()
    if delay <= MAX_DELAY_SECONDS:
        return settlement.scheduled(record, job, delay=max(delay, 0.0))
    document = {**job_later.document, "job_id": job.job_id}
    body = _body(sender, document, job.job_id, SCHEDULED_PREFIX, INPUT_BYTES)
    sender.schedules.create(job.job_id, due=due, queue_arn=record.queue_arn, body=body)
    return settlement.scheduled(record, job)


def split_merge(sender: Sender, merge: Oversized, deadline: float) -> Settlement:
    """Split a merge into parts, each a message of its own.

    The job's own record is leased meanwhile, and then says that nothing is left to do.
    """
    record, job = merge.record, merge.job
    wanted = JobRecord(
        key=key_of(record, job),
        fingerprint=job.fingerprint,
        sqs_message_id=record.message_id,
        lease_until=deadline + LEASE_SLACK,
        expires_at=remembered_until(sender),
    )
    known = enter(sender, record, job, wanted)
    if isinstance(known, Settlement):
        return known
    try:
        parts = split(merge.document, job)
        sent, error = _send_parts(sender, merge, parts, known.parts, deadline)
    except Exception:
        # otherwise the lease ends by itself
        with contextlib.suppress(SendError):
            sender.ledger.release_lease(known)
        raise
    complete = sent == len(parts)
    unsaved = sender.ledger.save(
        [msgspec.structs.replace(released(known), parts=sent, entries=0 if complete else known.entries)]
    )
    if error is not None and error.retryable:
        raise error
    if error is not None:
        return refused(sender, record, job, error)
    if not complete:
        return postponed(sender, record, job.job_id, seconds=LEASE_SLACK, error=NO_TIME)
    if unsaved:
        # the parts are on the queue; the message that is delivered again sends them again, which does no harm
        return postponed(sender, record, job.job_id)
    return settlement.split(record, job)


def _send_parts(
    sender: Sender, merge: Oversized, parts: Sequence[dict[str, Any]], first: int, deadline: float
) -> tuple[int, SendError | None]:
    """Send parts to the queue, from `first` on; return how many it has now, and the error if one failed."""
    # one after the other: each of them has a copy of what they share
    bodies = (_body(sender, part, merge.job.job_id, JOBS_PREFIX, MAX_BODY_BYTES) for part in parts[first:])
    sent = first
    try:
        for count in sender.queues.send_parts(merge.record.queue_arn, bodies, first=first):
            sent = count
            if sender.now().timestamp() > deadline - CALL_SECONDS:
                break
    except SendError as error:
        return sent, error
    return sent, None


def _body(sender: Sender, document: dict[str, Any], job_id: str, prefix: Prefix, max_bytes: int) -> str:
    """Return a message for a job: its document, or a reference to it in S3 if it is too large."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    # the Scheduler would replace these with values of its own
    # https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
    text = escape_json(text.replace("<aws.scheduler.", "\\u003caws.scheduler."))
    data = text.encode()
    if len(data) <= max_bytes:
        return text
    reference = sender.objects.store(prefix, job_id, data)
    return json.dumps({"job_id": job_id, "content_ref": reference})
