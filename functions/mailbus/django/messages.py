"""Django's messages, with the attributes that Anymail adds to them, as send jobs.

What a message means is what Django's documentation says (https://docs.djangoproject.com/en/stable/topics/email/),
and for the added attributes Anymail's (https://anymail.dev/en/stable/sending/anymail_additions/). What a job
cannot express is refused, at the path of the job's field.
"""

from __future__ import annotations

import copy
import mimetypes
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from email.message import Message
from email.utils import collapse_rfc2231_value
from typing import TYPE_CHECKING, Any

import msgspec
from django.core.mail import EmailMessage
from django.utils.functional import Promise
from django.utils.timezone import is_naive, make_aware

from mailbus.addresses import address_key, parse_mailbox, parse_mailboxes
from mailbus.errors import ConfigurationError, InvalidJob, UnsupportedFeature

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

    from mailbus.events import Mailbox

DEFAULT_CONTENT_TYPE: Final = "application/octet-stream"
# the bodies that a job has fields for
_BODIES: Final = {"text/plain": "text", "text/html": "html"}
# what a job says of a part in its own fields, or the composer works out
_PART_HEADERS: Final = frozenset(
    {"content-type", "content-transfer-encoding", "content-disposition", "content-id", "mime-version"}
)
# The name stands in the disposition too; the boundary goes with the parts.
_DROPPED_PARAMETERS: Final = frozenset({"name", "boundary"})


class Converted(msgspec.Struct, frozen=True, kw_only=True):
    """A message as a send job's document, with the bare addresses of who receives it."""

    document: dict[str, object]
    recipients: tuple[str, ...]


def convert(message: EmailMessage, defaults: Mapping[str, object]) -> Converted:
    """Write a message as a job, its attributes combined with `SEND_DEFAULTS`. Raises `InvalidJob`."""
    _refuse_other_forms(message)

    def given(name: str) -> object:
        return _combined(_COMBINERS[name], defaults.get(name), _own(message, name))

    special, headers = _headers(given("extra_headers"))
    to, cc, bcc = (_mailboxes(given(name), f"$.{name}") for name in ("to", "cc", "bcc"))
    from_email = _mailboxes_in(_own(message, "from_email"), "$.from_email")
    envelope_sender = _address(given("envelope_sender"), "$.envelope_sender")
    if "from" in special:
        # the envelope has what is otherwise shown: https://code.djangoproject.com/ticket/9214
        envelope_sender = envelope_sender or _address(_own(message, "from_email"), "$.from_email")
        from_email = _mailboxes_in(special["from"], "$.headers.From")
    reply_to = _mailboxes(given("reply_to"), "$.reply_to")
    if special.get("reply-to"):
        reply_to = _mailboxes_in(special["reply-to"], "$.headers.Reply-To")
    if "to" in special:
        headers["To"] = special["to"]
    if "cc" in special and not _same(_mailboxes_in(special["cc"], "$.headers.Cc"), cc):
        headers["Cc"] = special["cc"]
    template = _text(given("template_id"), "$.template_id")
    attachments = _attachments(given("attachments"))
    subject = _text(_own(message, "subject"), "$.subject")
    document: dict[str, object] = {
        "job_id": _own(message, "mailbus_job_id"),
        "from_email": _written(from_email),
        "to": _written(to),
        "cc": _written(cc),
        "bcc": _written(bcc),
        "reply_to": _written(reply_to),
        # a stored template brings its own; Django's attribute is always there
        "subject": subject if subject or template is None else None,
        **_bodies(message, given("alternatives"), may_be_missing=bool(attachments or template)),
        "attachments": attachments,
        "headers": headers or None,
        "envelope_sender": envelope_sender,
        "tags": _texts(given("tags"), "$.tags"),
        "metadata": _plain(given("metadata")),
        "track_opens": given("track_opens"),
        "track_clicks": given("track_clicks"),
        "send_at": _moment(given("send_at")),
        "expires_at": _moment(_own(message, "mailbus_expires_at")),
        "template_id": template,
        "merge_data": _plain(given("merge_data")),
        "merge_metadata": _plain(given("merge_metadata")),
        "merge_headers": _plain(given("merge_headers")),
        "merge_global_data": _plain(given("merge_global_data")),
        "esp_extra": _plain(given("esp_extra")),
    }
    return Converted(
        document={
            name: value
            for name, value in document.items()
            if value is not None and value is not msgspec.UNSET
        },
        recipients=tuple(mailbox.address for mailbox in (*to, *cc, *bcc)),
    )


