"""The headers that a job may set by itself, and those that are not its to set."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from mailbus.addresses import parse_mailbox, parse_mailboxes, require_one_line
from mailbus.events import Mailbox
from mailbus.jobs.strict_json import child, refuse, refuse_feature, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Final

MAX_HEADER_NAME: Final = 126
# longer ones are cut or refused on the way: receivers take some 100 KB of headers in all
MAX_HEADER_CHARACTERS: Final = 32 * 1024

_USE_FIELD: Final = "has a field of its own: use {}"
_SET_BY_SES: Final = "is set by SES; leave it out"
_REFUSED: Final[dict[str, str]] = {
    "from": _USE_FIELD.format("from_email"),
    "cc": _USE_FIELD.format("cc"),
    "bcc": _USE_FIELD.format("bcc"),
    "subject": _USE_FIELD.format("subject"),
    "reply-to": _USE_FIELD.format("reply_to"),
    "x-tag": _USE_FIELD.format("tags"),
    "x-metadata": _USE_FIELD.format("metadata"),
    "date": _SET_BY_SES,
    "message-id": _SET_BY_SES,
    "return-path": _SET_BY_SES,
}
_REFUSED_PREFIXES: Final[dict[str, str]] = {
    "mime-": "describes the MIME structure, which is made from the job; leave it out",
    "content-": "describes the MIME structure, which is made from the job; leave it out",
    "x-ses-": "gives orders to SES; the deployment and the job's fields do that",
}


class Headers(msgspec.Struct, frozen=True, kw_only=True):
    """A job's headers: those that are taken as they are, and the two that hold addresses."""

    extra: tuple[tuple[str, str], ...] = ()
    to: tuple[Mailbox, ...] = ()
    sender: Mailbox | None = None


def read_headers(headers: Mapping[str, str], path: str) -> Headers:
    """Check a job's headers. Raises `InvalidJob`."""
    extra: list[tuple[str, str]] = []
    addressed: dict[str, tuple[Mailbox, ...]] = {}
    for name, lower, text, at in _checked(headers, path):
        if lower in _ADDRESS_HEADERS:
            addressed[lower] = _ADDRESS_HEADERS[lower](text, at)
        else:
            extra.append((name, text))
    sender = addressed.get("sender")
    return Headers(extra=tuple(extra), to=addressed.get("to", ()), sender=sender[0] if sender else None)


def read_recipient_headers(headers: Mapping[str, str], path: str) -> dict[str, tuple[str, str]]:
    """Check the headers of one recipient of a merge; the answer is keyed by the name in lower case."""
    read: dict[str, tuple[str, str]] = {}
    for name, lower, text, at in _checked(headers, path):
        if lower in _ADDRESS_HEADERS:
            refuse_feature(at, "merge_headers", f"{name} cannot be set for one recipient")
        read[lower] = (name, text)
    return read


def header_line(text: str, path: str) -> str:
    """Check what goes into a header: one line, of a length that arrives."""
    if len(text) > MAX_HEADER_CHARACTERS:
        refuse(path, f"has {len(text)} characters; a header takes {MAX_HEADER_CHARACTERS}")
    return require_one_line(text, path)


def _checked(headers: Mapping[str, str], path: str) -> Iterator[tuple[str, str, str, str]]:
    """Give each header's name as it is and in lower case, its text and its path."""
    seen: set[str] = set()
    for place, (name, text) in enumerate(headers.items(), 1):
        at = child(path, name, place)
        lower = _lower_name(name, at)
        if lower in seen:
            refuse(at, "stands twice, header names ignore case; keep one")
        seen.add(lower)
        yield name, lower, header_line(text, at).strip(" \t"), at


def _lower_name(name: str, path: str) -> str:
    lower = name.lower()
    refused = _REFUSED.get(lower) or next(
        (reason for prefix, reason in _REFUSED_PREFIXES.items() if lower.startswith(prefix)), None
    )
    if refused is not None:
        refuse(path, f"the header {shown(name)} {refused}")
    if len(name) > MAX_HEADER_NAME or not re.fullmatch(r"[!-9;-~]+", name):
        refuse(
            path,
            f"is no header name: 1 to {MAX_HEADER_NAME} printable ASCII characters, no space, no colon",
        )
    return lower


def _one_mailbox(text: str, path: str) -> tuple[Mailbox, ...]:
    return (parse_mailbox(text, path),)


_ADDRESS_HEADERS: Final[dict[str, Callable[[str, str], tuple[Mailbox, ...]]]] = {
    "to": parse_mailboxes,
    "sender": _one_mailbox,
}
