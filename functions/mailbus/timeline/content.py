"""Removes a mail's content from events: the timeline has what became of a mail, not what was in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mailbus.events import AnyEvent, EmailEvent, InboundEvent

# SES's copies of the mail's headers, among them the subject:
# https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
SES_HEADERS: Final = frozenset({"headers", "commonHeaders"})
ENVELOPE: Final = frozenset({"envelope_sender", "envelope_recipients"})


def without_content(entry: Mapping[str, Any], event: AnyEvent) -> dict[str, Any]:
    """Return an event of the bus as its consumers get it, but for what is of the mail's content.

    Of an event type of a newer version only the fields are kept that this one knows.
    """
    detail: Mapping[str, Any] = entry["detail"]
    if isinstance(event, InboundEvent):
        return {**entry, "detail": _received(detail)}
    if event.event_type == detail["event_type"]:
        return {**entry, "detail": _sent(detail)}
    known = {name: value for name, value in detail.items() if name in EmailEvent.__struct_fields__}
    return {**entry, "detail": _sent(known)}


def _sent(detail: Mapping[str, Any]) -> dict[str, Any]:
    ses = detail.get("esp_event")
    if not isinstance(ses, Mapping):
        return dict(detail)
    mail = ses.get("mail")
    kept = _without(mail, SES_HEADERS) if isinstance(mail, Mapping) else mail
    return {**detail, "esp_event": {**ses, "mail": kept} if "mail" in ses else dict(ses)}


def _received(detail: Mapping[str, Any]) -> dict[str, Any]:
    known = {name: value for name, value in detail.items() if name in InboundEvent.__struct_fields__}
    message = known.get("message")
    if isinstance(message, Mapping):
        known["message"] = {name: value for name, value in message.items() if name in ENVELOPE}
    return known


def _without(values: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}
