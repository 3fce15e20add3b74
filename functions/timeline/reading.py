"""Reads what the timeline keeps of an event of the bus, also of one that a newer version published."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, get_args

import msgspec

from mailbus.errors import InvalidEvent
from mailbus.events import AnyEvent, EmailEvent, EventType, InboundEvent, LaneEvent, parse
from mailbus.events.vocabulary import SCHEMA_VERSION, InboundEventType
from mailbus.timeline.content import without_content
from mailbus.timeline.mails import (
    ReceivedMail,
    TimelineEvent,
    TimelineMail,
    group_of,
    mail_of,
    received_of,
)

# without these an event cannot be kept
ESSENTIAL: Final = ("event_id", "timestamp", "message_id", "job_id", "recipient")
_EVENT_TYPES: Final = frozenset(get_args(EventType))
_RECEIVED_TYPES: Final = frozenset(get_args(InboundEventType))
UNKNOWN: Final = "unknown"
# of a newer version's event type
TYPE_CHARACTERS: Final = 40


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of one event: the event, in `group`, and what it says of a mail, if it is of one."""

    group: str
    event: TimelineEvent
    mail: TimelineMail | None = None
    received: ReceivedMail | None = None


def read(body: str) -> Kept:
    """Return what is kept of the event in a message's body. Raises `InvalidEvent` if it is none."""
    try:
        entry = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        reason = f"not JSON ({error}): only the rule on the bus sends to this queue"
        raise InvalidEvent(reason) from None
    if not isinstance(entry, Mapping) or not isinstance(entry.get("detail"), Mapping):
        reason = "not an event of the bus: only the rule on the bus sends to this queue"
        raise InvalidEvent(reason)
    event = _event(entry)
    group = group_of(event)
    kept = TimelineEvent(
        event_id=event.event_id,
        at=event.timestamp,
        recipient=event.recipient if isinstance(event, EmailEvent) else None,
        entry=without_content(entry, event),
    )
    if isinstance(event, InboundEvent):
        return Kept(group=group, event=kept, received=received_of(event))
    return Kept(group=group, event=kept, mail=mail_of(event, entry["detail"]["event_type"][:TYPE_CHARACTERS]))


def _event(entry: Mapping[str, Any]) -> EmailEvent | InboundEvent:
    """Parse an event; what this version does not know of it is left out.

    An event type that is new is `unknown` here. An event with fields that changed has the essential ones.
    """
    detail: Mapping[str, Any] = entry["detail"]
    event_type = detail.get("event_type")
    if not isinstance(event_type, str):
        return _of_mail(parse(entry))  # which raises the error that says what is missing
    known = event_type if event_type in _EVENT_TYPES else UNKNOWN
    try:
        return _parse(entry, detail, known)
    except InvalidEvent:
        essential = {name: detail[name] for name in ESSENTIAL if name in detail}
        return _parse(entry, essential, known if known in _RECEIVED_TYPES else UNKNOWN)


def _parse(entry: Mapping[str, Any], detail: Mapping[str, Any], event_type: str) -> EmailEvent | InboundEvent:
    same_version = {**detail, "event_type": event_type, "schema_version": SCHEMA_VERSION}
    return _of_mail(parse({**entry, "detail": same_version}))


def _of_mail(event: AnyEvent) -> EmailEvent | InboundEvent:
    if isinstance(event, LaneEvent):
        reason = "an event of a lane, not of a mail: only events with a detail-type email.… belong here"
        raise InvalidEvent(reason)
    return event
