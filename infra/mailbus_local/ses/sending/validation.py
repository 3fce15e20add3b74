"""Checks the fields of a request by SES's rules.

Limits and rules: https://docs.aws.amazon.com/ses/latest/dg/quotas.html,
https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_MessageHeader.html,
https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_MessageTag.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from mailbus_local.ses import mime
from mailbus_local.ses.addresses import Address, parse
from mailbus_local.ses.errors import BAD_REQUEST, MESSAGE_REJECTED, SesError
from mailbus_local.ses.scanning import MAX_PARTS, Findings, scan

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mailbus_local.ses.requests import Attachment, Header, Tag


MAX_RECIPIENTS: Final = 50
MAX_MESSAGE_BYTES: Final = 40 * 1024 * 1024
MAX_LINE_BYTES: Final = 1000
MAX_HEADERS: Final = 15
MAX_HEADER_BYTES: Final = 996
# As SES's first API answers, which accepts more than the documentation says:
# https://github.com/localstack/localstack/pull/8639 (snapshots of real answers)
MAX_TAG_CHARACTERS: Final = 255
_TAG_NAME: Final = re.compile(r"[A-Za-z0-9_-]+|ses:feedback-id-[ab]")
_TAG_VALUE: Final = re.compile(r"[A-Za-z0-9_.@-]+")
_HEADER_NAME: Final = re.compile(r"[!-9;-@A-~]{1,126}")
_HEADER_VALUE: Final = re.compile(r"[ -~]{1,995}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_MEDIA_TYPE: Final = re.compile(r"[\w.+-]+/[\w.+-]+(\s*;.*)?", re.ASCII)
# with its end, as https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_RawMessage.html counts
_LONG_LINE: Final = re.compile(rb"[^\n]{%d,}" % MAX_LINE_BYTES)
_FORBIDDEN: Final = frozenset(
    (
        "bcc",
        "cc",
        "content-disposition",
        "content-type",
        "date",
        "from",
        "message-id",
        "mime-version",
        "reply-to",
        "return-path",
        "subject",
        "to",
    )
)
# https://docs.aws.amazon.com/ses/latest/dg/header-fields.html
_ONCE: Final = frozenset(
    name.lower()
    for name in [
        "Accept-Language",
        "acceptLanguage",
        "Archived-At",
        "Auto-Submitted",
        "Bounces-to",
        "Comments",
        "Content-Alternative",
        "Content-Base",
        "Content-Class",
        "Content-Description",
        "Content-Disposition",
        "Content-Duration",
        "Content-ID",
        "Content-Language",
        "Content-Length",
        "Content-Location",
        "Content-MD5",
        "Content-Transfer-Encoding",
        "Content-Type",
        "Date",
        "Delivered-To",
        "Disposition-Notification-Options",
        "Disposition-Notification-To",
        "DKIM-Signature",
        "DomainKey-Signature",
        "Errors-To",
        "From",
        "Importance",
        "In-Reply-To",
        "Keywords",
        "List-Archive",
        "List-Help",
        "List-Id",
        "List-Owner",
        "List-Post",
        "List-Subscribe",
        "List-Unsubscribe",
        "List-Unsubscribe-Post",
        "Message-Context",
        "Message-ID",
        "MIME-Version",
        "Organization",
        "Original-From",
        "Original-Message-ID",
        "Original-Recipient",
        "Original-Subject",
        "Precedence",
        "Priority",
        "References",
        "Reply-To",
        "Return-Path",
        "Return-Receipt-To",
        "Sender",
        "Solicitation",
        "Sensitivity",
        "Subject",
        "Thread-Index",
        "Thread-Topic",
        "User-Agent",
        "VBR-Info",
    ]
)


def check_tags(tags: Iterable[Tag]) -> tuple[Tag, ...]:
    """Return the tags. Raise if SES does not accept a name or a value."""
    checked = tuple(tags)
    for tag in checked:
        if (reason := _tag_error(tag)) is not None:
            raise SesError(BAD_REQUEST, reason)
    return checked


def _tag_error(tag: Tag) -> str | None:
    """Return the first thing that SES does not accept about a tag."""
    checks = (
        (not tag.name, "The tag name must be specified."),
        (not tag.value, "The tag value must be specified."),
        (len(tag.name) > MAX_TAG_CHARACTERS, f"Tag name cannot exceed {MAX_TAG_CHARACTERS} characters."),
        (
            not _TAG_NAME.fullmatch(tag.name),
            f"Invalid tag name <{tag.name}>: only alphanumeric ASCII characters, '_',  '-' are allowed.",
        ),
        (len(tag.value) > MAX_TAG_CHARACTERS, f"Tag value cannot exceed {MAX_TAG_CHARACTERS} characters."),
        (
            not _TAG_VALUE.fullmatch(tag.value),
            (
                f"Invalid tag value <{tag.value}>: only alphanumeric ASCII characters, '_',  '-' , '.', '@' "
                "are allowed."
            ),
        ),
    )
    return next((reason for wrong, reason in checks if wrong), None)


def check_headers(headers: Sequence[Header]) -> tuple[mime.Header, ...]:
    """Return the custom headers. Raise if SES writes one itself or does not accept it."""
    if len(headers) > MAX_HEADERS:
        raise SesError(
            BAD_REQUEST,
            "1 validation error detected: Value at 'headers' failed to satisfy constraint: "
            f"Member must have length less than or equal to {MAX_HEADERS}",
        )
    for header in headers:
        if header.name.lower() in _FORBIDDEN:
            raise SesError(BAD_REQUEST, f"Header <{header.name}> is not allowed as a custom header.")
        if not _HEADER_NAME.fullmatch(header.name):
            raise SesError(BAD_REQUEST, f"Invalid header name <{header.name}>.")
        if not _HEADER_VALUE.fullmatch(header.value):
            raise SesError(BAD_REQUEST, f"Invalid value of header <{header.name}>.")
        if len(header.name) + len(header.value) > MAX_HEADER_BYTES:
            raise SesError(
                BAD_REQUEST, f"Header <{header.name}> is longer than {MAX_HEADER_BYTES} characters."
            )
    return tuple(mime.Header(name=header.name, value=header.value) for header in headers)


def check_attachments(files: Iterable[Attachment]) -> tuple[Attachment, ...]:
    """Return the attachments. Raise if SES does not accept a name or a type.

    https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_Attachment.html
    """
    checked = tuple(files)
    for file in checked:
        limited = (
            ("FileName", file.file_name, 255),
            ("ContentType", file.content_type, 78),
            ("ContentId", file.content_id, 78),
            ("ContentDescription", file.content_description, 1000),
        )
        for name, value, limit in limited:
            if value is not None and (len(value) > limit or not value or _CONTROL.search(value)):
                raise SesError(
                    BAD_REQUEST,
                    f"Attachment {name} must have 1 to {limit} characters, none of them control characters.",
                )
        if file.content_type is not None and not _MEDIA_TYPE.fullmatch(file.content_type):
            raise SesError(BAD_REQUEST, "Attachment ContentType must be a media type, such as text/plain.")
    return checked


def recipients_of(texts: Iterable[str]) -> tuple[Address, ...]:
    """Return the envelope's recipients without duplicates. The part before the `@` is case-sensitive."""
    addresses = {(address := parse(text)).key: address for text in texts}
    if not addresses:
        raise SesError(BAD_REQUEST, "There are no recipients specified.")
    if len(addresses) > MAX_RECIPIENTS:
        raise SesError(BAD_REQUEST, f"Recipient count exceeds {MAX_RECIPIENTS}.")
    return tuple(addresses.values())


