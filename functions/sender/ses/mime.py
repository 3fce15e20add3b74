"""Builds a job's MIME message: 7-bit bytes with CRLF line ends, the same bytes for the same job.

SES adds Date and Message-ID. Blind recipients are in the envelope only, never in a header.
"""

from __future__ import annotations

import binascii
import hashlib
import io
from typing import TYPE_CHECKING

import msgspec

from mailbus.errors import InvalidJob
from mailbus.jobs.content_types import split_content_type
from mailbus.jobs.contract import S3Object
from mailbus.jobs.header_fields import foldable_words
from sender.ses import mime_headers
from sender.ses.attached_mail import seven_bit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final

    from mailbus.jobs.job import Attachment, Job

# https://docs.aws.amazon.com/ses/latest/dg/quotas.html: after base64 encoding
MESSAGE_BYTES: Final = 40 * 1000 * 1000
# above this share of escaped bytes base64 is shorter than quoted-printable, which triples them
ESCAPED_SHARE: Final = 1 / 6
# RFC 2045, 6.8: 76 characters of base64 a line, which encode this many bytes
LINE_BYTES: Final = 57


class Leaf(msgspec.Struct, frozen=True, kw_only=True):
    """A part with content: its folded header fields, and its body, still to be base64-encoded if `raw`."""

    fields: tuple[str, ...]
    body: bytes
    raw: bool = False


class Container(msgspec.Struct, frozen=True, kw_only=True):
    """A multipart: its folded header fields, and the parts between its boundaries."""

    fields: tuple[str, ...]
    boundary: str
    parts: tuple[Leaf | Container, ...]


Part = Leaf | Container


def build_message(job: Job, *, metadata_in_headers: bool, message_bytes: int = MESSAGE_BYTES) -> bytes:
    """Return the message; raise `InvalidJob` if it is larger than SES accepts.

    The attachments must be loaded. If they are too large, nothing of their size is written; otherwise the
    memory needed is little more than the message itself.
    """
    _check_size(job, minimum_bytes(job), message_bytes)
    out = io.BytesIO()
    content = _content(job)
    _write_fields(out, _fields(job, metadata_in_headers=metadata_in_headers))
    _write_fields(out, ["MIME-Version: 1.0"])
    _write(out, content)
    _check_size(job, out.tell(), message_bytes)
    # without a copy of the buffer
    return out.getvalue()


def minimum_bytes(job: Job) -> int:
    """Return a lower bound of a message's size: the texts, and the files in base64, and attached mails."""
    texts = (job.text or "", job.html or "", *(alternative.content for alternative in job.alternatives))
    files = ((file, len(content_bytes(file))) for file in job.attachments)
    return sum(map(len, texts)) + sum(size if file.is_mail else base64_bytes(size) for file, size in files)


