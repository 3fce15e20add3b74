"""A received mail into one entry of the bus, however large or hostile it is.

First the bodies go to S3, the longer one before the other. What is still too much then is cut, in
the order of `CUTS`, each cut named in `defects`; the lists of parts come last and take the room that is left.
The raw mail and all stored parts remain in S3.
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
# What attachments leave to inlines where both together are too many.
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
    """A body that has to be in S3 before its event is on the bus."""

    at: StoredObject
    content: bytes


class Fitted(msgspec.Struct, frozen=True, kw_only=True):
    """An event that EventBridge takes, and what it refers to."""

    event: InboundEvent
    uploads: tuple[Upload, ...]


def fit(  # noqa: PLR0913 - keyword-only
    event: InboundEvent,
    *,
    text: bytes | None,
    html: bytes | None,
    place: StoredObject,
    resources: tuple[str, ...],
    entry_bytes: int,
) -> Fitted:
    """Put bodies (UTF-8) into the event of a message, or plan their upload to the folder `place`.

    The event then takes at most `entry_bytes` on the bus.
    """
    message = event.message or InboundMessage()
    bodies = {name: body for name, body in (("text", text), ("html", html)) if body is not None}
    inside = {name: body for name, body in bodies.items() if len(body) <= entry_bytes}
    while True:
        outside = {
            name: StoredObject(bucket=place.bucket, key=place.key + BODY_NAMES[name])
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
        # what the text is too large beside, this would be too large beside as well
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
    """List as many parts as `room` bytes hold; of room that inlines do not need attachments have the use."""
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

# Cut by all of these, a message without its parts has at most 0.6 of 256 KB.
CUTS: Final[tuple[tuple[str, Callable[[InboundMessage], InboundMessage]], ...]] = (
    # the text that it is made of is in S3 by now
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
    return msgspec.structs.replace(part, filename=_clip(part.filename), content_id=_clip(part.content_id))


def _clip(value: str | None) -> str | None:
    return None if value is None else value[:VALUE_CHARACTERS]


def _within(items: tuple[T, ...], size: int) -> tuple[T, ...]:
    """Keep, in their order, the items that fit into `size` bytes of JSON; a giant alone is left out."""
    kept: list[T] = []
    for item in items:
        needed = _size((item,))
        if needed <= size:
            kept.append(item)
            size -= needed
    return tuple(kept)


def _size(items: tuple[object, ...]) -> int:
    """Count the bytes of items in a list of JSON, each with the comma behind it."""
    return sum(len(_ENCODER.encode(item)) + 1 for item in items)
