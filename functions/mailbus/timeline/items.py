"""Mails and events of the timeline as DynamoDB items, and back: attribute maps of the low-level API.

A mail's item has an attribute for each kind of event that was seen, so that an update which only sets
attributes records any event in any order. Its indexes are sparse and hold keys alone.
"""

from __future__ import annotations

import zlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mailbus.addresses import address_key
from mailbus.timeline.compression import compress, decompress
from mailbus.timeline.mails import (
    JOB_PREFIX,
    MESSAGE_PREFIX,
    RECEIVED_PREFIX,
    ReceivedMail,
    Seen,
    TimelineEvent,
    TimelineMail,
)
from mailbus.timeline.paging import Entry
from mailbus.timeline.status import KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping

MAIL: Final = "mail#"
EVENT: Final = "event#"
#: The indexes, each with the attribute of its partition key; all are sorted by `created`.
BY_JOB: Final = "by-job"
BY_RECIPIENT: Final = "by-recipient"
BY_TIME: Final = "by-time"
INDEXES: Final[Mapping[str, str]] = {BY_JOB: "job_id", BY_RECIPIENT: "address", BY_TIME: "shard"}
CREATED: Final = "created"
EXPIRES_AT: Final = "expires_at"
# DynamoDB takes 1,000 writes a second to one key of an index:
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
SHARD_COUNT: Final = 8
SENT_SHARDS: Final = tuple(f"{number}" for number in range(SHARD_COUNT))
RECEIVED_SHARDS: Final = tuple(f"{RECEIVED_PREFIX}{number}" for number in range(SHARD_COUNT))
# the first event decides on these, so that a mail keeps its place
_KEPT: Final = frozenset({CREATED, "recipient"})
_ENCODER: Final = msgspec.json.Encoder()
_TAGS: Final = msgspec.json.Decoder(tuple[str, ...])
_RECEIVED: Final = msgspec.json.Decoder(ReceivedMail)
_SECONDS: Final = len("2026-11-29T03:49:12.123456Z")


class Update(msgspec.Struct, frozen=True, kw_only=True):
    """An update of a mail's item, which may be repeated, and made in any order with others."""

    key: dict[str, Any]
    expression: str
    names: dict[str, str]
    values: dict[str, Any]


def instant(at: datetime) -> str:
    """Return a time as text of one length, so that texts sort as times do."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def position(created: datetime, group: str) -> str:
    """Return the text by which the indexes sort."""
    return f"{instant(created)}#{group}"


def mail_key(mail: TimelineMail) -> dict[str, Any]:
    """Return the key of a mail's item."""
    address = address_key(mail.recipient) if mail.recipient else ""
    return {"pk": {"S": mail.group}, "sk": {"S": f"{MAIL}{address}"}}


def mail_update(mail: TimelineMail, expires_at: int) -> Update:
    """Return the update that adds what a mail's events say to its item."""
    values: dict[str, Any] = {
        CREATED: {"S": position(mail.created, mail.group)},
        "shard": {"S": SENT_SHARDS[_shard(mail.group)]},
        EXPIRES_AT: {"N": str(expires_at)},
    }
    if mail.recipient:
        values |= {"recipient": {"S": mail.recipient}, "address": {"S": address_key(mail.recipient)}}
    if mail.job_id:
        values["job_id"] = {"S": mail.job_id}
    if mail.recipients is not None:
        values["recipients"] = {"N": str(mail.recipients)}
    if mail.entry is not None:
        values["entry"] = {"S": mail.entry}
    if mail.tags:
        values["tags"] = {"S": _ENCODER.encode(mail.tags).decode()}
    values |= {kind: _seen_value(seen) for kind, seen in mail.seen.items()}
    sets = ", ".join(
        f"#{name} = if_not_exists(#{name}, :{name})" if name in _KEPT else f"#{name} = :{name}"
        for name in values
    )
    return Update(
        key=mail_key(mail),
        expression=f"SET {sets}",
        names={f"#{name}": name for name in values},
        values={f":{name}": value for name, value in values.items()},
    )


