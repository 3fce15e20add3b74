"""What all events share: the vocabulary, the names on the bus and in SES's message tags, and their ids."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta

EmailEventType = Literal[
    "queued",
    "sent",
    "rejected",
    "failed",
    "bounced",
    "deferred",
    "delivered",
    "autoresponded",
    "opened",
    "clicked",
    "complained",
    "unsubscribed",
    "subscribed",
    "unknown",
]
InboundEventType = Literal["inbound", "inbound_failed"]
EventType = Literal[EmailEventType, InboundEventType]
LaneEventType = Literal["lane_paused", "lane_resumed"]
_LANE_EVENT_TYPES = frozenset(get_args(LaneEventType))
RejectReason = Literal["invalid", "bounced", "timed_out", "blocked", "spam", "unsubscribed", "other"]
Bot = Literal["likely", "unlikely"]
MetadataValue = str | int | float | bool | None

SOURCE = "mailbus"
DETAIL_TYPE_PREFIX = "email."
# of events that are of no mail
OWN_DETAIL_TYPE_PREFIX = "mailbus."
# Increased when an existing field changes or is removed; new fields do not change it.
SCHEMA_VERSION = 1
# the SES message tag that carries a job's id through SES and back on every event
JOB_ID_TAG = "mailbus-job-id"
# the SES message tag that distinguishes the messages of a merge: the index of the recipient in its part of
# the job, from 0; "<part>-<index>" if the job has several parts
ENTRY_TAG = "mailbus-entry"

# copied for each id, which takes less time than to find the algorithm again
_SHA256 = hashlib.sha256()
_ENCODER = msgspec.json.Encoder()
_DELETE = 0x7F


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """What every event has."""

    event_type: Annotated[EventType, Meta(description="What happened.")]
    event_id: Annotated[
        str,
        Meta(description="The same whenever the same occurrence is reported again: deduplicate by it."),
    ]
    timestamp: Annotated[datetime, Meta(description="When it happened, in UTC.")]
    schema_version: Annotated[
        int, Meta(description="Increases when a field changes or is removed, not when fields are added.")
    ] = SCHEMA_VERSION
    esp_name: Annotated[str, Meta(description="The email service.")] = "Amazon SES"
    message_id: Annotated[str | None, Meta(description="SES's message id.")] = None


class StoredObject(msgspec.Struct, frozen=True, kw_only=True):
    """An object in S3."""

    bucket: str
    key: str


def detail_type(event_type: str) -> str:
    """Return the `detail-type` of an event type."""
    own = event_type in _LANE_EVENT_TYPES
    return f"{OWN_DETAIL_TYPE_PREFIX if own else DETAIL_TYPE_PREFIX}{event_type}"


def event_id(*parts: str | None) -> str:
    """Return an event id, which is the same whenever the same occurrence is reported again.

    32 hexadecimal digits of SHA-256 over the parts, which must identify the occurrence.
    """
    digest = _SHA256.copy()
    digest.update(_json(parts))
    return digest.hexdigest()[:32]


def _json(parts: tuple[str | None, ...]) -> bytes:
    """Return the text that `json.dumps` writes, in less time if its strings are ASCII."""
    try:
        lines = _ENCODER.encode_lines(parts)
    except UnicodeEncodeError:
        return json.dumps(parts).encode()
    if lines.isascii() and _DELETE not in lines:
        return b"[%b]" % lines[:-1].replace(b"\n", b", ")
    return json.dumps(parts).encode()
