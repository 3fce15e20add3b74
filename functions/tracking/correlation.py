"""Finds the entry of the job that an event is about, by the tags that the sender set on the message.

The ledger learns from the event that SES accepted the entry. The event gets metadata and tags from the ledger
if SES left out or truncated the message's headers, or they never had them. Pure.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from mailbus.jobs.job_id import is_job_id
from mailbus.ledger.records import UNKNOWN, JobRecord, RecordKey, SentEntry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailbus.events import EmailEvent

# Anybody may send through the account with tags of these names: other values than the sender's are ignored.
_ENTRY: Final = re.compile(r"(?:([0-9]{1,9})-)?([0-9]{1,4})")
ONLY_ENTRY: Final = "0"
# How far the sender's clock and SES's may differ; an id is used again after days at the earliest.
CLOCK_SKEW_SECONDS: Final = 60.0


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """An SES message, and when SES accepted it (epoch seconds)."""

    message_id: str
    accepted_at: float


class Untagged(msgspec.Struct, frozen=True, kw_only=True):
    """A message whose SES event has no tags. `incomplete`: metadata or tags of the job may be missing."""

    message: Message
    incomplete: bool


class Lookup(msgspec.Struct, frozen=True, kw_only=True):
    """The entry of a job that an event is about, by the tags of its message.

    `accepted` is true if the event says that SES accepted it, `incomplete` if metadata or tags of the job
    may be missing.
    """

    key: RecordKey
    entry: int
    message: Message
    accepted: bool = False
    incomplete: bool = False


def lookup_by_tags(
    job_id: str | None,
    entry_tag: str | None,
    *,
    message: Message | None,
    accepted: bool,
    incomplete: bool,
) -> Lookup | None:
    """Return the lookup by a message's tags; None if it is not needed, or if others wrote the tags."""
    if job_id is None or message is None or not (accepted or incomplete) or not is_job_id(job_id):
        return None
    numbers = _ENTRY.fullmatch(ONLY_ENTRY if entry_tag is None else entry_tag)
    if numbers is None:
        return None
    part, entry = numbers.groups()
    return Lookup(
        key=RecordKey(job_id=job_id, part=None if part is None else int(part)),
        entry=int(entry),
        message=message,
        accepted=accepted,
        incomplete=incomplete,
    )


def lookup_by_message(untagged: Untagged, sent: SentEntry) -> Lookup | None:
    """Return the lookup of a message's job as the ledger has it; None if the event is complete without."""
    if not untagged.incomplete:
        return None
    return Lookup(key=sent.key, entry=sent.entry, message=untagged.message, incomplete=True)


def with_job(events: Sequence[EmailEvent], sent: SentEntry) -> tuple[EmailEvent, ...]:
    """Return events with the id of the job that sent their message."""
    return tuple(msgspec.structs.replace(event, job_id=sent.key.job_id) for event in events)


def with_metadata(events: Sequence[EmailEvent], job_record: JobRecord, entry: int) -> tuple[EmailEvent, ...]:
    """Return events with the metadata and tags of their job; what its record lacks stays as it was."""
    metadata = job_record.metadata[entry] if entry < len(job_record.metadata) else {}
    return tuple(
        msgspec.structs.replace(
            event, metadata=metadata or event.metadata, tags=job_record.tags or event.tags
        )
        for event in events
    )


def is_of_job(lookup: Lookup, job_record: JobRecord) -> bool:
    """Return whether the event's message was sent for this job: an id may be used again, and by others.

    If the sender never learned the message's id, the message is of the job if SES accepted it after the
    sender's call, or earlier if an earlier call was never answered.
    """
    if job_record.accepted.get(lookup.entry) == lookup.message.message_id:
        return True
    if lookup.entry >= job_record.entries or not job_record.called_at:
        return False
    earliest = job_record.called_at - CLOCK_SKEW_SECONDS
    return lookup.message.accepted_at >= earliest or UNKNOWN in job_record.attempts


def is_new_acceptance(lookup: Lookup, job_record: JobRecord) -> bool:
    """Return True if the event reports an acceptance that the ledger does not have."""
    if not lookup.accepted or lookup.entry in job_record.accepted or not is_of_job(lookup, job_record):
        return False
    return (
        lookup.entry in job_record.open
        or lookup.entry in job_record.unknown
        or UNKNOWN in job_record.attempts
    )


def is_duplicate_message(lookup: Lookup, job_record: JobRecord) -> bool:
    """Return whether the event's message is another one than the ledger has for this entry."""
    known = job_record.accepted.get(lookup.entry)
    is_another = known is not None and known != lookup.message.message_id
    return lookup.accepted and is_another and is_of_job(lookup, job_record)