def check_defaults(defaults: Mapping[str, object], setting: str) -> None:
    """Refuse what a `SEND_DEFAULTS` setting cannot hold; the error names the setting."""
    for name in defaults:
        if name not in _COMBINERS:
            known = ", ".join(_COMBINERS)
            reason = f"{setting}: {name!r} has no default; attributes that can have one are {known}"
            raise ConfigurationError(reason)


# --- attributes, and the settings' defaults for them


def _own(message: EmailMessage, name: str) -> object:
    """Read an attribute; `msgspec.UNSET` where it is not set, which is not None."""
    value = getattr(message, name, msgspec.UNSET)
    # AnymailMessage has every attribute, and gives those that nobody set a mark of its own, a class
    if isinstance(value, type) and value.__name__ == "UNSET":
        return msgspec.UNSET
    return value


def _combined(combine: Callable[[Any, Any], object], default: object, own: object) -> object:
    """Put a default and a message's own value together. The message's None does without the default."""
    if own is None or (own is msgspec.UNSET and default is None):
        return None
    if own is msgspec.UNSET:
        return default
    return own if default is None else combine(default, own)


def _last(_default: object, own: object) -> object:
    return own


def _both(default: object, own: object) -> object:
    return [*_sequence(default), *_sequence(own)]


def _shallow(default: object, own: object) -> object:
    return {**_mapping(default), **_mapping(own)}


def _one_level(default: object, own: object) -> object:
    first, second = _mapping(default), _mapping(own)
    return {
        key: {**_mapping(first.get(key, {})), **_mapping(second.get(key, {}))} for key in (*first, *second)
    }


def _deep(default: object, own: object) -> object:
    merged: dict[Any, object] = {**_mapping(copy.deepcopy(default))}
    for key, value in _mapping(own).items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _deep(merged[key], value) if both else value
    return merged


_COMBINERS: Final[dict[str, Callable[[Any, Any], object]]] = {
    "to": _both,
    "cc": _both,
    "bcc": _both,
    "reply_to": _both,
    "extra_headers": _shallow,
    "alternatives": _both,
    "attachments": _both,
    "envelope_sender": _last,
    "metadata": _shallow,
    "send_at": _last,
    "tags": _both,
    "track_opens": _last,
    "track_clicks": _last,
    "template_id": _last,
    "merge_data": _one_level,
    "merge_metadata": _one_level,
    "merge_headers": _one_level,
    "merge_global_data": _shallow,
    "esp_extra": _deep,
}


# --- plain values


def _sequence(value: object, path: str = "$") -> list[object]:
    if isinstance(value, str | bytes | Promise | Mapping) or not isinstance(value, Iterable):
        raise InvalidJob(path, f"must be a list, not {type(value).__name__}")
    return list(value)


def _mapping(value: object, path: str = "$") -> Mapping[Any, object]:
    if not isinstance(value, Mapping):
        raise InvalidJob(path, f"must be a dict, not {type(value).__name__}")
    return value


def _text(value: object, path: str) -> str | None:
    if value is None or value is msgspec.UNSET:
        return None
    if not isinstance(value, str | Promise):
        raise InvalidJob(path, f"must be a string, not {type(value).__name__}")
    return _bare(value)


def _bare(value: object) -> str:
    """Make a plain str of any value: Django's lazy and safe strings are none."""
    return str.__str__(str(value))


def _texts(value: object, path: str) -> list[str | None] | None:
    if value is None:
        return None
    items = [_text(item, f"{path}[{index}]") for index, item in enumerate(_sequence(value, path))]
    return items or None


