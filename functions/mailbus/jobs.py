"""The send job: one JSON object on the send queue, read strictly into frozen values.

Whatever a job has wrong is an `InvalidJob` that gives the JSON path and what to write instead.
What the contract names but this version cannot do yet is an `UnsupportedFeature` with the name.
"""

from __future__ import annotations

import base64
import binascii
import difflib
import json
import math
import re
from typing import TYPE_CHECKING, Any, Literal, NoReturn

import msgspec

from mailbus.addresses import address_key, parse_mailbox, parse_mailboxes, require_one_line
from mailbus.errors import InvalidJob, UnsupportedFeature
from mailbus.events import Mailbox, MetadataValue
from mailbus.send_job import Alternative, S3Object

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Final

SCHEMA_VERSION: Final = 1
MAX_RECIPIENTS: Final = 50
# SES takes 500 MIME parts; two texts and three containers leave this many
MAX_ATTACHMENTS: Final = 495
# both stand in every event, which EventBridge takes up to 256 KB
MAX_METADATA_BYTES: Final = 64 * 1024
MAX_TAGS_BYTES: Final = 64 * 1024
MAX_HEADER_NAME: Final = 126
# a header line has at most 998 characters, and can only be folded at a space
MAX_HEADER_WORD: Final = 900
MAX_FILENAME: Final = 255
MAX_CONTENT_ID: Final = 255
SHOWN_CHARACTERS: Final = 80

Disposition = Literal["attachment", "inline"]


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """A file of the mail: its bytes, or where they lie in S3. `content_id` is without its angle brackets."""

    content: bytes | S3Object
    content_type: str
    filename: str | None
    content_id: str | None
    disposition: Disposition


class MergeRecipient(msgspec.Struct, frozen=True, kw_only=True):
    """One recipient of a merge, with what is for this one alone.

    `data` holds the job's global data too, `metadata` and `headers` the job's own, each overridden by the
    recipient's.
    """

    mailbox: Mailbox
    data: dict[str, Any] = msgspec.field(default_factory=dict)
    metadata: dict[str, MetadataValue] = msgspec.field(default_factory=dict)
    headers: tuple[tuple[str, str], ...] = ()


class Merge(msgspec.Struct, frozen=True, kw_only=True):
    """A message of its own for each recipient, in the order of the job's `to`, each address once.

    Without a `template_id` the job's subject, text and html are the template.
    """

    recipients: tuple[MergeRecipient, ...]
    template_id: str | None = None
    global_data: dict[str, Any] = msgspec.field(default_factory=dict)


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One job, checked: a mail to send, or with `merge` one for each of its recipients.

    `fingerprint` tells whether two jobs of one id are the same: it is over the whole document but the id, as
    it was written, before the deployment's defaults. `shown_to` is the `To` header that readers see where it
    differs from `to`; `headers` are the extra ones, in the order given. Times are in epoch seconds.
    """

    job_id: str
    fingerprint: str = ""
    from_email: tuple[Mailbox, ...]
    sender: Mailbox | None = None
    to: tuple[Mailbox, ...] = ()
    shown_to: tuple[Mailbox, ...] = ()
    cc: tuple[Mailbox, ...] = ()
    bcc: tuple[Mailbox, ...] = ()
    reply_to: tuple[Mailbox, ...] = ()
    subject: str = ""
    text: str | None = None
    html: str | None = None
    alternatives: tuple[Alternative, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    envelope_sender: str | None = None
    tags: tuple[str, ...] = ()
    metadata: dict[str, MetadataValue] = msgspec.field(default_factory=dict)
    track_opens: bool | None = None
    track_clicks: bool | None = None
    send_at: float | None = None
    expires_at: float | None = None
    merge: Merge | None = None
    esp_extra: dict[str, Any] = msgspec.field(default_factory=dict)


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """Who receives: bare addresses, each once, at the first place where the job names it."""

    to: tuple[str, ...]
    cc: tuple[str, ...]
    bcc: tuple[str, ...]

    @property
    def recipients(self) -> tuple[str, ...]:
        """All of them, in order; SES counts each one."""
        return self.to + self.cc + self.bcc


def envelope(job: Job) -> Envelope:
    """Work out who receives a job's mail."""
    seen: set[str] = set()

    def once(mailboxes: Iterable[Mailbox]) -> tuple[str, ...]:
        kept: list[str] = []
        for mailbox in mailboxes:
            key = address_key(mailbox.address)
            if key not in seen:
                seen.add(key)
                kept.append(mailbox.address)
        return tuple(kept)

    return Envelope(to=once(job.to), cc=once(job.cc), bcc=once(job.bcc))


