"""Checks the headers of a job: which are allowed and which are reserved."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from mailbus.addresses import parse_mailbox, parse_mailboxes, require_one_line
from mailbus.events import Mailbox
from mailbus.jobs.header_fields import write_field
from mailbus.jobs.json_paths import entry_path, refuse, refuse_feature
from mailbus.jobs.template_headers import check_template_header

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Final

MAX_HEADER_NAME: Final = 126
# receiving servers cut or refuse longer ones: they accept some 100 KB of headers in all
MAX_HEADER_CHARACTERS: Final = 32 * 1024

_USE_FIELD: Final = "has its own field: use {}"
_SET_BY_SES: Final = "is set by SES; remove it"
_FROM_THE_JOB: Final = "describes the structure of the mail, which is made from the job; remove it"
_EXTRA: Final = "controls SES: use {}"
REFUSED: Final[dict[str, str]] = {
    "from": _USE_FIELD.format("from_email"),
    "cc": _USE_FIELD.format("cc"),
    "bcc": _USE_FIELD.format("bcc"),
    "resent-bcc": _USE_FIELD.format("bcc"),
    "subject": _USE_FIELD.format("subject"),
    "reply-to": _USE_FIELD.format("reply_to"),
    "x-tag": _USE_FIELD.format("tags"),
    "x-metadata": _USE_FIELD.format("metadata"),
    "date": _SET_BY_SES,
    "message-id": _SET_BY_SES,
    "return-path": "is set by SES; remove it, and set envelope_sender",
    # the other Content-* fields, such as Content-Language, say something about the mail as a whole
    "mime-version": _FROM_THE_JOB,
    "content-type": "describes a part of the mail: use text, html, alternatives or attachments",
    "content-transfer-encoding": _FROM_THE_JOB,
    "content-disposition": _USE_FIELD.format("attachments[].disposition"),
    "content-id": _USE_FIELD.format("attachments[].content_id"),
    "content-length": _FROM_THE_JOB,
    "content-md5": _FROM_THE_JOB,
    # https://docs.aws.amazon.com/ses/latest/dg/header-fields.html and the pages that it links to
    "x-ses-configuration-set": _EXTRA.format("esp_extra.ConfigurationSetName"),
    "x-ses-message-tags": _EXTRA.format("tags, or esp_extra.EmailTags (in a merge DefaultEmailTags)"),
    "x-ses-tenant": _EXTRA.format("esp_extra.TenantName"),
    "x-ses-list-management-options": _EXTRA.format("esp_extra.ListManagementOptions"),
    "x-ses-source-arn": _EXTRA.format("esp_extra.FromEmailAddressIdentityArn"),
    "x-ses-from-arn": _EXTRA.format("esp_extra.FromEmailAddressIdentityArn"),
    "x-ses-return-path-arn": _EXTRA.format("esp_extra.FeedbackForwardingEmailAddressIdentityArn"),
}
RESERVED_PREFIX: Final = "x-ses-"
_CONTROLS_SES: Final = "controls SES, as the deployment and esp_extra do; remove it"
_NAME: Final = re.compile("[!-9;-~]+")


class Headers(msgspec.Struct, frozen=True, kw_only=True):
    """A job's headers: `extra` in 7 bits as they are sent, and the two address headers, parsed."""

    extra: tuple[tuple[str, str], ...] = ()
    to: tuple[Mailbox, ...] = ()
    sender: Mailbox | None = None


def read_headers(headers: Mapping[str, str], path: str) -> Headers:
    """Return a job's headers, checked. Raises `InvalidJob`."""
    extra: list[tuple[str, str]] = []
    addressed: dict[str, tuple[Mailbox, ...]] = {}
    for name, lower, text, at in _checked(headers, path):
        if lower in _ADDRESS_HEADERS:
            addressed[lower] = _ADDRESS_HEADERS[lower](text, at)
        else:
            extra.append((name, write_field(name, text, at)))
    sender = addressed.get("sender")
    return Headers(extra=tuple(extra), to=addressed.get("to", ()), sender=sender[0] if sender else None)


def read_recipient_headers(headers: Mapping[str, str], path: str) -> dict[str, tuple[str, str]]:
    """Return the headers of one recipient of a merge as they are sent, by their names in lower case."""
    read: dict[str, tuple[str, str]] = {}
    for name, lower, text, at in _checked(headers, path):
        if lower in _ADDRESS_HEADERS:
            refuse_feature(at, "merge_headers", f"{name} cannot be set for one recipient")
        value = write_field(name, text, at)
        check_template_header(name, value, at)
        read[lower] = (name, value)
    return read


def check_header_name(name: str, path: str) -> None:
    """Raise `InvalidJob` if no header can have this name."""
    if len(name) > MAX_HEADER_NAME or not _NAME.fullmatch(name):
        refuse(
            path,
            f"is not a header name: it has 1 to {MAX_HEADER_NAME} printable ASCII characters without colon",
        )


def header_line(text: str, path: str) -> str:
    """Return the text of a header, checked: one line, within the length limit."""
    if len(text) > MAX_HEADER_CHARACTERS:
        refuse(path, f"has {len(text)} characters; a header has at most {MAX_HEADER_CHARACTERS}")
    return require_one_line(text, path)


def _checked(headers: Mapping[str, str], path: str) -> Iterator[tuple[str, str, str, str]]:
    """Yield each header: its name, its name in lower case, its text and its path."""
    seen: set[str] = set()
    for position, (name, text) in enumerate(headers.items(), 1):
        at = entry_path(path, name, position)
        lower = _lower_name(name, at)
        if lower in seen:
            refuse(at, "is a duplicate header (names ignore case); keep one")
        seen.add(lower)
        yield name, lower, header_line(text, at).strip(" \t"), at


def _lower_name(name: str, path: str) -> str:
    lower = name.lower()
    refused = REFUSED.get(lower) or (_CONTROLS_SES if lower.startswith(RESERVED_PREFIX) else None)
    if refused is not None:
        refuse(path, refused)
    check_header_name(name, path)
    return lower


def _one_mailbox(text: str, path: str) -> tuple[Mailbox, ...]:
    return (parse_mailbox(text, path),)


_ADDRESS_HEADERS: Final[dict[str, Callable[[str, str], tuple[Mailbox, ...]]]] = {
    "to": parse_mailboxes,
    "sender": _one_mailbox,
}