def _plain(value: object) -> object:
    """Resolve lazy strings at any depth."""
    if isinstance(value, str | Promise):
        return _bare(value)
    if isinstance(value, Mapping):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _moment(value: object) -> object:
    """Read a time as Anymail does: what has no zone is in Django's current one, a date is its midnight."""
    if value is msgspec.UNSET:
        return None
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if isinstance(value, datetime) and is_naive(value):
        value = make_aware(value)
    return value


# --- addresses and headers


def _mailboxes(values: object, path: str) -> tuple[Mailbox, ...]:
    """Read a list of addresses as Django's SMTP backend does: an entry may hold several, or nothing."""
    if values is None or values is msgspec.UNSET:
        return ()
    entries = [(entry, f"{path}[{index}]") for index, entry in enumerate(_sequence(values, path))]
    return tuple(mailbox for entry, at in entries for mailbox in _mailboxes_in(entry, at))


def _mailboxes_in(value: object, path: str) -> tuple[Mailbox, ...]:
    text = _text(value, path)
    return parse_mailboxes(text, path) if text else ()


def _address(value: object, path: str) -> str | None:
    text = _text(value, path)
    return parse_mailbox(text, path).address if text else None


def _written(mailboxes: tuple[Mailbox, ...]) -> list[str] | None:
    return [_mailbox(mailbox) for mailbox in mailboxes] or None


def _mailbox(mailbox: Mailbox) -> str:
    if not mailbox.name:
        return mailbox.address
    escaped = mailbox.name.replace("\\", r"\\").replace('"', r"\"")
    return f'"{escaped}" <{mailbox.address}>'


def _same(some: tuple[Mailbox, ...], others: tuple[Mailbox, ...]) -> bool:
    return {address_key(mailbox.address) for mailbox in some} == {
        address_key(mailbox.address) for mailbox in others
    }


_SPECIAL: Final = frozenset({"from", "to", "cc", "reply-to"})


def _headers(value: object) -> tuple[dict[str, str], dict[str, str]]:
    """Part headers that say who and to whom, by their lower-case names, from the others."""
    special: dict[str, str] = {}
    others: dict[str, str] = {}
    for name, item in (_mapping(value, "$.headers") if value is not None else {}).items():
        lower = _bare(name).lower()
        if lower in special:
            path = "$.headers"
            raise InvalidJob(path, f"{lower} is a duplicate header; keep one")
        if lower in _SPECIAL:
            special[lower] = _bare(item)
        else:
            others[_bare(name)] = _bare(item)
    return special, others


# --- content


def _refuse_other_forms(message: EmailMessage) -> None:
    """Refuse a message that makes its MIME itself: what it would do to it would be lost."""
    path = "$"
    if type(message).message is not EmailMessage.message:
        reason = f"{type(message).__name__} overrides message(), but the sender composes the mail of a job"
        raise UnsupportedFeature(path, "message()", reason)
    forms = {
        "mixed_subtype": {"mixed", "related"},
        "alternative_subtype": {"alternative"},
    }
    for name, known in forms.items():
        if getattr(message, name, None) not in {None, *known}:
            reason = f"{name} must be one of {', '.join(sorted(known))}; a job has no other structure"
            raise UnsupportedFeature(path, name, reason)


def _bodies(message: EmailMessage, alternatives: object, *, may_be_missing: bool) -> dict[str, object]:
    """Find the text and the html among the body and its alternatives; what is left are alternatives."""
    body = _text(message.body, "$.text")
    own = f"text/{message.content_subtype}"
    parts: list[tuple[object, object]] = [(body, own)] if body else []
    parts += [_alternative(item, index) for index, item in enumerate(_sequence(alternatives or []))]
    found: dict[str, object] = {}
    others: list[dict[str, object]] = []
    for content, content_type in parts:
        field = _BODIES.get(_bare(content_type).partition(";")[0].strip().lower())
        if field is None or field in found:
            path = f"$.alternatives[{len(others)}].content"
            others.append({"content": _decoded(content, path), "content_type": _bare(content_type)})
        else:
            found[field] = _decoded(content, f"$.{field}")
    if not (found or others or may_be_missing):
        # an empty mail, which is asked for by an empty text
        found[_BODIES.get(own, "text")] = ""
    return {**found, "alternatives": others or None}


