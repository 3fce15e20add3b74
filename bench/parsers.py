"""MIME parsers, each read to the same fields: this project's, the standard library's, other people's.

What a parser says itself is taken where it says it. `split as here` stands for the parser's tree of parts
under this project's rules of what is a body, so that trees can be compared apart from those rules.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from typing import TYPE_CHECKING, Any, Final

import msgspec

from inbound import charsets, fields, mime
from inbound.structure import Part

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# what is kept of an attachment's bytes: they are let go at once, as an upload does
Keep = Callable[[bytes], str]
Box = tuple[str | None, str | None]


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """A part that is no body; `kept` stands for its bytes."""

    filename: str | None
    content_type: str
    kept: str


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What a parser makes of a mail. Nothing is None or empty; line breaks of texts are LF."""

    subject: str | None
    from_email: tuple[Box, ...]
    to: tuple[Box, ...]
    cc: tuple[Box, ...]
    date: datetime | None
    message_id: str | None
    text: str | None
    html: str | None
    attachments: tuple[Attachment, ...]


class _Leaf(msgspec.Struct, frozen=True, kw_only=True):
    """A part of somebody else's tree, described as this project's own; `content` decodes it."""

    part: Part
    content: Callable[[], bytes]


def here(raw: bytes, keep: Keep) -> Reading:
    """Read as the inbound function does."""
    mail = mime.parse(raw)
    message = mail.message
    return Reading(
        subject=message.subject,
        from_email=_boxes((box.name, box.address) for box in message.from_email),
        to=_boxes((box.name, box.address) for box in message.to),
        cc=_boxes((box.name, box.address) for box in message.cc),
        date=message.date,
        message_id=_bare(message.message_id_header),
        text=None if mail.text is None else _body([mail.text.decode()]),
        html=None if mail.html is None else _body([mail.html.decode()]),
        attachments=tuple(
            Attachment(
                filename=part.filename, content_type=part.content_type, kept=keep(part.content(raw)[0])
            )
            for part in mail.parts
        ),
    )


def standard_library(raw: bytes, keep: Keep) -> Reading:
    """Read by `email`, with its modern policy; split as here."""
    message = BytesParser(EmailMessage, policy=default).parsebytes(raw)
    text, html, attachments = _split(_library_leaves(message, None, 0), keep)
    return Reading(
        subject=message["subject"],
        from_email=_library_boxes(message, "from"),
        to=_library_boxes(message, "to"),
        cc=_library_boxes(message, "cc"),
        date=None if message["date"] is None else _utc(message["date"].datetime),
        message_id=_bare(message["message-id"]),
        text=text,
        html=html,
        attachments=attachments,
    )


def anymail(raw: bytes, keep: Keep) -> Reading:
    """Read by django-anymail, its own properties all through."""
    # in the readers: of other people's parsers a process loads the one that it measures
    from anymail.inbound import (  # type: ignore[import-untyped] # noqa: PLC0415 - no types; as above
        AnymailInboundMessage,
    )
    from django.conf import settings  # noqa: PLC0415 - as above

    if not settings.configured:
        settings.configure()
    message = AnymailInboundMessage.parse_raw_mime_bytes(raw)
    sender = message.from_email
    senders = sender if isinstance(sender, list) else [] if sender is None else [sender]
    return Reading(
        subject=message.subject,
        from_email=_boxes((box.display_name, box.addr_spec) for box in senders),
        to=_boxes((box.display_name, box.addr_spec) for box in message.to),
        cc=_boxes((box.display_name, box.addr_spec) for box in message.cc),
        date=_utc(message.date),
        message_id=_bare(message["message-id"]),
        text=_body([message.text]),
        html=_body([message.html]),
        attachments=tuple(
            Attachment(
                filename=part.get_filename(),
                content_type=part.get_content_type(),
                kept=keep(part.get_content_bytes()),
            )
            for part in message.walk()
            if part.is_attachment() or part.is_inline()
        ),
    )


def fast_mail_parser(raw: bytes, keep: Keep) -> Reading:
    """Read by fast-mail-parser, its own split; attachments are decoded one after another."""
    from fast_mail_parser import parse_email  # noqa: PLC0415 - as above

    mail = parse_email(raw, mode="lazy")
    return _fast_reading(
        mail,
        text=_body(mail.text_plain),
        html=_body(mail.text_html),
        attachments=tuple(
            Attachment(filename=part.filename or None, content_type=part.mimetype, kept=keep(part.content))
            for part in mail.attachments
        ),
    )


def fast_mail_parser_tree(raw: bytes, keep: Keep) -> Reading:
    """Read by fast-mail-parser's tree; split as here, charsets as here."""
    from fast_mail_parser import parse_email, parse_email_tree  # noqa: PLC0415 - as above

    mail = parse_email(raw, mode="metadata")
    text, html, attachments = _split(_fast_leaves(parse_email_tree(raw, mode="lazy"), None, 0), keep)
    return _fast_reading(mail, text=text, html=html, attachments=attachments)


