"""Fits a received mail into one bus entry, however large or hostile it is.

First the bodies go to S3, the longer one before the other. If the event is still too large, it is cut in the
order of `CUTS`, and each cut is named in `defects`. The lists of parts are cut last, to the room that is
left. The raw mail and all stored parts remain in S3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from inbound.mime import distinct
from mailbus.aws.event_bus import entry_size
from mailbus.bus_entries import bus_entry
from mailbus.events import InboundEvent, InboundMessage, Mailbox, StoredObject, StoredPart

if TYPE_CHECKING:
    from collections.abc import Callable

HEADERS_BYTES: Final = 48 * 1024
# The share of inlines if attachments and inlines together are too many.
INLINES_SHARE: Final = 0.3
MAILBOXES_BYTES: Final = 4 * 1024
RECIPIENTS_BYTES: Final = 16 * 1024
DETAILS_BYTES: Final = 8 * 1024
REFERENCES_BYTES: Final = 4 * 1024
VALUE_CHARACTERS: Final = 1000

BODY_NAMES: Final = {"text": "body.txt", "html": "body.html"}

_ENCODER = msgspec.json.Encoder()
T = TypeVar("T")


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """A body that must be stored in S3 before its event is published."""

    at: StoredObject
    content: bytes


class Fitted(msgspec.Struct, frozen=True, kw_only=True):
    """An event that EventBridge accepts, and the bodies that it refers to."""

    event: InboundEvent
    uploads: tuple[Upload, ...]


def fit(  # noqa: PLR0913 - keyword-only
    event: InboundEvent,
    *,
    text: bytes | None,
    html: bytes | None,
    folder: StoredObject,
    resources: tuple[str, ...],
    entry_bytes: int,
) -> Fitted:
    """Return an event with its bodies (UTF-8), or with their uploads to the folder `folder`.

    The event then has at most `entry_bytes` on the bus.
    """
    message = event.message or InboundMessage()
    bodies = {name: body for name, body in (("text", text), ("html", html)) if body is not None}
    inside = {name: body for name, body in bodies.items() if len(body) <= entry_bytes}
    while True:
        outside = {
            name: StoredObject(bucket=folder.bucket, key=folder.key + BODY_NAMES[name])
            for name in bodies
            if name not in inside
        }
        whole = _with_bodies(event, message, inside, outside)
        if _fits(whole, resources, entry_bytes) or not inside:
            break
        inside.pop(max(inside, key=lambda name: len(inside[name])))
    uploads = tuple(Upload(at=at, content=bodies[name]) for name, at in outside.items())
    return Fitted(event=_cut(whole, resources, entry_bytes), uploads=uploads)


def _fits(event: InboundEvent, resources: tuple[str, ...], entry_bytes: int) -> bool:
    return entry_size(bus_entry(event, resources)) <= entry_bytes


def _with_bodies(
    event: InboundEvent, message: InboundMessage, inside: dict[str, bytes], outside: dict[str, StoredObject]
) -> InboundEvent:
    text, html = (inside[name].decode() if name in inside else None for name in BODY_NAMES)
    bodies = msgspec.structs.replace(
        message,
        text=text,
        # if there is no room for the text, there is none for this
        stripped_text=None if "text" in outside else message.stripped_text,
        html=html,
        text_ref=outside.get("text"),
        html_ref=outside.get("html"),
    )
    return msgspec.structs.replace(event, message=bodies)


def _cut(event: InboundEvent, resources: tuple[str, ...], entry_bytes: int) -> InboundEvent:
    for defect, cut in CUTS:
        if event.message is None or _fits(event, resources, entry_bytes):
            return event
        event = _replaced(event, event.message, cut(event.message), defect)
    if event.message is None or _fits(event, resources, entry_bytes):
        return event
    empty = msgspec.structs.replace(event.message, attachments=(), inlines=())
    rest = _replaced(event, event.message, empty, PARTS_CUT)
    room = entry_bytes - entry_size(bus_entry(rest, resources))
    return _replaced(event, event.message, _cut_parts(event.message, room), PARTS_CUT)


def _replaced(event: InboundEvent, message: InboundMessage, cut: InboundMessage, defect: str) -> InboundEvent:
    if cut == message:
        return event
    cut = msgspec.structs.replace(cut, defects=distinct((*cut.defects, defect)))
    return msgspec.structs.replace(event, message=cut)


def _cut_stripped_text(message: InboundMessage) -> InboundMessage:
    return msgspec.structs.replace(message, stripped_text=None)


def _cut_headers(message: InboundMessage) -> InboundMessage:
    return msgspec.structs.replace(message, headers=_within(message.headers, HEADERS_BYTES))


def _cut_parts(message: InboundMessage, room: int) -> InboundMessage:
    """List as many parts as fit into `room` bytes; attachments get the room that inlines do not need."""
    attachments = tuple(_clip_part(part) for part in message.attachments)
    inlines = tuple(_clip_part(part) for part in message.inlines)
    inlines = _within(inlines, max(int(INLINES_SHARE * room), room - _size(attachments)))
    return msgspec.structs.replace(
        message, attachments=_within(attachments, room - _size(inlines)), inlines=inlines
    )


def _cut_addresses(message: InboundMessage) -> InboundMessage:
    return msgspec.structs.replace(
        message,
        envelope_recipients=_within(message.envelope_recipients, RECIPIENTS_BYTES),
        recipients=_within(message.recipients, RECIPIENTS_BYTES),
        recipient_details=dict(_within(tuple(message.recipient_details.items()), DETAILS_BYTES)),
        from_email=_cut_mailboxes(message.from_email),
        to=_cut_mailboxes(message.to),
        cc=_cut_mailboxes(message.cc),
        bcc=_cut_mailboxes(message.bcc),
        reply_to=_cut_mailboxes(message.reply_to),
    )


def _cut_values(message: InboundMessage) -> InboundMessage:
    return msgspec.structs.replace(
        message,
        envelope_sender=_clip(message.envelope_sender),
        subject=_clip(message.subject),
        message_id_header=_clip(message.message_id_header),
        in_reply_to=_clip(message.in_reply_to),
        references=_within(message.references, REFERENCES_BYTES),
        auto_submitted=_clip(message.auto_submitted),
    )


PARTS_CUT: Final = "parts_cut"

# After all of these a message without its parts has at most 0.6 of 256 KB.
CUTS: Final[tuple[tuple[str, Callable[[InboundMessage], InboundMessage]], ...]] = (
    # the text itself is in S3 by now
    ("stripped_text_cut", _cut_stripped_text),
    ("headers_cut", _cut_headers),
    ("values_cut", _cut_values),
    ("addresses_cut", _cut_addresses),
)


def _cut_mailboxes(mailboxes: tuple[Mailbox, ...]) -> tuple[Mailbox, ...]:
    clipped = (
        Mailbox(name=mailbox.name[:VALUE_CHARACTERS], address=mailbox.address[:VALUE_CHARACTERS])
        for mailbox in mailboxes
    )
    return _within(tuple(clipped), MAILBOXES_BYTES)


def _clip_part(part: StoredPart) -> StoredPart:
    return msgspec.structs.replace(
        part,
        filename=_clip(part.filename),
        charset=_clip(part.charset),
        method=_clip(part.method),
        content_id=_clip(part.content_id),
    )


def _clip(value: str | None) -> str | None:
    return None if value is None else value[:VALUE_CHARACTERS]


def _within(items: tuple[T, ...], size: int) -> tuple[T, ...]:
    """Return the items that fit into `size` bytes of JSON, in order; an item that is too large is skipped."""
    kept: list[T] = []
    for item in items:
        needed = _size((item,))
        if needed <= size:
            kept.append(item)
            size -= needed
    return tuple(kept)


def _size(items: tuple[object, ...]) -> int:
    """Return the bytes of items in a JSON list, each with its comma."""
    return sum(len(_ENCODER.encode(item)) + 1 for item in items)
