"""Checks a job's attachments and alternative bodies against the rules of MIME and SES."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from mailbus.addresses import require_one_line
from mailbus.encoded_words import decode_words
from mailbus.jobs.content_types import media_type_of, read_content_type, split_content_type
from mailbus.jobs.contract import Alternative
from mailbus.jobs.job import Attachment
from mailbus.jobs.json_paths import refuse

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final

    from mailbus.jobs.contract import Attachment as WrittenAttachment

# SES allows 500 MIME parts; two texts and three containers leave this many
MAX_ATTACHMENTS: Final = 495
MAX_FILENAME: Final = 255
MAX_CONTENT_ID: Final = 255
# https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_Attachment.html
MAX_TEMPLATE_FIELD: Final = 78
DEFAULT_CONTENT_TYPE: Final = "application/octet-stream"

_CONTENT_ID: Final = re.compile(r"[!-;=?-~]+")
_HTML: Final = "text/html"
# Only clients that support it show AMP, and only if it is before the html:
# https://developers.google.com/workspace/gmail/ampemail/security-requirements
_AMP: Final = "text/x-amp-html"
_INVITATION: Final = "text/calendar"


class Bodies(msgspec.Struct, frozen=True, kw_only=True):
    """The html of a mail and its alternatives, of which so many are before the html."""

    html: str | None
    alternatives: tuple[Alternative, ...]
    before_html: int


def read_attachments(
    attachments: Sequence[WrittenAttachment], path: str, *, merge: bool
) -> tuple[Attachment, ...]:
    """Return the attachments, checked; one in S3 has its reference as its content. Raises `InvalidJob`."""
    if len(attachments) > MAX_ATTACHMENTS:
        refuse(path, f"has {len(attachments)} entries; SES allows at most {MAX_ATTACHMENTS} per mail")
    read = tuple(_attachment(item, f"{path}[{index}]") for index, item in enumerate(attachments))
    seen: set[str] = set()
    for index, attachment in enumerate(read):
        if merge:
            _check_for_template(attachment, f"{path}[{index}]")
        if attachment.content_id in seen:
            refuse(f"{path}[{index}].content_id", "must be unique; another attachment has the same")
        if attachment.content_id is not None:
            seen.add(attachment.content_id)
    return read


def read_bodies(html: str | None, alternatives: Sequence[Alternative], path: str) -> Bodies:
    """Return the bodies in the order in which they are sent. Raises `InvalidJob`.

    A mail program shows the last one that it can. An alternative that is the html has its place among the
    others; otherwise text is before html, and what is no text to read, such as an invitation, after it.
    """
    if not alternatives:
        return Bodies(html=html, alternatives=(), before_html=0)
    if len(alternatives) > MAX_ATTACHMENTS:
        refuse(path, f"has {len(alternatives)} entries; SES allows at most {MAX_ATTACHMENTS} per mail")
    read = [
        _alternative(written, f"{path}[{index}].content_type") for index, written in enumerate(alternatives)
    ]
    media_types = [media_type_of(alternative.content_type) for alternative in read]
    places = [index for index, media_type in enumerate(media_types) if media_type == _HTML]
    if len(places) + (html is not None) > 1:
        refuse(f"{path}[{places[-1]}].content_type", "is a second text/html, and a mail has one; remove it")
    place = places[0] if places else None
    before: list[Alternative] = []
    after: list[Alternative] = []
    for index, (alternative, media_type) in enumerate(zip(read, media_types, strict=True)):
        if index == place:
            html = alternative.content
        elif media_type == _AMP or (precedes_html(media_type) if place is None else index < place):
            before.append(alternative)
        else:
            after.append(alternative)
    return Bodies(html=html, alternatives=(*before, *after), before_html=len(before))


def precedes_html(media_type: str) -> bool:
    """Return whether an alternative is before the html of a mail that does not say where."""
    return media_type.startswith("text/") and media_type != _INVITATION


def _attachment(written: WrittenAttachment, path: str) -> Attachment:
    content = written.content if written.s3 is None else written.s3
    if content is None:
        refuse(f"{path}.content", "is missing; set it to the file's bytes in base64, or set s3")
    if written.content is not None and written.s3 is not None:
        refuse(f"{path}.s3", "is not allowed together with content; set one of them")
    if written.filename is None and written.content_id is None:
        refuse(f"{path}.filename", "is missing; it is optional only with a content_id")
    content_type = written.content_type
    inline = written.content_id is not None
    return Attachment(
        content=content,
        content_type=DEFAULT_CONTENT_TYPE
        if content_type is None
        else _attachment_type(content_type, f"{path}.content_type"),
        filename=None if written.filename is None else _filename(written.filename, f"{path}.filename"),
        content_id=None
        if written.content_id is None
        else _content_id(written.content_id, f"{path}.content_id"),
        disposition=written.disposition or ("inline" if inline else "attachment"),
    )


def _check_for_template(attachment: Attachment, path: str) -> None:
    for name, text in (("content_type", attachment.content_type), ("content_id", attachment.content_id)):
        if text is not None and len(text) > MAX_TEMPLATE_FIELD:
            refuse(
                f"{path}.{name}", f"has {len(text)} characters; in a merge SES allows {MAX_TEMPLATE_FIELD}"
            )


def _filename(text: str, path: str) -> str:
    decoded = decode_words(text)
    if not decoded.strip() or len(decoded) > MAX_FILENAME:
        refuse(path, f"must be 1 to {MAX_FILENAME} characters")
    return require_one_line(decoded, path)


def _attachment_type(text: str, path: str) -> str:
    written = read_content_type(text, path)
    if media_type_of(written).startswith(("multipart/", "message/")):
        refuse(path, "is a type that MIME does not allow in base64; use application/octet-stream")
    return written


def _alternative(alternative: Alternative, path: str) -> Alternative:
    written = read_content_type(alternative.content_type, path)
    media_type, parameters = split_content_type(written)
    if media_type.lower() == "text/plain":
        refuse(path, "must not be text/plain: use the field text")
    if not media_type.lower().startswith(("text/", "application/")):
        refuse(path, "must be a text/* or application/* type; other files are attachments")
    for name, _, value in (parameter.partition("=") for parameter in parameters):
        if name.lower() == "charset" and value.strip('"').lower() != "utf-8":
            refuse(path, "must not name a charset other than utf-8, in which the text is sent; remove it")
    return Alternative(content=alternative.content, content_type=written)


def _content_id(text: str, path: str) -> str:
    if len(text) > MAX_CONTENT_ID:
        refuse(path, f"has more than {MAX_CONTENT_ID} characters")
    written = require_one_line(text, path).strip().removeprefix("<").removesuffix(">")
    if not _CONTENT_ID.fullmatch(written):
        refuse(path, "must be printable ASCII characters without spaces, < and >")
    return written