def read_mail(item: Mapping[str, Any]) -> TimelineMail:
    """Return the mail of an item; kinds of a newer version are ignored."""
    group = item["pk"]["S"]
    return TimelineMail(
        group=group,
        created=_created(item),
        message_id=group.removeprefix(MESSAGE_PREFIX) if group.startswith(MESSAGE_PREFIX) else None,
        job_id=_text(item, "job_id"),
        recipient=_text(item, "recipient"),
        recipients=int(item["recipients"]["N"]) if "recipients" in item else None,
        entry=_text(item, "entry"),
        tags=_TAGS.decode(item["tags"]["S"]) if "tags" in item else (),
        seen={kind: _read_seen(item[kind]["M"]) for kind in KINDS if kind in item},
    )


def received_item(mail: ReceivedMail, expires_at: int) -> dict[str, Any]:
    """Return the item of a received mail; it is found by its sender, to be erased."""
    group = f"{RECEIVED_PREFIX}{mail.message_id}"
    item: dict[str, Any] = {
        "pk": {"S": group},
        "sk": {"S": MAIL},
        CREATED: {"S": position(mail.received, group)},
        "shard": {"S": RECEIVED_SHARDS[_shard(group)]},
        "received": {"S": _ENCODER.encode(mail).decode()},
        EXPIRES_AT: {"N": str(expires_at)},
    }
    return item | {"address": {"S": address_key(mail.envelope_sender)}} if mail.envelope_sender else item


def read_received(item: Mapping[str, Any]) -> ReceivedMail:
    """Return the received mail of an item."""
    return _RECEIVED.decode(item["received"]["S"])


def event_item(
    event: TimelineEvent, group: str, expires_at: int, *, of_no_mail: bool = False
) -> dict[str, Any]:
    """Return the item of an event, with its JSON compressed.

    One of no mail is found by its recipient itself, to be erased.
    """
    item: dict[str, Any] = {
        "pk": {"S": group},
        "sk": {"S": f"{EVENT}{event.event_id}"},
        "at": {"S": instant(event.at)},
        "entry": {"B": compress(_ENCODER.encode(event.entry))},
        EXPIRES_AT: {"N": str(expires_at)},
    }
    if not event.recipient:
        return item
    item["recipient"] = {"S": event.recipient}
    if of_no_mail:
        item["address"] = {"S": address_key(event.recipient)}
        item[CREATED] = {"S": position(event.at, group)}
    return item


def with_entry(item: Mapping[str, Any], entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the item of an event with another entry."""
    return {**item, "entry": {"B": compress(_ENCODER.encode(entry))}}


def key_of(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the key of an item."""
    return {name: item[name] for name in ("pk", "sk")}


def read_event(item: Mapping[str, Any]) -> TimelineEvent:
    """Return the event of an item."""
    return TimelineEvent(
        event_id=item["sk"]["S"].removeprefix(EVENT),
        at=datetime.fromisoformat(item["at"]["S"]),
        recipient=_text(item, "recipient"),
        entry=msgspec.json.decode(decompress(item["entry"]["B"])),
    )


def read_entry(item: Mapping[str, Any]) -> Entry:
    """Return an entry of an index."""
    return Entry(created=item[CREATED]["S"], group=item["pk"]["S"], name=item["sk"]["S"])


def job_group(job_id: str) -> str:
    """Return the key of a job's mails and events before SES accepted them."""
    return f"{JOB_PREFIX}{job_id}"


def message_group(message_id: str) -> str:
    """Return the key of a message's mails and events."""
    return f"{MESSAGE_PREFIX}{message_id}"


def _shard(group: str) -> int:
    return zlib.crc32(group.encode()) % SHARD_COUNT


def _created(item: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(item[CREATED]["S"][:_SECONDS])


def _seen_value(seen: Seen) -> dict[str, Any]:
    written = {"at": {"S": instant(seen.at)}, "event_type": {"S": seen.event_type}}
    return {"M": written | ({"text": {"S": seen.text}} if seen.text else {})}


def _read_seen(value: Mapping[str, Any]) -> Seen:
    return Seen(
        at=datetime.fromisoformat(value["at"]["S"]),
        event_type=value["event_type"]["S"],
        text=_text(value, "text"),
    )


def _text(item: Mapping[str, Any], name: str) -> str | None:
    return item[name]["S"] if name in item else None