def parse_job(body: str, message_id: str) -> Job:
    """Read an SQS message body; `message_id` is SQS's, the job's id where it names none.

    At least one of `text`, `html` and `attachments` has to be there: an empty mail is asked for
    by an empty `text`, not by a forgotten one. Raises `InvalidJob`.
    """
    document = _object(_load(body), "$")
    _check_version(document)
    _check_names(document, "$", _FIELDS, _NOT_YET)
    read: dict[str, Any] = {"job_id": message_id}
    read |= {name: _FIELDS[name](value, f"$.{name}") for name, value in document.items()}
    headers: _Headers = read.pop("headers", _Headers())
    read.pop("schema_version", None)
    if "from_email" not in read:
        _refuse("$.from_email", "is missing; give the address that the mail is from")
    job = Job(
        **read,  # the names and types are those of the readers' table
        headers=headers.extra,
        shown_to=headers.to,
        sender=headers.sender,
    )
    _check_whole(job)
    return job


def peek_job_id(body: str, message_id: str) -> str:
    """Find the id of a job that may be invalid otherwise; SQS's `message_id` where it cannot be told."""
    try:
        document = _object(_load(body), "$")
        return _job_id(document.get("job_id", message_id), "$.job_id")
    except InvalidJob:
        return message_id


# --- JSON


class _Repeated(msgspec.Struct, frozen=True):
    """Stands for an object with a key twice, until its path is known."""

    key: str


class _Headers(msgspec.Struct, frozen=True, kw_only=True):
    extra: tuple[tuple[str, str], ...] = ()
    to: tuple[Mailbox, ...] = ()
    sender: Mailbox | None = None


def _load(body: str) -> object:
    try:
        return json.loads(body, object_pairs_hook=_unique)
    except RecursionError:
        _refuse("$", "is nested too deeply; a job has at most three levels")
    except json.JSONDecodeError as error:
        reason = f"is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        _refuse("$", reason)
    except ValueError:
        # the interpreter's own bound on digits: https://docs.python.org/3/library/stdtypes.html#int-max-str-digits
        _refuse("$", "has a number with more than 4300 digits; write it as a string")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any] | _Repeated:
    fields = dict(pairs)
    if len(fields) == len(pairs):
        return fields
    names = [name for name, _ in pairs]
    return _Repeated(next(name for index, name in enumerate(names) if name in names[:index]))


def _kind(value: object) -> str:
    kinds: tuple[tuple[type, str], ...] = (
        (type(None), "null"),
        (bool, "a boolean"),
        (int, "a number"),
        (float, "a number"),
        (str, "a string"),
        (list, "an array"),
    )
    return next((name for kind, name in kinds if isinstance(value, kind)), "an object")


def _refuse(path: str, reason: str) -> NoReturn:
    raise InvalidJob(path, reason)


def _expected(what: str, value: object, path: str) -> NoReturn:
    hint = "; leave the field out instead" if value is None else ""
    _refuse(path, f"expected {what}, got {_kind(value)}{hint}")


def _shown(name: str) -> str:
    cut = name if len(name) <= SHOWN_CHARACTERS else name[:SHOWN_CHARACTERS] + "…"
    return ascii(cut) if "…" not in cut else ascii(cut[:-1]) + "…"


def _child(path: str, name: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9_-]{1,80}", name):
        return f"{path}.{name}"
    return f"{path}[{_shown(name)}]"


