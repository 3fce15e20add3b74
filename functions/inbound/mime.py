"""Parses a mail into its message, its bodies and its other parts.

Bodies are distinguished from other parts as in JMAP (RFC 8621, 4.1.4). `text` and `html` are all body parts
of their type, joined by a line break, since mailers split a text around an attachment into several parts.
Other parts are attachments or, if the body uses them, inlines. Line breaks of texts, CRLF and CR
alone, become LF. Messages inside a mail stay whole, as attachments.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

import msgspec

from inbound import automatic, charsets, fields, flowed, replies, structure
from inbound.addresses import ADDRESSES, ADDRESSES_CUT, mailboxes
from inbound.dates import BAD_DATE, parse_date
from inbound.inlines import inlines
from inbound.mapped import release
from inbound.parameters import parameterized
from inbound.structure import Part
from mailbus.errors import InboundError
from mailbus.events import InboundMessage

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from inbound.mapped import Raw
    from mailbus.events import Mailbox

NO_HEADERS: Final = "no_headers"

PIECE_CHARACTERS: Final = 256 * 1024

BODY_TYPES: Final = ("text/plain", "text/html")


class ParsedMail(msgspec.Struct, frozen=True, kw_only=True):
    """A parsed mail. The bodies are UTF-8, None if the mail has none; `parts` are the other parts, in order.

    `inlines` are the start offsets of those that the body uses.
    `message` has everything but bodies, stored parts and defects, to which others may be added. It has
    `stripped_text` already.
    """

    message: InboundMessage
    text: bytes | None
    html: bytes | None
    parts: tuple[Part, ...]
    inlines: frozenset[int]
    defects: tuple[str, ...]


def parse(raw: Raw) -> ParsedMail:
    """Parse a mail; raise `InboundError`, and nothing else, if that fails."""
    try:
        return _parse(raw)
    except InboundError:
        raise
    except Exception as error:
        reason = f"the mail cannot be read ({type(error).__name__}); the raw message is kept"
        raise InboundError(reason) from error


def _parse(raw: Raw) -> ParsedMail:
    if not raw:
        reason = "the mail is empty: its object in S3 has no bytes"
        raise InboundError(reason)
    mail = structure.read(raw)
    release(raw, 0, len(raw))
    defects = list(mail.defects)
    if not mail.header.fields:
        if raw.find(b"\0") >= 0:
            reason = "not a mail: no header field, and binary data; the raw message is kept"
            raise InboundError(reason)
        defects.append(NO_HEADERS)
    is_body = _is_body if any(map(_is_body, mail.parts)) else _is_only_body
    bodies = [part for part in mail.parts if is_body(part)]
    text, html = (_body(raw, bodies, kind, defects) for kind in BODY_TYPES)
    return ParsedMail(
        message=_message(mail.header, text, defects),
        text=text,
        html=html,
        parts=tuple(part for part in mail.parts if not is_body(part)),
        inlines=inlines(mail.parts, is_body, html or text or b""),
        defects=distinct(defects),
    )


def distinct(defects: Iterable[str]) -> tuple[str, ...]:
    """Return each defect once, in alphabetical order."""
    return tuple(sorted(set(defects)))


def _is_body(part: Part) -> bool:
    """Return True if a part is a body, as JMAP defines it."""
    return part.disposition in {None, "inline"} and _may_be_body(part)


def _is_only_body(part: Part) -> bool:
    """Return True if a part is a body of a mail without any other, although its disposition is unknown.

    By RFC 2183, 2.8, it is an attachment, but mail programs show it.
    """
    return part.disposition != "attachment" and part.filename is None and _may_be_body(part)


def _may_be_body(part: Part) -> bool:
    if part.content_type not in BODY_TYPES:
        return False
    if part.position == 0 or part.parent == "multipart/alternative":
        return True
    return part.parent != "multipart/related" and part.filename is None


def _body(raw: Raw, bodies: Iterable[Part], kind: str, defects: list[str]) -> bytes | None:
    """Return the body parts of one type, joined, in UTF-8, which needs a quarter of the memory of a `str`."""
    found = [part for part in bodies if part.content_type == kind]
    if not found:
        return None
    is_joined = sum(part.end - part.start for part in found) <= flowed.BYTES
    return b"\n".join(_utf8(raw, part, part.flow if is_joined else None, defects) for part in found)


def _utf8(raw: Raw, part: Part, flow: flowed.Flow | None, defects: list[str]) -> bytes:
    content, wrong = part.content(raw)
    text, undecodable = charsets.decode(content, part.charset)
    # free it before the text is encoded: it may be as large as the mail
    del content
    defects += (*wrong, *undecodable)
    if "\0" in text:
        defects.append(charsets.NUL_CHARACTERS)
    return _encoded(text if flow is None else flowed.joined(text, flow))


def _encoded(text: str) -> bytes:
    """Return a text in UTF-8 with LF line breaks, encoded in pieces to save memory."""
    encoded = io.BytesIO()
    start = 0
    while start < len(text):
        end = start + PIECE_CHARACTERS
        # keep both characters of a line break in one piece
        end += text[end - 1 : end + 1] == "\r\n"
        encoded.write(text[start:end].encode().replace(b"\r\n", b"\n").replace(b"\r", b"\n"))
        start = end
    return encoded.getvalue()


def _message(header: fields.Header, body: bytes | None, defects: list[str]) -> InboundMessage:
    subject = _text(header.first("subject"))
    in_reply_to = _text(header.first("in-reply-to"))
    references = fields.message_ids(" ".join(header.all("references")))
    is_threaded = bool(
        in_reply_to or references or replies.continues_conversation(header.first("thread-index"))
    )
    to, cc = (_mailboxes(header.all(name), defects) for name in ("to", "cc"))
    return InboundMessage(
        from_email=_mailboxes(header.all("from"), defects),
        to=to,
        cc=cc,
        bcc=_mailboxes(header.all("bcc"), defects),
        reply_to=_mailboxes(header.all("reply-to"), defects),
        subject=subject,
        date=_date(header.first("date"), defects),
        message_id_header=_text(header.first("message-id")),
        in_reply_to=in_reply_to,
        references=references,
        stripped_text=None
        if body is None
        else replies.stripped(
            body,
            subject=subject,
            is_threaded=is_threaded,
            addressed=[each.address for each in (*to, *cc)],
        ),
        headers=_headers(header, defects),
        auto_submitted=_auto_submitted(header.first("auto-submitted")),
        automatic=automatic.is_automatic(header),
    )


def _mailboxes(values: Iterable[str], defects: list[str]) -> tuple[Mailbox, ...]:
    found = mailboxes(values)
    if len(found) == ADDRESSES:
        defects.append(ADDRESSES_CUT)
    return found


def _headers(header: fields.Header, defects: list[str]) -> tuple[tuple[str, str], ...]:
    decoded = tuple((field.name, fields.decoded(field.value)) for field in header.fields)
    for _, value in decoded:
        defects += value.defects
    return tuple((name, value.text) for name, value in decoded)


def _text(value: str | None) -> str | None:
    return None if value is None else fields.text(value)


def _date(value: str | None, defects: list[str]) -> datetime | None:
    if value is None:
        return None
    moment = parse_date(fields.text(value))
    if moment is None:
        defects.append(BAD_DATE)
    return moment


def _auto_submitted(value: str | None) -> str | None:
    """Return the keyword alone, such as `auto-replied` (RFC 3834, 5)."""
    if value is None:
        return None
    # a comment may follow: "auto-replied (vacation)"
    return parameterized(fields.text(value)).token.partition("(")[0].strip() or None
