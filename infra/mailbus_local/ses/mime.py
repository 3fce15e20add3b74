"""Messages as bytes: reads headers, composes messages, and rewrites them as SES does.

Only the header block is parsed, by hand because that is fast; `mailbus_local.ses.scanning` scans
the body.
"""

from __future__ import annotations

import mimetypes
import re
from email.header import Header as EncodedHeader
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import TYPE_CHECKING, Final

import msgspec

from mailbus_local.ses.addresses import decoded, mailboxes
from mailbus_local.ses.requests import Attachment, Content

if TYPE_CHECKING:
    from datetime import datetime


_BLANK_LINE: Final = re.compile(rb"\r?\n\r?\n")
_LONG_LINE: Final = re.compile(rb"[^\n]{998,}|\0")
_FOLD: Final = re.compile(r"\r?\n(?=[ \t])")
_POLICY: Final = SMTP.clone(cte_type="7bit")
_ENCODINGS: Final = {"BASE64": "base64", "QUOTED_PRINTABLE": "quoted-printable", "SEVEN_BIT": "7bit"}
_REPLACED: Final = frozenset((b"date", b"message-id", b"bcc", b"return-path"))
MAX_HEADER_BYTES: Final = 10 * 1024


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """A header of a message, unfolded but not decoded."""

    name: str
    value: str


class Headers(msgspec.Struct, frozen=True, kw_only=True):
    """The header block of a message, in order."""

    lines: tuple[Header, ...] = ()

    def all(self, name: str) -> tuple[str, ...]:
        """Return the values of all headers with this name, in any case."""
        wanted = name.lower()
        return tuple(header.value for header in self.lines if header.name.lower() == wanted)

    def first(self, name: str) -> str | None:
        """Return the value of the first header with this name."""
        return next(iter(self.all(name)), None)

    def without(self, name: str) -> Headers:
        """Return the headers without those of this name (in lower case)."""
        return Headers(lines=tuple(header for header in self.lines if header.name.lower() != name))

    def truncated(self) -> tuple[tuple[Header, ...], bool]:
        """Return the first 10 KB, which SES includes in events, and whether any header was dropped."""
        kept: list[Header] = []
        size = 0
        for header in self.lines:
            size += len(header.name.encode()) + len(header.value.encode("utf-8", "replace")) + 4
            if size > MAX_HEADER_BYTES:
                return tuple(kept), True
            kept.append(header)
        return tuple(kept), False

    def without_oversized(self) -> Headers:
        """Return the headers up to 10 KB each; with longer ones a notification would exceed SNS's 256 KB."""
        return Headers(lines=tuple(line for line in self.lines if len(line.value) <= MAX_HEADER_BYTES))


def split(raw: bytes) -> tuple[bytes, bytes]:
    """Split a message into headers and body at the first blank line; without one it is all headers."""
    if raw.startswith((b"\r\n", b"\n")):
        return b"", raw.lstrip(b"\r").removeprefix(b"\n")
    found = _BLANK_LINE.search(raw)
    return (raw[: found.start()], raw[found.end() :]) if found else (raw, b"")


def read_headers(block: bytes) -> Headers:
    """Parse a header block; lines that are not headers are dropped."""
    text = _FOLD.sub("", block.decode("utf-8", "replace"))
    lines: list[Header] = []
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon and name and name == name.strip() and " " not in name:
            lines.append(Header(name=name, value=value.strip()))
    return Headers(lines=tuple(lines))


def rewrite(raw: bytes, message_id: str, accepted: datetime, region: str) -> bytes:
    """Return the message as SES sends it: with SES's Date and Message-ID, without Bcc and X-SES headers.

    https://docs.aws.amazon.com/ses/latest/dg/header-fields.html
    """
    block, body = split(raw)
    # the first region's domain is older than the others: <id@eu-west-1.amazonses.com>
    domain = f"{'email' if region == 'us-east-1' else region}.amazonses.com"
    own = {"Date": format_datetime(accepted), "Message-ID": f"<{message_id}@{domain}>"}
    return _kept_headers(block) + _header_lines(own) + b"\r\n" + body


def _header_lines(headers: dict[str, str]) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode()


def _kept_headers(block: bytes) -> bytes:
    kept: list[bytes] = []
    keeping = True
    for line in block.splitlines():
        if not line.startswith((b" ", b"\t")):
            name = line.partition(b":")[0].strip().lower()
            keeping = name not in _REPLACED and not name.startswith(b"x-ses-")
        if keeping:
            kept.append(line + b"\r\n")
    return b"".join(kept)


