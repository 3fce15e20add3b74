"""The content of a Django message: its bodies, alternatives and attachments."""

from __future__ import annotations

import io
import mimetypes
from email.generator import BytesGenerator
from email.message import Message
from email.policy import EmailPolicy
from email.utils import collapse_rfc2231_value
from typing import TYPE_CHECKING, Any

from django.core.mail import EmailMessage
from django.utils.functional import Promise

from mailbus.django.values import as_list, as_text, plain_str, unfolded
from mailbus.errors import InvalidJob, UnsupportedFeature
from mailbus.jobs.attachments import DEFAULT_CONTENT_TYPE
from mailbus.jobs.bodies import precedes_html
from mailbus.jobs.content_types import MAIL_TYPE
from mailbus.jobs.part_headers import REFUSED as PART_FIELDS

if TYPE_CHECKING:
    from typing import Final

_TEXT: Final = "text/plain"
_HTML: Final = "text/html"
# The name is also in the disposition; the boundary belongs to the parts.
_DROPPED_PARAMETERS: Final = frozenset({"name", "boundary"})


def read_bodies(message: EmailMessage, alternatives: object, *, may_be_missing: bool) -> dict[str, object]:
    """Return the fields `text`, `html` and `alternatives` of a job, from the body and its alternatives.

    The first text and the last html have fields of their own.
    """
    # any value is a text, as for Django
    given: object = message.body
    body = given if isinstance(given, bytes) else plain_str(given or "")
    own = f"text/{message.content_subtype}"
    parts: list[tuple[object, object]] = [(body, own)] if body else []
    parts += [_alternative(item, index) for index, item in enumerate(as_list(alternatives or []))]
    media_types = [_media_type(content_type) for _, content_type in parts]
    found: dict[str, object] = {}
    others: list[dict[str, object]] = []
    html_type, before_html = _HTML, 0
    for index, (content, content_type) in enumerate(parts):
        if media_types[index] == _TEXT and "text" not in found:
            found["text"] = _decoded(content, "$.text")
        elif media_types[index] == _HTML and _HTML not in media_types[index + 1 :]:
            found["html"] = _decoded(content, "$.html")
            html_type, before_html = plain_str(content_type), len(others)
        else:
            path = f"$.alternatives[{len(others)}].content"
            others.append({"content": _decoded(content, path), "content_type": plain_str(content_type)})
    if "html" in found and not _is_usual_order(others, before_html):
        others.insert(before_html, {"content": found.pop("html"), "content_type": html_type})
    if not (found or others or may_be_missing):
        # an empty mail needs an empty text
        found["html" if own == _HTML else "text"] = ""
    return {**found, "alternatives": others or None}


def _is_usual_order(others: list[dict[str, object]], before_html: int) -> bool:
    """Return whether a job has its bodies in this order if it does not say where the html is."""
    return all(
        precedes_html(_media_type(other["content_type"])) == (index < before_html)
        for index, other in enumerate(others)
    )


def _media_type(content_type: object) -> str:
    return plain_str(content_type).partition(";")[0].strip().lower()


def _alternative(item: object, index: int) -> tuple[object, object]:
    path = f"$.alternatives[{index}]"
    pair = as_list(item, path)
    if len(pair) != 2:  # noqa: PLR2004 - Django's pair
        raise InvalidJob(path, "must be a pair of content and content type")
    return pair[0], pair[1]


def _decoded(content: object, path: str) -> str | None:
    if not isinstance(content, bytes):
        return as_text(content, path)
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise InvalidJob(path, "is not text in UTF-8; attach it as a file") from None


def read_attachments(value: object) -> list[dict[str, object]] | None:
    """Return the attachments as those of a job, None if there are none. Raises `InvalidJob`."""
    items = as_list(value or [], "$.attachments")
    return [_attachment(item, f"$.attachments[{index}]") for index, item in enumerate(items)] or None


def _attachment(item: object, path: str) -> dict[str, object]:
    fields = _from_part(item, path) if isinstance(item, Message) else _from_tuple(item, path)
    return {name: value for name, value in fields.items() if value is not None}


def _from_tuple(item: object, path: str) -> dict[str, object]:
    """Return the attachment of `(filename, content, type)`, of which the type may be missing."""
    values = as_list(item, path)
    if not 2 <= len(values) <= 3:  # noqa: PLR2004 - the type may be left out
        raise InvalidJob(path, "must be filename, content and content type")
    filename = as_text(values[0], f"{path}.filename") or None
    content_type = as_text(values[2], f"{path}.content_type") if len(values) > 2 else None  # noqa: PLR2004 - as above
    content = values[1]
    if isinstance(content, EmailMessage):
        content = content.message()
    if isinstance(content, Message):
        content, content_type = _mail_bytes(content), content_type or MAIL_TYPE
    content_type = content_type or mimetypes.guess_type(filename or "")[0] or DEFAULT_CONTENT_TYPE
    if isinstance(content, str | Promise):
        content = _encoded(plain_str(content), f"{path}.content")
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
    """Return the attachment of a MIME part, such as an image with a Content-ID."""
    content_id = (part["Content-ID"] or "").strip().removeprefix("<").removesuffix(">")
    return {
        "filename": part.get_filename() or None,
        "content_type": part.get_content_type() + _parameters(part),
        "content": _part_content(part, path),
        "content_id": content_id or None,
        "disposition": _disposition(part),
        "headers": {name: unfolded(value) for name, value in part.items() if name.lower() not in PART_FIELDS}
        or None,
    }


def _part_content(part: Message[Any, Any], path: str) -> bytes:
    """Return the bytes of a part; those of a mail, such as one that is forwarded, are the mail's own."""
    content = part.get_payload(decode=True)
    if isinstance(content, bytes):
        return content
    inner = part.get_payload()
    if part.get_content_type() == MAIL_TYPE and isinstance(inner, list) and isinstance(inner[0], Message):
        return _mail_bytes(inner[0])
    at = f"{path}.content_type"
    reason = "is a part with parts of its own: attach each of them, or a whole mail as message/rfc822"
    raise UnsupportedFeature(at, part.get_content_type(), reason)


def _mail_bytes(mail: Message[Any, Any]) -> bytes:
    """Return a mail with its headers as they are: signatures may not survive headers that are folded anew."""
    as_is = {"refold_source": "none"} if isinstance(mail.policy, EmailPolicy) else {"max_line_length": None}
    out = io.BytesIO()
    policy = mail.policy.clone(linesep="\r\n", **as_is)
    BytesGenerator(out, mangle_from_=False, policy=policy).flatten(mail)
    return out.getvalue()


def _disposition(part: Message[Any, Any]) -> str | None:
    """Return the disposition of a part, None if its header has none, or parameters alone."""
    named = part.get_content_disposition()
    if named is None or "=" in named:
        return None
    # RFC 2183, 2.8: an unknown one is an attachment
    return "inline" if named == "inline" else "attachment"


def _parameters(part: Message[Any, Any]) -> str:
    """Return the parameters of a content type, such as a charset or a calendar's method."""
    # the first is the type itself
    parameters = part.get_params([("", "")])[1:]
    quoted = (
        (name, collapse_rfc2231_value(value).replace("\\", r"\\").replace('"', r"\""))
        for name, value in parameters
        if name.lower() not in _DROPPED_PARAMETERS
    )
    return "".join(f'; {name}="{value}"' for name, value in quoted)
