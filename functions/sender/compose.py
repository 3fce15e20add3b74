"""A job becomes MIME: 7-bit clean bytes with CRLF lines, the same bytes for the same job.

SES adds Date and Message-ID. Blind recipients are in the envelope alone, never in a header.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import TYPE_CHECKING

import msgspec

from mailbus.errors import InvalidJob
from sender import headers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final

    from mailbus.jobs import Attachment, Job

# https://docs.aws.amazon.com/ses/latest/dg/quotas.html: after base64 encoding
MESSAGE_BYTES: Final = 40 * 1000 * 1000
# past this share of escaped bytes base64 is shorter than quoted-printable, which triples them
ESCAPED_SHARE: Final = 1 / 6


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A MIME part: its folded header fields, and its encoded body."""

    fields: tuple[str, ...]
    body: bytes


def compose(job: Job, *, metadata_in_headers: bool, message_bytes: int = MESSAGE_BYTES) -> bytes:
    """Write the whole message. Raises `InvalidJob` where SES, or a header, cannot carry it."""
    content = _content(job)
    fields = (*_fields(job, metadata_in_headers=metadata_in_headers), "MIME-Version: 1.0", *content.fields)
    message = _join(fields, content.body)
    if len(message) > message_bytes:
        path = "$.attachments" if job.attachments else "$"
        reason = f"makes a mail of {len(message)} bytes, SES takes {message_bytes}; send a link instead"
        raise InvalidJob(path, reason)
    return message


def _fields(job: Job, *, metadata_in_headers: bool) -> list[str]:
    # RFC 5322, 3.6.2: several authors need one Sender
    sender = job.sender or (job.from_email[0] if len(job.from_email) > 1 else None)
    listed = (
        ("From", job.from_email),
        ("Sender", () if sender is None else (sender,)),
        ("To", job.shown_to or job.to),
        ("Cc", job.cc),
        ("Reply-To", job.reply_to),
    )
    fields = [headers.addresses(name, mailboxes) for name, mailboxes in listed if mailboxes]
    if job.subject:
        fields.append(headers.unstructured("Subject", job.subject))
    fields += [headers.unstructured(name, value) for name, value in job.headers]
    fields += [headers.unstructured("X-Tag", tag) for tag in job.tags]
    if job.metadata and metadata_in_headers:
        fields.append(headers.metadata_field("X-Metadata", job.metadata))
    return fields


def _content(job: Job) -> Part:
    related = [part for part in job.attachments if job.html is not None and _is_related(part)]
    attached = [part for part in job.attachments if part not in related]
    bodies: list[Part] = []
    if job.text is not None:
        bodies.append(_text("plain", job.text))
    if job.html is not None:
        html = _text("html", job.html)
        bodies.append(
            _multipart(job, "related", [html, *map(_attachment, related)], type_="text/html")
            if related
            else html
        )
    body = [_multipart(job, "alternative", bodies)] if len(bodies) > 1 else bodies
    if attached:
        return _multipart(job, "mixed", [*body, *map(_attachment, attached)])
    return body[0]


def _is_related(attachment: Attachment) -> bool:
    return attachment.content_id is not None and attachment.disposition == "inline"


def _text(subtype: str, text: str) -> Part:
    data = text.replace("\r\n", "\n").replace("\r", "\n").encode()
    quoted = binascii.b2a_qp(data, quotetabs=False, istext=True)
    if len(quoted) - len(data) > 2 * len(data) * ESCAPED_SHARE:
        encoding, body = "base64", _base64(data.replace(b"\n", b"\r\n"))
    else:
        encoding, body = "quoted-printable", quoted.replace(b"\n", b"\r\n")
    return Part(
        fields=(
            f'Content-Type: text/{subtype}; charset="utf-8"',
            f"Content-Transfer-Encoding: {encoding}",
        ),
        body=body,
    )


def _attachment(attachment: Attachment) -> Part:
    disposition: list[str] = [attachment.disposition]
    if attachment.filename is not None:
        disposition = [f"{attachment.disposition};", *headers.parameter("filename", attachment.filename)]
    fields = [
        f"Content-Type: {attachment.content_type}",
        "Content-Transfer-Encoding: base64",
        headers.field("Content-Disposition", disposition),
    ]
    if attachment.content_id is not None:
        fields.append(f"Content-ID: <{attachment.content_id}>")
    return Part(fields=tuple(fields), body=_base64(attachment.content))


def _multipart(job: Job, subtype: str, parts: Sequence[Part], type_: str | None = None) -> Part:
    boundary = _boundary(job.job_id, subtype)
    parameters = [
        f"multipart/{subtype};",
        *([f' type="{type_}";'] if type_ else []),
        f' boundary="{boundary}"',
    ]
    marker = f"--{boundary}".encode()
    chunks = [marker + b"\r\n" + _join(part.fields, part.body) + b"\r\n" for part in parts]
    return Part(
        fields=(headers.field("Content-Type", parameters),), body=b"".join(chunks) + marker + b"--\r\n"
    )


def _boundary(job_id: str, subtype: str) -> str:
    """Make a boundary that no content can contain, known or guessed.

    Every body is quoted-printable, which writes `=` as `=3D`, or base64, which has no `_`.
    """
    digest = hashlib.sha256(f"{job_id} {subtype}".encode()).hexdigest()[:24]
    return f"=_{subtype}_{digest}"


def _base64(data: bytes) -> bytes:
    return base64.encodebytes(data).replace(b"\n", b"\r\n")


def _join(fields: Sequence[str], body: bytes) -> bytes:
    return "\r\n".join(fields).encode("ascii") + b"\r\n\r\n" + body
