"""The ledger's records of jobs, and the verdict on what a worker may do with one: pure values.

A job consists of entries, one for each message: an ordinary job has entry 0, a merge one for each recipient
of its part. An entry is open from just before SES is called until the answer is recorded, then accepted, or
free to be tried again, or unknown if it was given up without an answer. Times are epoch seconds.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from mailbus.events import MetadataValue

State = Literal["active", "scheduled", "failed", "cancelled"]
Reason = Literal["leased", "doubtful", "scheduled"]
OnUnknown = Literal["resend", "fail"]
# the key in `attempts` that counts resends
UNKNOWN: Final = "unknown"
# Each resend may be a second copy; SES fails to answer so often only while it is broken.
UNKNOWN_RESENDS: Final = 3
# Queues and schedules count in whole seconds and are a little early at times.
DUE_SLACK_SECONDS: Final = 1.0


class RecordKey(msgspec.Struct, frozen=True, kw_only=True):
    """A job, or one part of it if it was split into parts."""

    job_id: str
    part: int | None = None


class SentEntry(msgspec.Struct, frozen=True, kw_only=True):
    """The entry of a job that one of SES's messages was sent for."""

    key: RecordKey
    entry: int


class JobRecord(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of one job, or of one part of it.

    `version` changes with every write. Until `lease_until` the entries in `open` belong to one worker alone,
    which was about to call SES at `called_at`. `accepted` has SES's message id by entry, `failed` the code of
    a permanent error, for as long as other entries of the job are still tried. `tries` counts limited retries
    by entry, `attempts` the job's waits by their kind. `metadata` has one object for each entry. `parts` is
    how many parts of a large merge are on the queue. From `expires_at` on the record is ignored.
    """

    key: RecordKey
    fingerprint: str = ""
    state: State = "active"
    entries: int = 1
    sqs_message_id: str = ""
    version: int = 0
    lease_until: float = 0.0
    open: tuple[int, ...] = ()
    called_at: float = 0.0
    accepted: dict[int, str] = msgspec.field(default_factory=dict)
    accepted_at: float = 0.0
    unknown: tuple[int, ...] = ()
    failed: dict[int, str] = msgspec.field(default_factory=dict)
    tries: dict[int, int] = msgspec.field(default_factory=dict)
    attempts: dict[str, int] = msgspec.field(default_factory=dict)
    parts: int = 0
    due: float | None = None
    metadata: tuple[dict[str, MetadataValue], ...] = ()
    tags: tuple[str, ...] = ()
    expires_at: int = 0

    @property
    def unsettled(self) -> tuple[int, ...]:
        """The entries that are neither accepted nor given up as unknown, in order."""
        return tuple(
            entry for entry in range(self.entries) if entry not in self.accepted and entry not in self.unknown
        )


class Free(msgspec.Struct, frozen=True, kw_only=True):
    """These entries may be claimed and sent.

    `doubted` are those among them that SES may have accepted before: a new claim counts them in `attempts`
    as `unknown`. With `fresh` the record is not about this job: all entries of the job itself are free, and
    nothing of the record is carried over.
    """

    entries: tuple[int, ...]
    doubted: tuple[int, ...] = ()
    fresh: bool = False


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing is left to send. With `announce` it is the same queue message again.

    Its events may be missing then, since its worker may have died before it published them.
    """

    announce: bool


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """Not before `until`."""

    until: float
    why: Reason


class GiveUp(msgspec.Struct, frozen=True, kw_only=True):
    """SES may have accepted these entries, no event ever said so, and they must not be sent again.

    To be written by a claim (nothing open, no lease), not by a save: SES's event may arrive in between.
    """

    entries: tuple[int, ...]


class Cancelled(msgspec.Struct, frozen=True, kw_only=True):
    """The job was cancelled before anything was sent."""


class Conflict(msgspec.Struct, frozen=True, kw_only=True):
    """The id belongs to a job with other content."""


Verdict = Free | Settled | Waiting | GiveUp | Cancelled | Conflict


def judge(  # noqa: PLR0911, PLR0913 - one exit for each verdict, one argument for each thing that decides
    record: JobRecord,
    *,
    fingerprint: str,
    sqs_message_id: str,
    now: float,
    doubt_seconds: float,
    on_unknown: OnUnknown,
) -> Verdict:
    """Return the verdict on a job that the ledger knows, by the first rule that applies."""
    if record.expires_at <= now:
        return _fresh(record)
    if record.state == "cancelled":
        return Cancelled()
    if record.fingerprint != fingerprint:
        harmless = record.state == "failed" and not (record.accepted or record.unknown or record.open)
        return _fresh(record) if harmless else Conflict()
    unsettled = record.unsettled
    if not unsettled:
        return Settled(announce=record.sqs_message_id == sqs_message_id)
    if record.lease_until > now:
        return Waiting(until=record.lease_until, why="leased")
    doubted = tuple(entry for entry in unsettled if entry in record.open)
    if doubted and now < record.called_at + doubt_seconds:
        return Waiting(until=record.called_at + doubt_seconds, why="doubtful")
    if doubted and (on_unknown == "fail" or record.attempts.get(UNKNOWN, 0) >= UNKNOWN_RESENDS):
        return GiveUp(entries=doubted)
    if record.state == "scheduled" and record.due is not None and record.due > now + DUE_SLACK_SECONDS:
        return Waiting(until=record.due, why="scheduled")
    # a permanent failure is not tried again because of other entries, only if nothing else is left to try
    ready = tuple(entry for entry in unsettled if entry not in record.failed) or unsettled
    return Free(entries=ready, doubted=tuple(entry for entry in doubted if entry in ready))


def first_version(now: float) -> int:
    """Return the first version of a record: the time in milliseconds.

    A record that replaces an expired one, or one that DynamoDB has deleted, then never has a version that
    a worker saw before.
    """
    return int(now * 1000)


def _fresh(record: JobRecord) -> Free:
    return Free(entries=tuple(range(record.entries)), fresh=True)
