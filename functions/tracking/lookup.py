"""What an event and the ledger have to tell each other, by the tags that the sender gave the message.

The ledger learns that SES accepted an entry of a job. The event gets metadata and tags, where SES left the
message's headers out or cut them, or they were never there. Pure.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from mailbus.job_records import JobRecord, RecordKey, SentEntry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mailbus.events import EmailEvent

# Anybody may send through the account with tags of these names: what is not the sender's finds nothing.
_JOB_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
_ENTRY: Final = re.compile(r"(?:([0-9]{1,9})-)?([0-9]{1,4})")
ONLY_ENTRY: Final = "0"


class Acceptance(msgspec.Struct, frozen=True, kw_only=True):
    """SES's message id, and when SES said so (epoch seconds)."""

    message_id: str
    at: float


class Untagged(msgspec.Struct, frozen=True, kw_only=True):
    """A message that SES reports on without its tags, accepted at this time (epoch seconds).

    `incomplete` says that metadata or tags may be missing.
    """

    message_id: str
    accepted_at: float
    incomplete: bool


class Lookup(msgspec.Struct, frozen=True, kw_only=True):
    """Which entry of which job an event is about.

    `acceptance` is there where the event says that SES accepted it. `incomplete` says that metadata or tags
    may be missing.
    """

    key: RecordKey
    entry: int
    acceptance: Acceptance | None = None
    incomplete: bool = False


def lookup(
    job_id: str | None, entry_tag: str | None, *, acceptance: Acceptance | None, incomplete: bool
) -> Lookup | None:
    """Read a message's tags; none where nothing is to be asked, or the tags are not the sender's."""
    if job_id is None or not (acceptance or incomplete) or not _JOB_ID.fullmatch(job_id):
        return None
    numbers = _ENTRY.fullmatch(ONLY_ENTRY if entry_tag is None else entry_tag)
    if numbers is None:
        return None
    part, entry = numbers.groups()
    return Lookup(
        key=RecordKey(job_id=job_id, part=None if part is None else int(part)),
        entry=int(entry),
        acceptance=acceptance,
        incomplete=incomplete,
    )


def found_by_message(untagged: Untagged, sent: SentEntry) -> Lookup | None:
    """Ask for the job that the ledger says a message is of, where it has something to tell."""
    return Lookup(key=sent.key, entry=sent.entry, incomplete=True) if untagged.incomplete else None


def identified(events: Sequence[EmailEvent], sent: SentEntry) -> tuple[EmailEvent, ...]:
    """Give events the job that the ledger says their message is of."""
    return tuple(msgspec.structs.replace(event, job_id=sent.key.job_id) for event in events)


def complete(events: Sequence[EmailEvent], record: JobRecord, entry: int) -> tuple[EmailEvent, ...]:
    """Give events the metadata and tags of their job; what its record does not have stays as it was."""
    metadata = record.metadata[entry] if entry < len(record.metadata) else {}
    return tuple(
        msgspec.structs.replace(event, metadata=metadata or event.metadata, tags=record.tags or event.tags)
        for event in events
    )


def news(asked: Lookup | None, found: Mapping[RecordKey, JobRecord]) -> Acceptance | None:
    """Tell what the ledger has yet to learn of an entry."""
    record = None if asked is None else found.get(asked.key)
    if asked is None or record is None or asked.entry >= record.entries or asked.entry in record.accepted:
        return None
    return asked.acceptance