class MessageFields(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a Simple or Template message; addresses are ASCII."""

    sender: str
    subject: str
    text: Content | None
    html: Content | None
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    reply_to: tuple[str, ...] = ()
    headers: tuple[Header, ...] = ()
    attachments: tuple[Attachment, ...] = ()


def compose(fields: MessageFields) -> bytes:
    """Return the message in 7-bit ASCII, without Date and Message-ID."""
    shown = {
        "From": fields.sender,
        "To": ", ".join(fields.to),
        "Cc": ", ".join(fields.cc),
        "Reply-To": ", ".join(fields.reply_to),
        "Subject": _encode_header(fields.subject),
    }
    own = {name: value for name, value in shown.items() if value or name == "Subject"}
    custom = "".join(f"{header.name}: {header.value}\r\n" for header in fields.headers).encode()
    return _header_lines(own) + custom + _body(fields).as_bytes(policy=_POLICY)


def _encode_header(value: str) -> str:
    flat = " ".join(value.splitlines())
    return flat if flat.isascii() else EncodedHeader(flat, "utf-8").encode(linesep="\r\n")


def _body(fields: MessageFields) -> EmailMessage:
    inline = [file for file in fields.attachments if file.content_disposition == "INLINE" and fields.html]
    message = _text_part(fields.text, "plain")
    if fields.html is not None:
        page = _text_part(fields.html, "html")
        if inline:
            page.make_related()
            for file in inline:
                page.attach(_file_part(file))
        if fields.text is None:
            message = page
        else:
            message.make_alternative()
            message.attach(page)
    attached = [file for file in fields.attachments if file not in inline]
    if attached:
        message.make_mixed()
        for file in attached:
            message.attach(_file_part(file))
    message["MIME-Version"] = "1.0"
    return message


def _text_part(content: Content | None, subtype: str) -> EmailMessage:
    part = EmailMessage(policy=_POLICY)
    part.set_content(content.data if content else "", subtype=subtype, charset="utf-8")
    del part["MIME-Version"]
    return part


def _file_part(file: Attachment) -> EmailMessage:
    kind = file.content_type or mimetypes.guess_type(file.file_name)[0] or "application/octet-stream"
    main, _, sub = kind.partition(";")[0].strip().partition("/")
    encoding = _ENCODINGS[file.content_transfer_encoding]
    # SES's default is 7bit, which would corrupt 8-bit content.
    clean = file.raw_content.isascii() and _LONG_LINE.search(file.raw_content) is None
    part = EmailMessage(policy=_POLICY)
    part.set_content(
        file.raw_content,
        maintype=main or "application",
        subtype=sub or "octet-stream",
        cte=encoding if clean or encoding != "7bit" else "base64",
        disposition=file.content_disposition.lower(),
        filename=file.file_name,
        cid=f"<{file.content_id}>" if file.content_id else None,
    )
    if file.content_description:
        part["Content-Description"] = file.content_description
    del part["MIME-Version"]
    return part


class CommonHeaders(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The headers that SES includes decoded; those that a message lacks are left out."""

    return_path: str | None = None
    from_: tuple[str, ...] = msgspec.field(default=(), name="from")
    date: str | None = None
    sender: str | None = None
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    reply_to: tuple[str, ...] = ()
    message_id: str | None = None
    subject: str | None = None


def common_headers(headers: Headers, message_id: str | None) -> CommonHeaders:
    """Return the decoded common headers of a message."""
    headers = headers.without_oversized()
    subject = headers.first("Subject")
    return_path = headers.first("Return-Path")
    return CommonHeaders(
        return_path=return_path.strip("<>") if return_path is not None else None,
        from_=_decoded_addresses(headers, "From"),
        date=headers.first("Date"),
        sender=next(iter(_decoded_addresses(headers, "Sender")), None),
        to=_decoded_addresses(headers, "To"),
        cc=_decoded_addresses(headers, "Cc"),
        bcc=_decoded_addresses(headers, "Bcc"),
        reply_to=_decoded_addresses(headers, "Reply-To"),
        message_id=message_id,
        subject=decoded(subject) if subject is not None else None,
    )


def _decoded_addresses(headers: Headers, name: str) -> tuple[str, ...]:
    return tuple(box.display() for value in headers.all(name) for box in mailboxes(value))
