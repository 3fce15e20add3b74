"""A job becomes MIME: 7-bit clean bytes with CRLF lines, the same bytes for the same job.

SES adds Date and Message-ID. Blind recipients are in the envelope alone, never in a header.
"""

from __future__ import annotations

import binascii
import hashlib
import io
import re
from typing import TYPE_CHECKING

import msgspec

from mailbus.errors import InvalidJob
from mailbus.jobs.contract import S3Object
from sender.ses import mime_headers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final

    from mailbus.jobs.contract import Alternative
    from mailbus.jobs.job import Attachment, Job

# https://docs.aws.amazon.com/ses/latest/dg/quotas.html: after base64 encoding
MESSAGE_BYTES: Final = 40 * 1000 * 1000
# past this share of escaped bytes base64 is shorter than quoted-printable, which triples them
ESCAPED_SHARE: Final = 1 / 6
# RFC 2045, 6.8: 76 characters a line, which are this many bytes
LINE_BYTES: Final = 57
LINE_CHARACTERS: Final = 76
# A reader shows the last form that it can. AMP has to stand before HTML
# (https://developers.google.com/workspace/gmail/ampemail/security-requirements), what HTML is not, such as an
# invitation, after it.
ORDER: Final = {"text/plain": 0, "text/x-amp-html": 1, "text/html": 2}
LAST: Final = 3

_PARAMETER: Final = re.compile(r'(?:"[^"]*"|[^";])+')


class Leaf(msgspec.Struct, frozen=True, kw_only=True):
    """A part with content: its folded header fields, and its body, to be written in base64 where `raw`."""

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
    """Write the whole message. Raises `InvalidJob` where it is larger than SES takes.

    The content of attachments is bytes by now. What is too large is refused before anything of its size is
    written; what is not takes little more memory than the message itself.
    """
    _check_size(job, minimum_bytes(job), message_bytes)
    out = io.BytesIO()
    content = _content(job)
    _write_fields(out, _fields(job, metadata_in_headers=metadata_in_headers))
    _write_fields(out, ["MIME-Version: 1.0"])
    _write(out, content)
    _check_size(job, out.tell(), message_bytes)
    # the buffer's own bytes, no copy of them
    return out.getvalue()


def minimum_bytes(job: Job) -> int:
    """Estimate a message from below: the attachments' base64 and the texts, without anything else."""
    texts = (job.text or "", job.html or "", *(alternative.content for alternative in job.alternatives))
    return sum(map(len, texts)) + sum(base64_bytes(len(content_bytes(file))) for file in job.attachments)


def base64_bytes(size: int) -> int:
    """Tell how long so many bytes are in base64, with their CRLF line ends."""
    return -(-size // 3) * 4 + -(-size // LINE_BYTES) * 2


def content_bytes(attachment: Attachment) -> bytes:
    """Give the bytes of an attachment, which has been loaded where it lay in S3."""
    if isinstance(attachment.content, S3Object):
        reason = "an attachment's S3 object has to be loaded before it is sent"
        raise TypeError(reason)
    return attachment.content


def _check_size(job: Job, size: int, most: int) -> None:
    if size > most:
        path = "$.attachments" if job.attachments else "$"
        reason = f"makes a mail of at least {size} bytes, SES takes {most}; send a link instead"
        raise InvalidJob(path, reason)


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
    fields = [mime_headers.addresses(name, mailboxes) for name, mailboxes in listed if mailboxes]
    if job.subject:
        fields.append(mime_headers.unstructured("Subject", job.subject))
    fields += [mime_headers.unstructured(name, value) for name, value in job.headers]
    fields += [mime_headers.unstructured("X-Tag", tag) for tag in job.tags]
    if job.metadata and metadata_in_headers:
        fields.append(mime_headers.metadata_field("X-Metadata", job.metadata))
    return fields


def _content(job: Job) -> Part:
    related = [file for file in job.attachments if _is_related(job, file)]
    attached = [file for file in job.attachments if not _is_related(job, file)]
    forms = _forms(job, related)
    body = [_multipart(job, "alternative", forms)] if len(forms) > 1 else forms
    if attached:
        return _multipart(job, "mixed", [*body, *map(_attachment, attached)])
    return body[0]


def _forms(job: Job, related: Sequence[Attachment]) -> list[Part]:
    forms: list[tuple[str, Part]] = []
    if job.text is not None:
        forms.append(("text/plain", _text("text/plain", job.text)))
    if job.html is not None:
        html = _text("text/html", job.html)
        parts = [html, *map(_attachment, related)]
        forms.append(("text/html", _multipart(job, "related", parts, type_="text/html") if related else html))
    forms += [(_media_type(form), _text(form.content_type, form.content)) for form in job.alternatives]
    return [part for _, part in sorted(forms, key=lambda form: ORDER.get(form[0], LAST))]


def _is_related(job: Job, attachment: Attachment) -> bool:
    return job.html is not None and attachment.content_id is not None and attachment.disposition == "inline"


def _media_type(alternative: Alternative) -> str:
    return alternative.content_type.partition(";")[0].strip().lower()


def _text(content_type: str, text: str) -> Leaf:
    data = text.replace("\r\n", "\n").replace("\r", "\n").encode()
    quoted = binascii.b2a_qp(data, quotetabs=False, istext=True)
    raw = len(quoted) - len(data) > 2 * len(data) * ESCAPED_SHARE
    # whatever charset the job names, the text was unicode, and is UTF-8 from here on
    media_type, *parameters = [word.strip() for word in _PARAMETER.findall(content_type)]
    parameters = [parameter for parameter in parameters if not parameter.lower().startswith("charset=")]
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
        "Content-Transfer-Encoding: base64",
        mime_headers.field("Content-Disposition", disposition),
    ]
    if attachment.content_id is not None:
        fields.append(f"Content-ID: <{attachment.content_id}>")
    return Leaf(fields=tuple(fields), body=content_bytes(attachment), raw=True)


def _multipart(job: Job, subtype: str, parts: Sequence[Part], type_: str | None = None) -> Container:
    boundary = _boundary(job.job_id, subtype)
    parameters = [
        f"multipart/{subtype};",
        *([f' type="{type_}";'] if type_ else []),
        f' boundary="{boundary}"',
    ]
    return Container(
        fields=(mime_headers.field("Content-Type", parameters),), boundary=boundary, parts=tuple(parts)
    )


def _boundary(job_id: str, subtype: str) -> str:
    """Make a boundary that no content can contain, known or guessed.

    Every body is quoted-printable, which writes `=` as `=3D`, or base64, which has no `_`.
    """
    digest = hashlib.sha256(f"{job_id} {subtype}".encode()).hexdigest()[:24]
    return f"=_{subtype}_{digest}"


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
