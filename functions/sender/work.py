"""Jobs in progress, from the message on the send queue to SES's answers."""

from __future__ import annotations

from typing import Any

import msgspec

from mailbus.aws.sqs import Record
from mailbus.jobs.job import Envelope, Job
from mailbus.ledger.records import JobRecord, RecordKey
from sender.ses.errors import Fault, Kind
from sender.ses.send_bulk_email import BulkRequest
from sender.ses.send_email import Request


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message of the send queue, with the JSON in it."""

    record: Record
    document: dict[str, Any]


class NotDue(msgspec.Struct, frozen=True, kw_only=True):
    """A job that is due later."""

    record: Record
    job: Job
    document: dict[str, Any]
    due: float


class Oversized(msgspec.Struct, frozen=True, kw_only=True):
    """A merge with more recipients than one message of the queue may have."""

    record: Record
    job: Job
    document: dict[str, Any]


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """A job with the call that sends it, and what has happened to its entries so far.

    An entry is one message to SES: the only one of an ordinary job, or one of the recipients of a merge.
    `entries` are those still to be sent, `seen` is what the ledger holds of the job. `accepted` and `faults`
    are SES's answers in this delivery.
    """

    record: Record
    job: Job
    call: Request | BulkRequest
    envelopes: tuple[Envelope, ...]
    entries: tuple[int, ...]
    seen: JobRecord | None = None
    doubted: tuple[int, ...] = ()
    accepted: dict[int, str] = {}
    faults: dict[int, Fault] = {}

    @property
    def key(self) -> RecordKey:
        """The key of the job's record in the ledger."""
        return key_of(self.record, self.job)


class Attempted(msgspec.Struct, frozen=True, kw_only=True):
    """A job that SES was called for; with `unanswered`, SES may have accepted its last call or not.

    `known` is what the ledger is to hold of it; without `answered` nothing is known but the claim. Entries
    that could not be sent yet wait `seconds`, or as `kind` says.
    """

    work: Work
    known: JobRecord
    unanswered: Fault | None = None
    answered: bool = True
    seconds: float | None = None
    kind: Kind = "throttled"


def key_of(record: Record, job: Job) -> RecordKey:
    """Return the key of a job's record in the ledger."""
    return RecordKey(job_id=job.job_id, part=record.part)