def mail_parser(raw: bytes, keep: Keep) -> Reading:
    """Read by mail-parser, its own properties all through."""
    import mailparser  # type: ignore[import-untyped] # noqa: PLC0415 - no types; as above

    mail = mailparser.parse_from_bytes(raw)

    def content(part: dict[str, Any]) -> bytes:
        payload: str = part["payload"]
        return base64.b64decode(payload) if part["binary"] else payload.encode("utf-8", "surrogateescape")

    return Reading(
        subject=mail.subject,
        from_email=_boxes(mail.from_),
        to=_boxes(mail.to),
        cc=_boxes(mail.cc),
        date=_utc(mail.date),
        message_id=_bare(mail.message_id),
        text=_body(mail.text_plain),
        html=_body(mail.text_html),
        attachments=tuple(
            Attachment(
                filename=part["filename"], content_type=part["mail_content_type"], kept=keep(content(part))
            )
            for part in mail.attachments
        ),
    )


READERS: Final[dict[str, Callable[[bytes, Keep], Reading]]] = {
    "here": here,
    "standard library, split as here": standard_library,
    "django-anymail": anymail,
    "fast-mail-parser": fast_mail_parser,
    "fast-mail-parser's tree, split as here": fast_mail_parser_tree,
    "mail-parser": mail_parser,
}


def _split(leaves: Iterable[_Leaf], keep: Keep) -> tuple[str | None, str | None, tuple[Attachment, ...]]:
    bodies: dict[str, list[str]] = {kind: [] for kind in mime.BODY_TYPES}
    attachments: list[Attachment] = []
    for leaf in leaves:
        part = leaf.part
        if mime.is_body(part):
            bodies[part.content_type].append(charsets.decode(leaf.content(), part.charset)[0])
        else:
            kept = keep(leaf.content())
            attachments.append(Attachment(filename=part.filename, content_type=part.content_type, kept=kept))
    text, html = (_body(found) for found in bodies.values())
    return text, html, tuple(attachments)


def _library_leaves(message: Any, parent: str | None, position: int) -> Iterator[_Leaf]:  # noqa: ANN401 - its payloads
    kind = message.get_content_type()
    payload = message.get_payload()
    if isinstance(payload, list) and message.get_content_maintype() == "multipart":
        for number, child in enumerate(payload):
            yield from _library_leaves(child, kind, number)
        return

    def content() -> bytes:
        if isinstance(payload, list):
            return b"".join(inner.as_bytes() for inner in payload)
        decoded: bytes | None = message.get_payload(decode=True)
        return decoded or b""

    yield _Leaf(
        part=_part(
            kind,
            message.get_content_charset(),
            message.get_content_disposition(),
            message.get_filename(),
            parent,
            position,
        ),
        content=content,
    )


def _fast_leaves(node: Any, parent: str | None, position: int) -> Iterator[_Leaf]:  # noqa: ANN401 - three kinds
    if node.children and not node.is_message:
        for number, child in enumerate(node.children):
            yield from _fast_leaves(child, node.content_type, number)
        return
    if node.content is None:
        return
    given = next((values[0] for name, values in node.headers.items() if name.lower() == "content-type"), "")
    charset = fields.parameterized(given).get("charset")
    yield _Leaf(
        part=_part(node.content_type, charset, node.disposition, node.filename or None, parent, position),
        content=lambda: node.content,
    )


def _part(  # noqa: PLR0913, PLR0917 - in the order of a part's fields
    content_type: str,
    charset: str | None,
    disposition: str | None,
    filename: str | None,
    parent: str | None,
    position: int,
) -> Part:
    return Part(
        content_type=content_type.lower(),
        charset=charset,
        encoding="",
        disposition=disposition,
        filename=filename,
        content_id=None,
        parent=parent,
        position=position,
        start=0,
        end=0,
    )


def _fast_reading(
    mail: Any,  # noqa: ANN401 - of two modes
    *,
    text: str | None,
    html: str | None,
    attachments: tuple[Attachment, ...],
) -> Reading:
    ids = next((values for name, values in mail.headers.items() if name.lower() == "message-id"), [None])
    senders = [] if mail.from_ is None else [mail.from_]
    return Reading(
        subject=mail.subject or None,
        from_email=_boxes((box.display_name, box.address) for box in senders),
        to=_boxes((box.display_name, box.address) for box in mail.to),
        cc=_boxes((box.display_name, box.address) for box in mail.cc),
        date=mail.date_parsed,
        message_id=_bare(ids[0]),
        text=text,
        html=html,
        attachments=attachments,
    )


def _library_boxes(message: EmailMessage, name: str) -> tuple[Box, ...]:
    return _boxes(
        (box.display_name, box.addr_spec) for header in message.get_all(name, []) for box in header.addresses
    )


def _boxes(boxes: Iterable[tuple[str | None, str | None]]) -> tuple[Box, ...]:
    return tuple((name or None, address or None) for name, address in boxes)


def _bare(message_id: str | None) -> str | None:
    return (message_id or "").strip().strip("<>") or None


def _body(texts: Iterable[str | None]) -> str | None:
    found = [text for text in texts if text]
    return "\n".join(found).replace("\r\n", "\n").replace("\r", "\n").rstrip("\n") or None


def _utc(moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