def base64_bytes(size: int) -> int:
    """Return the length of so many bytes in base64, with CRLF line ends."""
    return -(-size // 3) * 4 + -(-size // LINE_BYTES) * 2


def content_bytes(attachment: Attachment) -> bytes:
    """Return the bytes of an attachment; raise `TypeError` if it is not loaded from S3 yet."""
    if isinstance(attachment.content, S3Object):
        reason = "an attachment in S3 must be loaded before the message is built"
        raise TypeError(reason)
    return attachment.content


def _check_size(job: Job, size: int, message_bytes: int) -> None:
    if size > message_bytes:
        path = "$.attachments" if job.attachments else "$"
        reason = (
            f"would make a mail of at least {size} bytes; SES accepts {message_bytes}; send a link instead"
        )
        raise InvalidJob(path, reason)


def _fields(job: Job, *, metadata_in_headers: bool) -> list[str]:
    # RFC 5322, 3.6.2: a message with several authors must have one Sender
    sender = job.sender or (job.from_email[0] if len(job.from_email) > 1 else None)
    mailbox_fields = (
        ("From", job.from_email),
        ("Sender", () if sender is None else (sender,)),
        ("To", job.shown_to or job.to),
        ("Cc", job.cc),
        ("Reply-To", job.reply_to),
    )
    fields = [mime_headers.address_list(name, mailboxes) for name, mailboxes in mailbox_fields if mailboxes]
    if job.subject:
        fields.append(mime_headers.unstructured("Subject", job.subject))
    fields += [mime_headers.field(name, foldable_words(name, value)) for name, value in job.headers]
    fields += [mime_headers.unstructured("X-Tag", tag) for tag in job.tags]
    if job.metadata and metadata_in_headers:
        fields.append(mime_headers.metadata_field("X-Metadata", job.metadata))
    return fields


def _content(job: Job) -> Part:
    related = [file for file in job.attachments if _is_related(job, file)]
    attached = [file for file in job.attachments if not _is_related(job, file)]
    alternatives = _alternatives(job, related)
    body = [_multipart(job, "alternative", alternatives)] if len(alternatives) > 1 else alternatives
    if attached:
        return _multipart(job, "mixed", [*body, *map(_attachment, attached)])
    return body[0]


def _alternatives(job: Job, related: Sequence[Attachment]) -> list[Part]:
    others = [_text(other.content_type, other.content) for other in job.alternatives]
    return [
        *([] if job.text is None else [_text("text/plain", job.text)]),
        *others[: job.before_html],
        *([] if job.html is None else [_html(job, job.html, related)]),
        *others[job.before_html :],
    ]


def _html(job: Job, html: str, related: Sequence[Attachment]) -> Part:
    part = _text("text/html", html)
    if not related:
        return part
    return _multipart(job, "related", [part, *map(_attachment, related)], type_="text/html")


def _is_related(job: Job, attachment: Attachment) -> bool:
    return job.html is not None and attachment.content_id is not None and attachment.disposition == "inline"


def _text(content_type: str, text: str) -> Leaf:
    data = text.replace("\r\n", "\n").replace("\r", "\n").encode()
    quoted = binascii.b2a_qp(data, quotetabs=False, istext=True)
    raw = len(quoted) - len(data) > 2 * len(data) * ESCAPED_SHARE
    # the text is encoded as UTF-8, whatever charset the job names
    media_type, written = split_content_type(content_type)
    parameters = [parameter for parameter in written if not parameter.lower().startswith("charset=")]
    if media_type.lower().startswith("text/"):
        parameters.insert(0, 'charset="utf-8"')
    words = [media_type, *(f" {parameter}" for parameter in parameters)]
    return Leaf(
        fields=(
            mime_headers.field("Content-Type", [*(f"{word};" for word in words[:-1]), words[-1]]),
            f"Content-Transfer-Encoding: {'base64' if raw else 'quoted-printable'}",
        ),
        body=data.replace(b"\n", b"\r\n") if raw else quoted.replace(b"\n", b"\r\n"),
        raw=raw,
    )


def _attachment(attachment: Attachment) -> Leaf:
    disposition: list[str] = [attachment.disposition]
    if attachment.filename is not None:
        disposition = [f"{attachment.disposition};", *mime_headers.parameter("filename", attachment.filename)]
    fields = [
        f"Content-Type: {attachment.content_type}",
        f"Content-Transfer-Encoding: {'7bit' if attachment.is_mail else 'base64'}",
        mime_headers.field("Content-Disposition", disposition),
    ]
    if attachment.content_id is not None:
        fields.append(f"Content-ID: <{attachment.content_id}>")
    fields += [mime_headers.field(name, foldable_words(name, value)) for name, value in attachment.headers]
    content = content_bytes(attachment)
    if attachment.is_mail:
        return Leaf(fields=tuple(fields), body=seven_bit(content))
    return Leaf(fields=tuple(fields), body=content, raw=True)


def _multipart(job: Job, subtype: str, parts: Sequence[Part], type_: str | None = None) -> Container:
    boundary = _boundary(job, subtype)
    parameters = [
        f"multipart/{subtype};",
        *([f' type="{type_}";'] if type_ else []),
        f' boundary="{boundary}"',
    ]
    return Container(
        fields=(mime_headers.field("Content-Type", parameters),), boundary=boundary, parts=tuple(parts)
    )


def _boundary(job: Job, subtype: str) -> str:
    """Return a boundary that no content can contain, even if its author knows or guesses it.

    Every body is quoted-printable, which encodes `=` as `=3D`, or base64, which has no `_`; or it is an
    attached mail, of which the boundary is a hash.
    """
    digest = hashlib.sha256(f"{job.job_id} {subtype}".encode())
    for attachment in job.attachments:
        if attachment.is_mail:
            digest.update(content_bytes(attachment))
    return f"=_{subtype}_{digest.hexdigest()[:24]}"


def _write(out: io.BytesIO, part: Part) -> None:
    _write_fields(out, part.fields)
    out.write(b"\r\n")
    match part:
        case Leaf(raw=True):
            _write_base64(out, part.body)
        case Leaf():
            out.write(part.body)
        case Container():
            marker = f"--{part.boundary}".encode()
            for inner in part.parts:
                out.write(marker + b"\r\n")
                _write(out, inner)
                out.write(b"\r\n")
            out.write(marker + b"--\r\n")


def _write_fields(out: io.BytesIO, fields: Sequence[str]) -> None:
    out.writelines(field.encode("ascii") + b"\r\n" for field in fields)


def _write_base64(out: io.BytesIO, data: bytes) -> None:
    view = memoryview(data)
    for start in range(0, len(data), LINE_BYTES):
        out.write(binascii.b2a_base64(view[start : start + LINE_BYTES], newline=False))
        out.write(b"\r\n")
