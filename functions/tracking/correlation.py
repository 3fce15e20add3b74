"""What an event and the ledger have to tell each other, by the tags that the sender gave the message.

The ledger learns that SES accepted an entry of a job. The event gets metadata and tags, where SES left the
message's headers out or cut them, or they were never there. Pure.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from mailbus.ledger.records import UNKNOWN, JobRecord, RecordKey, SentEntry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailbus.events import EmailEvent

# Anybody may send through the account with tags of these names: what is not the sender's finds nothing.
_JOB_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
_ENTRY: Final = re.compile(r"(?:([0-9]{1,9})-)?([0-9]{1,4})")
ONLY_ENTRY: Final = "0"
# Where the sender's clock and SES's may differ; ids are used again after days.
CLOCKS_SECONDS: Final = 60.0


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """SES's message, and when SES accepted it (epoch seconds)."""

    message_id: str
    accepted_at: float


class Untagged(msgspec.Struct, frozen=True, kw_only=True):
    """A message that SES reports on without its tags.

    `incomplete` says that metadata or tags may be missing.
    """

    message: Message
    incomplete: bool


class Lookup(msgspec.Struct, frozen=True, kw_only=True):
    """Which entry of which job an event is about, by the tags of its message.

    `accepted` is there where the event says that SES accepted it. `incomplete` says that metadata or tags
    may be missing.
    """

    key: RecordKey
    entry: int
    message: Message
    accepted: bool = False
    incomplete: bool = False


def lookup(
    job_id: str | None,
    entry_tag: str | None,
    *,
    message: Message | None,
    accepted: bool,
    incomplete: bool,
) -> Lookup | None:
    """Read a message's tags; none where nothing is to be asked, or the tags are not the sender's."""
    if job_id is None or message is None or not (accepted or incomplete) or not _JOB_ID.fullmatch(job_id):
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


def found_by_message(untagged: Untagged, sent: SentEntry) -> Lookup | None:
    """Ask for the job that the ledger says a message is of, where it has something to tell."""
    if not untagged.incomplete:
        return None
    return Lookup(key=sent.key, entry=sent.entry, message=untagged.message, incomplete=True)


def identified(events: Sequence[EmailEvent], sent: SentEntry) -> tuple[EmailEvent, ...]:
    """Give events the job that the ledger says their message is of."""
    return tuple(msgspec.structs.replace(event, job_id=sent.key.job_id) for event in events)


def is_about(asked: Lookup, record: JobRecord) -> bool:
    """Tell whether a record is of the event's message: an id may be used again, and by others.

    Where the sender never learnt the message's id, it is of the record if SES accepted it after the sender
    had called; or before, where one call before that had no answer.
    """
    if record.accepted.get(asked.entry) == asked.message.message_id:
        return True
    if asked.entry >= record.entries or not record.called_at:
        return False
    return asked.message.accepted_at >= record.called_at - CLOCKS_SECONDS or UNKNOWN in record.attempts


def complete(events: Sequence[EmailEvent], record: JobRecord, entry: int) -> tuple[EmailEvent, ...]:
    """Give events the metadata and tags of their job; what its record does not have stays as it was."""
    metadata = record.metadata[entry] if entry < len(record.metadata) else {}
    return tuple(
        msgspec.structs.replace(event, metadata=metadata or event.metadata, tags=record.tags or event.tags)
        for event in events
    )


def is_news(asked: Lookup, record: JobRecord) -> bool:
    """Tell whether the ledger has yet to learn that SES accepted an entry: one whose answer is out."""
    if not asked.accepted or asked.entry in record.accepted or not is_about(asked, record):
        return False
    return asked.entry in record.open or asked.entry in record.unknown or UNKNOWN in record.attempts


def is_second(asked: Lookup, record: JobRecord) -> bool:
    """Tell whether the event is of a message that was sent beside the one that the ledger knows."""
    known = record.accepted.get(asked.entry)
    return asked.accepted and known not in {None, asked.message.message_id} and is_about(asked, record)