def _object(value: object, path: str) -> dict[str, Any]:
    if isinstance(value, _Repeated):
        _refuse(_child(path, value.key), "stands twice in its object; keep one")
    if not isinstance(value, dict):
        _expected("an object", value, path)
    return value


def _array(value: object, path: str) -> list[tuple[object, str]]:
    if not isinstance(value, list):
        _expected("an array", value, path)
    return [(item, f"{path}[{index}]") for index, item in enumerate(value)]


def _text(value: object, path: str) -> str:
    if not isinstance(value, str):
        _expected("a string", value, path)
    try:
        value.encode()
    except UnicodeEncodeError as error:
        reason = f"has half of a surrogate pair (\\u{ord(value[error.start]):04x}), which is no character"
        _refuse(path, reason)
    return value


def _line(value: object, path: str) -> str:
    return require_one_line(_text(value, path), path)


def _check_names(
    document: Mapping[str, object], path: str, known: Mapping[str, object], not_yet: Mapping[str, str]
) -> None:
    for name in document:
        if name in not_yet:
            at = f"{path}.{name}"
            raise UnsupportedFeature(at, name, f"{name} is not supported yet: {not_yet[name]}")
    for name in (name for name in document if name not in known):
        near = difflib.get_close_matches(name[:SHOWN_CHARACTERS], [*known, *not_yet], n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]}?" if near else f"; known are {', '.join(known)}"
        _refuse(_child(path, name), f"unknown field {_shown(name)}{hint}")


# --- the fields


def _check_version(document: Mapping[str, object]) -> None:
    version = document.get("schema_version", SCHEMA_VERSION)
    if not isinstance(version, int) or isinstance(version, bool):
        _expected(f"the integer {SCHEMA_VERSION}", version, "$.schema_version")
    if version != SCHEMA_VERSION:
        reason = f"schema_version {str(version)[:20]} is not known here; this version reads {SCHEMA_VERSION}"
        _refuse("$.schema_version", reason)


def _job_id(value: object, path: str) -> str:
    text = _text(value, path)
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,128}", text):
        _refuse(path, "has to be 1 to 128 of the characters A-Z a-z 0-9 _ -")
    return text


def _mailboxes(value: object, path: str) -> tuple[Mailbox, ...]:
    if isinstance(value, str):
        return (parse_mailbox(_text(value, path), path),)
    if not isinstance(value, list):
        _expected("an address or an array of addresses", value, path)
    return tuple(parse_mailbox(_text(item, at), at) for item, at in _array(value, path))


def _senders(value: object, path: str) -> tuple[Mailbox, ...]:
    mailboxes = _mailboxes(value, path)
    if not mailboxes:
        _refuse(path, "is empty; give the address that the mail is from")
    return mailboxes


def _tags(value: object, path: str) -> tuple[str, ...]:
    tags = tuple(_tag(item, at) for item, at in _array(value, path))
    if len(msgspec.json.encode(tags)) > MAX_TAGS_BYTES:
        _refuse(path, f"are over {MAX_TAGS_BYTES} bytes of JSON; use fewer or shorter ones")
    return tags


def _tag(value: object, path: str) -> str:
    tag = _line(value, path)
    if not tag.strip():
        _refuse(path, "is an empty tag; leave it out")
    return tag


def _metadata(value: object, path: str) -> dict[str, MetadataValue]:
    metadata = {
        _text(name, _child(path, name)): _scalar(item, _child(path, name))
        for name, item in _object(value, path).items()
    }
    if len(msgspec.json.encode(metadata)) > MAX_METADATA_BYTES:
        _refuse(path, f"is over {MAX_METADATA_BYTES} bytes of JSON; keep a reference to it instead")
    return metadata


def _scalar(value: object, path: str) -> MetadataValue:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value, path)
    if isinstance(value, int):
        if not -(2**63) <= value < 2**64:
            _refuse(path, "is a number over 64 bits; write it as a string")
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            _refuse(path, "is not a finite number; write it as a string")
        return value
    _expected("a string, number, boolean or null", value, path)


