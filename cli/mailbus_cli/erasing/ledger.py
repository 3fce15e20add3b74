"""Removes what the ledger has of a recipient's mails: metadata and tags, which applications chose.

Addresses are not in it. What keeps a job from being sent twice stays: its id, the digest of its content, its
states and SES's message ids, until it expires.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from mailbus.ledger import items
from mailbus.ledger.records import RecordKey
from mailbus.ledger.table import LedgerTable, Refused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from types_boto3_dynamodb.client import DynamoDBClient

    from mailbus.ledger.records import JobRecord
    from mailbus.timeline.mails import TimelineMail

TRIES: Final = 4


class Cleared(msgspec.Struct, frozen=True, kw_only=True):
    """`jobs` were cleared; `busy` are the ids of those that a worker is sending, or kept changing."""

    jobs: int = 0
    busy: tuple[str, ...] = ()


def clear(client: DynamoDBClient, name: str, mails: Iterable[TimelineMail], *, now: float) -> Cleared:
    """Remove the metadata of the entries that these mails are of, and the tags of jobs of one entry."""
    table = LedgerTable(client, name)
    jobs: dict[str, set[str | None]] = {}
    for mail in mails:
        if mail.job_id:
            jobs.setdefault(mail.job_id, set()).add(mail.message_id)
    cleared = 0
    busy: list[str] = []
    for job_id, message_ids in jobs.items():
        outcomes = [_clear(table, record, message_ids, now) for record in _records(table, job_id)]
        cleared += any(outcomes)
        if None in outcomes:
            busy.append(job_id)
    return Cleared(jobs=cleared, busy=tuple(busy))


def _records(table: LedgerTable, job_id: str) -> list[JobRecord]:
    """Return the record of a job, and those of its parts if it was split."""
    whole = table.find([RecordKey(job_id=job_id)])
    parts = next(iter(whole.values())).parts if whole else 0
    found = table.find(RecordKey(job_id=job_id, part=part) for part in range(parts)) if parts else {}
    return [*whole.values(), *found.values()]


def _clear(table: LedgerTable, record: JobRecord, message_ids: set[str | None], now: float) -> bool | None:
    """Clear one record: True if it had anything, None if a worker is sending it now."""
    for _ in range(TRIES):
        entries = _entries(record, message_ids)
        metadata = tuple({} if entry in entries else one for entry, one in enumerate(record.metadata))
        tags = () if record.entries == 1 and entries else record.tags
        if (metadata, tags) == (record.metadata, record.tags):
            return False
        if record.lease_until > now:
            return None
        written = items.fields(msgspec.structs.replace(record, metadata=metadata, tags=tags))
        sets = [f"#{name} = :{name}" for name in ("metadata", "tags") if name in written]
        removes = [f"#{name}" for name in ("metadata", "tags") if name not in written]
        clauses = [f"{verb} {', '.join(of)}" for verb, of in (("SET", sets), ("REMOVE", removes)) if of]
        values = {f":{name}": written[name] for name in ("metadata", "tags") if name in written}
        refused = table.update(
            items.key_item(record.key),
            f"{' '.join(clauses)} ADD version :one",
            {**values, ":one": items.number(1), ":seen": items.number(record.version)},
            condition="version = :seen",
        )
        if not isinstance(refused, Refused):
            return True
        if refused.record is None:
            return False
        record = refused.record
    return None


def _entries(record: JobRecord, message_ids: set[str | None]) -> set[int]:
    """Return the entries of a record that SES's messages are of; the only one, if it has only one."""
    if record.entries == 1:
        return {0}
    return {entry for entry, message_id in record.accepted.items() if message_id in message_ids}
