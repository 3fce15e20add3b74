"""Job records as DynamoDB items, and back: attribute maps of the low-level API.

Fields at their default are left out, except `accepted`: an update sets one member of that map, which must
exist (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from mailbus.events import MetadataValue
from mailbus.ledger.records import JobRecord, RecordKey, SentEntry

if TYPE_CHECKING:
    from collections.abc import Mapping

JOB_PREFIX: Final = "job#"
MESSAGE_PREFIX: Final = "message#"
MESSAGE: Final = "message"
PART_PREFIX: Final = "part#"
WHOLE: Final = "job"
# attributes that an item has only if the record has a value
OPTIONAL: Final = frozenset(
    {"open", "accepted_at", "unknown", "failed", "tries", "attempts", "parts", "due", "metadata", "tags"}
)
# An item without metadata and tags: names and times, and for each entry its message id and states.
BASE_BYTES: Final = 1024
ENTRY_BYTES: Final = 128

_NOTHING: Final[Mapping[str, Any]] = {}
_METADATA: Final = msgspec.json.Decoder(tuple[dict[str, MetadataValue], ...])
_TAGS: Final = msgspec.json.Decoder(tuple[str, ...])
_ENCODER: Final = msgspec.json.Encoder()


def key_item(key: RecordKey) -> dict[str, Any]:
    """Return the key of a record's item."""
    part = WHOLE if key.part is None else f"{PART_PREFIX}{key.part}"
    return {"pk": {"S": f"{JOB_PREFIX}{key.job_id}"}, "sk": {"S": part}}


def read_key(item: Mapping[str, Any]) -> RecordKey:
    """Return the key of the record in an item."""
    part = item["sk"]["S"]
    return RecordKey(
        job_id=item["pk"]["S"].removeprefix(JOB_PREFIX),
        part=None if part == WHOLE else int(part.removeprefix(PART_PREFIX)),
    )


def message_key(message_id: str) -> dict[str, Any]:
    """Return the key of the item that maps one of SES's messages to its job."""
    return {"pk": {"S": f"{MESSAGE_PREFIX}{message_id}"}, "sk": {"S": MESSAGE}}


def message_fields(sent: SentEntry, expires_at: int) -> dict[str, Any]:
    """Return the attributes of that item, without its key."""
    written: dict[str, Any] = {
        "job_id": {"S": sent.key.job_id},
        "entry": number(sent.entry),
        "expires_at": number(expires_at),
    }
    return written if sent.key.part is None else written | {"part": number(sent.key.part)}


def message_item(message_id: str, sent: SentEntry, expires_at: int) -> dict[str, Any]:
    """Return the whole item that maps one of SES's messages to its job."""
    return message_key(message_id) | message_fields(sent, expires_at)


def read_message(found: Mapping[str, Any]) -> tuple[str, SentEntry]:
    """Return the message id of such an item, and the entry that it was sent for."""
    part = found.get("part")
    key = RecordKey(job_id=found["job_id"]["S"], part=None if part is None else int(part["N"]))
    message_id = found["pk"]["S"].removeprefix(MESSAGE_PREFIX)
    return message_id, SentEntry(key=key, entry=int(found["entry"]["N"]))


def fields(record: JobRecord) -> dict[str, Any]:
    """Return the attributes of a record, without its key."""
    written: dict[str, Any] = {
        "fingerprint": {"S": record.fingerprint},
        "state": {"S": record.state},
        "entries": number(record.entries),
        "sqs_message_id": {"S": record.sqs_message_id},
        "version": number(record.version),
        "lease_until": number(record.lease_until),
        "called_at": number(record.called_at),
        "accepted": {"M": {str(entry): {"S": value} for entry, value in record.accepted.items()}},
        "expires_at": number(record.expires_at),
    }
    if record.open:
        written["open"] = _numbers(record.open)
    if record.accepted_at:
        written["accepted_at"] = number(record.accepted_at)
    if record.unknown:
        written["unknown"] = _numbers(record.unknown)
    counts: dict[str, Mapping[Any, int]] = {"tries": record.tries, "attempts": record.attempts}
    maps: dict[str, dict[str, Any]] = {
        "failed": {str(entry): {"S": code} for entry, code in record.failed.items()},
        **{
            name: {str(key): number(count) for key, count in counted.items()}
            for name, counted in counts.items()
        },
    }
    written |= {name: {"M": members} for name, members in maps.items() if members}
    if record.parts:
        written["parts"] = number(record.parts)
    if record.due is not None:
        written["due"] = number(record.due)
    if any(record.metadata):
        written["metadata"] = {"S": _ENCODER.encode(record.metadata).decode()}
    if record.tags:
        written["tags"] = {"S": _ENCODER.encode(record.tags).decode()}
    return written


def item(record: JobRecord) -> dict[str, Any]:
    """Return the item of a whole record."""
    return {**key_item(record.key), **fields(record)}


def read(found: Mapping[str, Any]) -> JobRecord:
    """Return the record of an item, the reverse of `item`."""
    due = found.get("due")
    return JobRecord(
        key=read_key(found),
        fingerprint=found["fingerprint"]["S"],
        state=found["state"]["S"],
        entries=int(found["entries"]["N"]),
        sqs_message_id=found["sqs_message_id"]["S"],
        version=int(found["version"]["N"]),
        lease_until=float(found["lease_until"]["N"]),
        open=_read_numbers(found.get("open")),
        called_at=float(found["called_at"]["N"]),
        accepted={int(entry): value["S"] for entry, value in found["accepted"]["M"].items()},
        accepted_at=float(found["accepted_at"]["N"]) if "accepted_at" in found else 0.0,
        unknown=_read_numbers(found.get("unknown")),
        failed={int(entry): code["S"] for entry, code in _members(found, "failed").items()},
        tries={int(entry): int(count["N"]) for entry, count in _members(found, "tries").items()},
        attempts={kind: int(count["N"]) for kind, count in _members(found, "attempts").items()},
        parts=int(found["parts"]["N"]) if "parts" in found else 0,
        due=None if due is None else float(due["N"]),
        metadata=_METADATA.decode(found["metadata"]["S"]) if "metadata" in found else (),
        tags=_TAGS.decode(found["tags"]["S"]) if "tags" in found else (),
        expires_at=int(found["expires_at"]["N"]),
    )


def size(written: Mapping[str, Any]) -> int:
    """Return an upper estimate of an item's bytes: calls and items have limits."""
    texts = (written[name]["S"] for name in ("metadata", "tags") if name in written)
    return BASE_BYTES + ENTRY_BYTES * int(written["entries"]["N"]) + sum(len(text.encode()) for text in texts)


def number(value: float) -> dict[str, str]:
    """Return a number as an attribute that is read back unchanged."""
    return {"N": repr(value)}


def _members(found: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return found[name]["M"] if name in found else _NOTHING


def _numbers(values: tuple[int, ...]) -> dict[str, Any]:
    return {"L": [number(value) for value in values]}


def _read_numbers(found: Mapping[str, Any] | None) -> tuple[int, ...]:
    return () if found is None else tuple(int(value["N"]) for value in found["L"])