# --- headers

_USE_FIELD: Final = "has a field of its own: use {}"
_SET_BY_SES: Final = "is set by SES; leave it out"
_REFUSED_HEADERS: Final[dict[str, str]] = {
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


def _headers(value: object, path: str) -> _Headers:
    extra: list[tuple[str, str]] = []
    addressed: dict[str, tuple[Mailbox, ...]] = {}
    seen: set[str] = set()
    for name, item in _object(value, path).items():
        at = _child(path, name)
        lower = _header_name(name, at).lower()
        if lower in seen:
            _refuse(at, "stands twice, header names ignore case; keep one")
        seen.add(lower)
        text = _line(item, at)
        if lower in _ADDRESS_HEADERS:
            addressed[lower] = _ADDRESS_HEADERS[lower](text, at)
        else:
            extra.append((name, _header_text(text, at)))
    sender = addressed.get("sender")
    return _Headers(extra=tuple(extra), to=addressed.get("to", ()), sender=sender[0] if sender else None)


def _header_name(name: str, path: str) -> str:
    lower = name.lower()
    refused = _REFUSED_HEADERS.get(lower) or next(
        (reason for prefix, reason in _REFUSED_PREFIXES.items() if lower.startswith(prefix)), None
    )
    if refused is not None:
        _refuse(path, f"the header {_shown(name)} {refused}")
    if not re.fullmatch(r"[!-9;-~]+", name) or len(name) > MAX_HEADER_NAME:
        reason = f"is no header name: 1 to {MAX_HEADER_NAME} printable ASCII characters, no space, no colon"
        _refuse(path, reason)
    return name


def _header_text(text: str, path: str) -> str:
    if any(len(word) > MAX_HEADER_WORD for word in text.split(" ")):
        reason = f"has a word of more than {MAX_HEADER_WORD} characters, which no header line can carry"
        _refuse(path, reason)
    return text.strip(" \t")


def _one_mailbox(text: str, path: str) -> tuple[Mailbox, ...]:
    return (parse_mailbox(text, path),)


_ADDRESS_HEADERS: Final[dict[str, Callable[[str, str], tuple[Mailbox, ...]]]] = {
    "to": parse_mailboxes,
    "sender": _one_mailbox,
}


# --- attachments

_TOKEN: Final = r"[A-Za-z0-9!#$&^_.+-]+"  # noqa: S105 - RFC 2045's token, no secret
_CONTENT_TYPE: Final = re.compile(
    rf'{_TOKEN}/{_TOKEN}(?: *; *{_TOKEN}=(?:{_TOKEN}|"[ !#-\[\]-~]*"))*', re.ASCII
)
_MAX_CONTENT_TYPE: Final = 255


def _attachments(value: object, path: str) -> tuple[Attachment, ...]:
    attachments = tuple(_attachment(item, at) for item, at in _array(value, path))
    if len(attachments) > MAX_ATTACHMENTS:
        _refuse(path, f"has {len(attachments)} entries; SES takes a mail with {MAX_ATTACHMENTS}")
    seen: set[str] = set()
    for index, attachment in enumerate(attachments):
        if attachment.content_id in seen:
            _refuse(f"{path}[{index}].content_id", "names a second part alike; make it unique")
        if attachment.content_id is not None:
            seen.add(attachment.content_id)
    return attachments


def _attachment(value: object, path: str) -> Attachment:
    document = _object(value, path)
    _check_names(document, path, _ATTACHMENT_FIELDS, _ATTACHMENT_NOT_YET)
    read = {name: _ATTACHMENT_FIELDS[name](item, f"{path}.{name}") for name, item in document.items()}
    content_id = read.get("content_id")
    if "content" not in read:
        _refuse(f"{path}.content", "is missing; give the file's bytes in base64")
    if "filename" not in read and content_id is None:
        _refuse(f"{path}.filename", "is missing; only a part with a content_id goes without")
    return Attachment(
        content=read["content"],
        content_type=read.get("content_type", "application/octet-stream"),
        filename=read.get("filename"),
        content_id=content_id,
        disposition=read.get("disposition", "attachment" if content_id is None else "inline"),
    )


def _base64(value: object, path: str) -> bytes:
    try:
        return base64.b64decode(_text(value, path), validate=True)
    except (binascii.Error, ValueError):
        reason = "is not base64: use the standard alphabet, with padding, without line breaks"
        _refuse(path, reason)


def _filename(value: object, path: str) -> str:
    name = _line(value, path)
    if not name.strip() or len(name) > MAX_FILENAME:
        _refuse(path, f"has to be 1 to {MAX_FILENAME} characters")
    return name


def _content_type(value: object, path: str) -> str:
    text = _line(value, path).strip()
    if not _CONTENT_TYPE.fullmatch(text) or len(text) > _MAX_CONTENT_TYPE:
        _refuse(path, "is no content type; write it like application/pdf")
    if text.lower().startswith(("multipart/", "message/")):
        reason = "is a type that MIME does not let travel in base64; use application/octet-stream"
        _refuse(path, reason)
    return text


def _content_id(value: object, path: str) -> str:
    text = _line(value, path).strip().removeprefix("<").removesuffix(">")
    if not re.fullmatch(r"[!-;=?-~]+", text) or len(text) > MAX_CONTENT_ID:
        reason = f"has to be 1 to {MAX_CONTENT_ID} printable ASCII characters without spaces, < and >"
        _refuse(path, reason)
    return text


def _disposition(value: object, path: str) -> Disposition:
    match _text(value, path).lower():
        case "attachment":
            return "attachment"
        case "inline":
            return "inline"
        case _:
            _refuse(path, "expected attachment or inline")


# --- the contract's tables

_FIELDS: Final[dict[str, Callable[[object, str], Any]]] = {
    "schema_version": lambda value, _path: value,
    "job_id": _job_id,
    "from_email": _senders,
    "to": _mailboxes,
    "cc": _mailboxes,
    "bcc": _mailboxes,
    "reply_to": _mailboxes,
    "subject": _line,
    "text": _text,
    "html": _text,
    "headers": _headers,
    "attachments": _attachments,
    "tags": _tags,
    "metadata": _metadata,
}
_ATTACHMENT_FIELDS: Final[dict[str, Callable[[object, str], Any]]] = {
    "filename": _filename,
    "content_type": _content_type,
    "content": _base64,
    "content_id": _content_id,
    "disposition": _disposition,
}

_LATER: Final = "remove it"
_NOT_YET: Final[dict[str, str]] = {
    "alternatives": "use text, html and attachments",
    "envelope_sender": "bounces go where the deployment's MAIL FROM domain says",
    "track_opens": "the configuration set decides",
    "track_clicks": "the configuration set decides",
    "send_at": "enqueue the job when it is due",
    "expires_at": _LATER,
    "template_id": "give subject, text and html",
    "merge_data": "enqueue one job for each recipient",
    "merge_metadata": "enqueue one job for each recipient",
    "merge_headers": "enqueue one job for each recipient",
    "merge_global_data": "enqueue one job for each recipient",
    "esp_extra": _LATER,
    "content_ref": "put the whole job into the message",
}
_ATTACHMENT_NOT_YET: Final[dict[str, str]] = {"s3": "give the file in content, in base64"}


def _check_whole(job: Job) -> None:
    count = len(envelope(job).recipients)
    if not count:
        _refuse("$.to", "names nobody; give at least one address in to, cc or bcc")
    if count > MAX_RECIPIENTS:
        reason = f"{count} recipients in to, cc and bcc; SES takes {MAX_RECIPIENTS} a mail, so split the job"
        _refuse("$.to", reason)
    if job.sender is not None and len(job.from_email) > 1:
        reason = "the first of several from_email addresses is the Sender; leave the header out"
        _refuse("$.headers.Sender", reason)
    if job.text is None and job.html is None and not job.attachments:
        reason = 'has no content; give text, html or attachments (for an empty mail "text": "")'
        _refuse("$.text", reason)
