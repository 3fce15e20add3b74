"""Reads events of the bus."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, get_args

import msgspec

from mailbus.errors import InvalidEvent
from mailbus.events.email import EmailEvent
from mailbus.events.inbound import InboundEvent
from mailbus.events.lanes import LaneEvent
from mailbus.events.vocabulary import SCHEMA_VERSION, SOURCE, EventType, LaneEventType

#: Any event that Mailbus puts on its bus.
AnyEvent = EmailEvent | InboundEvent | LaneEvent

_EVENT_TYPES: Final = frozenset(get_args(EventType) + get_args(LaneEventType))
# msgspec quotes a value that is not in an enumeration, and it may be an address
_QUOTED_VALUE: Final = re.compile(r"Invalid enum value .*(?= - at `)", re.DOTALL)
_KINDS: Final[Mapping[str, type[AnyEvent]]] = {
    "inbound": InboundEvent,
    "inbound_failed": InboundEvent,
    **dict.fromkeys(get_args(LaneEventType), LaneEvent),
}


def parse(event: Mapping[str, Any] | str | bytes) -> AnyEvent:
    """Parse an event of the bus: the event of a Lambda function, or the JSON text of an SQS message.

    The `detail` alone, as a rule may pass it on, is parsed too. Fields that a newer Mailbus added are
    ignored; those that an older one did not have get their defaults. Raises `InvalidEvent` with what to
    change: the rule, the call, or the version of this package.
    """
    detail = _detail(_decoded(event))
    event_type = detail.get("event_type")
    if not isinstance(event_type, str):
        reason = (
            "not an event of Mailbus (it has no event_type): let the rule pass on whole events, or their "
            "detail, without an input transformer"
        )
        raise InvalidEvent(reason)
    if event_type not in _EVENT_TYPES:
        raise InvalidEvent(_newer(f"event_type {event_type[:40]!r}"))
    if (version := detail.get("schema_version", SCHEMA_VERSION)) != SCHEMA_VERSION:
        raise InvalidEvent(_newer(f"schema_version {str(version)[:40]!r}"))
    try:
        return msgspec.convert(detail, _KINDS.get(event_type, EmailEvent))
    except (msgspec.ValidationError, RecursionError) as error:
        wrong = _QUOTED_VALUE.sub("Invalid value", str(error))
        reason = (
            f"not an event of Mailbus ({wrong}): events must not be changed between the bus and this call"
        )
        # not "from error": a log would show the value that was removed
        raise InvalidEvent(reason) from None


def _decoded(event: Mapping[str, Any] | str | bytes) -> object:
    if not isinstance(event, str | bytes):
        return event
    try:
        return msgspec.json.decode(event)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        reason = f"not JSON ({error}): pass the unchanged body of one message of the rule's queue"
        raise InvalidEvent(reason) from error


def _detail(whole: object) -> Mapping[str, Any]:
    """Return the `detail` of an event, which may be the `detail` itself."""
    if not isinstance(whole, Mapping):
        reason = f"not an event of Mailbus (a {type(whole).__name__}): pass one event at a time, as an object"
        raise InvalidEvent(reason)
    if "Records" in whole:
        reason = (
            'a batch of a queue or topic, not an event; parse the record["body"] of each of its Records, '
            'from a topic the record["Sns"]["Message"]'
        )
        raise InvalidEvent(reason)
    if (source := whole.get("source", SOURCE)) != SOURCE:
        reason = f"an event of source {str(source)[:40]!r}: let the rule match only source {SOURCE!r}"
        raise InvalidEvent(reason)
    detail = whole.get("detail", whole)
    if not isinstance(detail, Mapping):
        reason = (
            f"not an event of Mailbus (its detail is a {type(detail).__name__}): pass events on as objects"
        )
        raise InvalidEvent(reason)
    return detail


def _newer(what: str) -> str:
    return (
        f"{what} is unknown to this package, which reads schema_version {SCHEMA_VERSION}: update the package "
        "`mailbus` to the version that is deployed, or let the rule match only the detail-types that it knows"
    )
