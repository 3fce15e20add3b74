"""Reads what is on the bus as an event of this version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, get_args

from mailbus import events
from mailbus.errors import InvalidEvent
from mailbus.events.vocabulary import EmailEventType, InboundEventType, LaneEventType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailbus.events import AnyEvent

EVENT_TYPES: Final = frozenset(
    get_args(EmailEventType) + get_args(InboundEventType) + get_args(LaneEventType)
)


def event_of_entry(entry: Mapping[str, Any]) -> AnyEvent | None:
    """Return the event of a whole EventBridge event; None if it is none, since anything may be on a bus.

    An event type of a newer version is `unknown`.
    """
    try:
        detail = entry["detail"]
        newer = detail["event_type"] not in EVENT_TYPES
        return events.parse({**detail, "event_type": "unknown"} if newer else dict(entry))
    except (ValueError, LookupError, TypeError, InvalidEvent):
        return None
