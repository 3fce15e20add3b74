"""Checks a job's attachments against the rules of MIME and SES."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mailbus.addresses import require_one_line
from mailbus.encoded_words import decode_words
from mailbus.jobs.content_types import MAIL_TYPE, media_type_of, read_content_type
from mailbus.jobs.job import Attachment
from mailbus.jobs.json_paths import refuse
from mailbus.jobs.part_headers import check_template_part_headers, read_part_headers

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


def _attachment(written: WrittenAttachment, path: str) -> Attachment:
    content = written.content if written.s3 is None else written.s3
    if content is None:
        refuse(f"{path}.content", "is missing; set it to the file's bytes in base64, or set s3")
    if written.content is not None and written.s3 is not None:
        refuse(f"{path}.s3", "is not allowed together with content; set one of them")
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
        headers=read_part_headers(written.headers or {}, f"{path}.headers"),
    )


def _check_for_template(attachment: Attachment, path: str) -> None:
    if attachment.filename is not None and "\t" in attachment.filename:
        refuse(f"{path}.filename", "has a tab (U+0009), which SES refuses in a merge; write a space instead")
    for name, text in (("content_type", attachment.content_type), ("content_id", attachment.content_id)):
        if text is not None and len(text) > MAX_TEMPLATE_FIELD:
            refuse(
                f"{path}.{name}", f"has {len(text)} characters; in a merge SES allows {MAX_TEMPLATE_FIELD}"
            )
    if attachment.is_mail:
        refuse(
            f"{path}.content_type", "is a mail, which SES attaches to no template; send it outside a merge"
        )
    check_template_part_headers(attachment.headers, f"{path}.headers")


def _filename(text: str, path: str) -> str:
    decoded = decode_words(text)
    if not decoded.strip() or len(decoded) > MAX_FILENAME:
        refuse(path, f"must be 1 to {MAX_FILENAME} characters")
    return require_one_line(decoded, path)


def _attachment_type(text: str, path: str) -> str:
    written = read_content_type(text, path)
    media_type = media_type_of(written)
    if media_type.startswith(("multipart/", "message/")) and media_type != MAIL_TYPE:
        refuse(
            path,
            "is a type that MIME does not allow in base64; attach a whole mail as message/rfc822, "
            "anything else as application/octet-stream",
        )
    return written


def _content_id(text: str, path: str) -> str:
    if len(text) > MAX_CONTENT_ID:
        refuse(path, f"has more than {MAX_CONTENT_ID} characters")
    written = require_one_line(text, path).strip().removeprefix("<").removesuffix(">")
    if not _CONTENT_ID.fullmatch(written):
        refuse(path, "must be printable ASCII characters without spaces, < and >")
    return written