def _alternative(item: object, index: int) -> tuple[object, object]:
    path = f"$.alternatives[{index}]"
    pair = _sequence(item, path)
    if len(pair) != 2:  # noqa: PLR2004 - Django's pair
        raise InvalidJob(path, "must be a pair of content and content type")
    return pair[0], pair[1]


def _decoded(content: object, path: str) -> str | None:
    if not isinstance(content, bytes):
        return _text(content, path)
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise InvalidJob(path, "is not text in UTF-8; attach it as a file") from None


def _attachments(value: object) -> list[dict[str, object]] | None:
    items = _sequence(value or [], "$.attachments")
    return [_attachment(item, f"$.attachments[{index}]") for index, item in enumerate(items)] or None


def _attachment(item: object, path: str) -> dict[str, object]:
    given = _from_part(item, path) if isinstance(item, Message) else _from_tuple(item, path)
    return {name: value for name, value in given.items() if value is not None}


def _from_tuple(item: object, path: str) -> dict[str, object]:
    """Read `(filename, content, type)`, or less of it, as `EmailMessage.attach` takes it."""
    values = _sequence(item, path)
    if not 2 <= len(values) <= 3:  # noqa: PLR2004 - the type may be left out
        raise InvalidJob(path, "must be filename, content and content type")
    filename = _text(values[0], f"{path}.filename")
    content_type = _text(values[2], f"{path}.content_type") if len(values) > 2 else None  # noqa: PLR2004 - as above
    content = values[1]
    if isinstance(content, EmailMessage):
        content, content_type = content.message().as_bytes(), content_type or "message/rfc822"
    elif isinstance(content, Message):
        content, content_type = content.as_bytes(), content_type or "message/rfc822"
    content_type = content_type or mimetypes.guess_type(filename or "")[0] or DEFAULT_CONTENT_TYPE
    if isinstance(content, str | Promise):
        content = _encoded(_bare(content), f"{path}.content")
        if content_type.startswith("text/") and "charset=" not in content_type.lower():
            content_type += "; charset=utf-8"
    if not isinstance(content, bytes | bytearray | memoryview):
        at = f"{path}.content"
        raise InvalidJob(at, f"must be bytes or text, not {type(content).__name__}")
    return {"filename": filename, "content_type": content_type, "content": bytes(content)}


def _encoded(text: str, path: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise InvalidJob(path, "has half of a surrogate pair, which is not a character") from None


def _from_part(part: Message[Any, Any], path: str) -> dict[str, object]:
    """Read a MIME part, such as an image with a Content-ID."""
    for name in part:
        if name.lower() not in _PART_HEADERS:
            reason = f"the part has the header {name[:80]!r}, which a job cannot have; remove it"
            raise UnsupportedFeature(path, name, reason)
    content = part.get_payload(decode=True)
    content_id = (part["Content-ID"] or "").strip().removeprefix("<").removesuffix(">")
    return {
        "filename": part.get_filename(),
        "content_type": part.get_content_type() + _parameters(part),
        "content": content if isinstance(content, bytes) else part.as_bytes(),
        "content_id": content_id or None,
        "disposition": part.get_content_disposition(),
    }


def _parameters(part: Message[Any, Any]) -> str:
    """Write what stands behind the type, such as a charset or a calendar's method."""
    # the first is the type itself
    given = part.get_params([("", "")])[1:]
    quoted = (
        (name, collapse_rfc2231_value(value).replace("\\", r"\\").replace('"', r"\""))
        for name, value in given
        if name.lower() not in _DROPPED_PARAMETERS
    )
    return "".join(f'; {name}="{value}"' for name, value in quoted)
