"""How far a message of the send queue got."""

from __future__ import annotations

from typing import Any

import msgspec

from mailbus.aws.sqs import Record
from mailbus.errors import MailbusError, SendError
from mailbus.jobs.job import Envelope, Job
from mailbus.ledger.records import JobRecord
from sender.ses.errors import Fault, Kind
from sender.ses.send_bulk_email import BulkRequest
from sender.ses.send_email import Request


class Unreadable(msgspec.Struct, frozen=True, kw_only=True):
    """A message that is no valid job; `job_id` is SQS's message id where the job's own cannot be read."""

    record: Record
    job_id: str
    error: MailbusError


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """A job that will not be sent, and why: these entries of it, or all. SES was not called this time."""

    record: Record
    job: Job
    error: MailbusError
    entries: tuple[int, ...] | None = None


class Cancelled(msgspec.Struct, frozen=True, kw_only=True):
    """A job that was cancelled before its time."""

    record: Record
    job: Job


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """A job on its way, with the call that sends it, and what has become of its entries so far.

    An entry is one message to SES: the one of an ordinary job, or one of the recipients of a merge.
    `entries` are those still to be handed to SES, `seen` is what the ledger holds about the job. `accepted`
    and `faults` are this delivery's.
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


class Large(msgspec.Struct, frozen=True, kw_only=True):
    """A merge for more recipients than one message of the queue is for."""

    record: Record
    job: Job
    document: dict[str, Any]


class Early(msgspec.Struct, frozen=True, kw_only=True):
    """A job that is not due yet."""

    record: Record
    job: Job
    document: dict[str, Any]
    due: float


class Attempted(msgspec.Struct, frozen=True, kw_only=True):
    """A job that SES was called for; with `unanswered`, its last call may have been accepted or not.

    `known` is what is to be written down of it, unless nothing was `noted` since its claim. Where
    entries are left that had no turn, they wait `seconds`, or as `kind` says.
    """

    work: Work
    known: JobRecord
    unanswered: Fault | None = None
    noted: bool = True
    seconds: float | None = None
    kind: Kind = "throttled"

    @property
    def record(self) -> Record:
        """The queue's message."""
        return self.work.record


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """A job that an earlier delivery left nothing to send of; `announce` where its events may be missing."""

    record: Record
    job: Job
    known: JobRecord
    announce: bool


class GivenUp(msgspec.Struct, frozen=True, kw_only=True):
    """Entries of a job whose outcome stays unknown, and that are not sent again; it is written down."""

    record: Record
    job: Job
    known: JobRecord
    entries: tuple[int, ...]
    error: SendError


class Split(msgspec.Struct, frozen=True, kw_only=True):
    """A large merge whose parts are all on the queue."""

    record: Record
    job: Job
    parts: int


class Scheduled(msgspec.Struct, frozen=True, kw_only=True):
    """A job that is written down for later: on a schedule, or hidden in the queue for so many seconds."""

    record: Record
    job: Job
    hide_seconds: float | None = None


class Postponed(msgspec.Struct, frozen=True, kw_only=True):
    """A job that waits for something that is not its own fault: a turn, the quota, another service.

    `seconds` where it is known for how long, but not past `expires_at`; `error` is the code of what did not
    answer.
    """

    record: Record
    job_id: str
    expires_at: float | None = None
    seconds: float | None = None
    kind: Kind = "retry"
    error: str | None = None


class Unexpected(msgspec.Struct, frozen=True, kw_only=True):
    """A failure that nobody foresaw; only its type is safe to tell.

    Where SES may have been `called`, the job is not given up for it: the ledger tells what was sent.
    """

    record: Record
    error_type: str
    called: bool = False


Result = (
    Attempted
    | Cancelled
    | GivenUp
    | Postponed
    | Refused
    | Scheduled
    | Settled
    | Split
    | Unexpected
    | Unreadable
)
Prepared = Work | Early | Large | Result