def check_unique(headers: mime.Headers) -> None:
    """Raise if a header that may occur once occurs twice."""
    seen: set[str] = set()
    for header in headers.lines:
        name = header.name.lower()
        if name in seen and name in _ONCE:
            raise SesError(BAD_REQUEST, f"Duplicate header '{header.name}'.")
        seen.add(name)


def check_size(raw: bytes) -> None:
    """Raise if a message is empty or over 40 MB."""
    if not raw:
        raise SesError(BAD_REQUEST, "The message is empty.")
    if len(raw) > MAX_MESSAGE_BYTES:
        raise SesError(
            BAD_REQUEST, f"Message length is more than {MAX_MESSAGE_BYTES} bytes long: '{len(raw)}'."
        )


def check_content(raw: bytes) -> Findings:
    """Raise if a message has too many parts or a blocked attachment. Return what the scan found."""
    findings = scan(raw)
    if findings.parts > MAX_PARTS:
        raise SesError(
            MESSAGE_REJECTED, f"The message has {findings.parts} MIME parts, more than {MAX_PARTS}."
        )
    blocked = findings.blocked()
    if blocked is not None:
        # Only the extension is shown: the name may be private.
        raise SesError(
            MESSAGE_REJECTED, f"Illegal filename: attachments of type '.{blocked.rpartition('.')[2]}'."
        )
    return findings


def check_lines(raw: bytes) -> None:
    """Raise if a line of the message is too long."""
    if _LONG_LINE.search(raw):
        raise SesError(BAD_REQUEST, f"A line of the message is longer than {MAX_LINE_BYTES} characters.")
