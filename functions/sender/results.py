"""How far a message of the send queue got."""

from __future__ import annotations

import msgspec

from mailbus.errors import MailbusError
from mailbus.jobs import Job
from mailbus.sqs import Record
from sender.outcomes import Kind
from sender.request import Request


class Unreadable(msgspec.Struct, frozen=True, kw_only=True):
    """A message that is no valid job; `job_id` is SQS's message id where the job's own cannot be read."""

    record: Record
    job_id: str
    error: MailbusError


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """A job that was not sent, and why."""

    record: Record
    job: Job
    kind: Kind
    error: MailbusError
    attempts: int = 1


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """A job with the request that sends it."""

    record: Record
    job: Job
    request: Request


class Postponed(msgspec.Struct, frozen=True, kw_only=True):
    """A job whose turn comes later than a worker waits."""

    record: Record
    job: Job
    seconds: float


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """A mail that SES took."""

    record: Record
    job: Job
    message_id: str


class Unexpected(msgspec.Struct, frozen=True, kw_only=True):
    """A failure that nobody foresaw; only its type is safe to tell."""

    record: Record
    error_type: str


Prepared = Planned | Refused | Unreadable | Unexpected
Result = Accepted | Postponed | Refused | Unreadable | Unexpected
