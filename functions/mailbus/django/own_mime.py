"""Reads a message whose class makes its own MIME, as some packages' classes do.

What they change, such as headers, bodies and attachments, is taken from the MIME that they make. A signed or
encrypted mail is of its bytes as they are, and no job can carry that.
"""

from __future__ import annotations

import email
from typing import TYPE_CHECKING, Any, cast

from django.core.mail import EmailMultiAlternatives

from mailbus.django.errors import BadHeader
from mailbus.django.values import unfolded
from mailbus.errors import UnsupportedFeature
from mailbus.jobs.part_headers import REFUSED as PART_FIELDS

if TYPE_CHECKING:
    from email.message import Message
    from typing import Final

    from django.core.mail import EmailMessage

    MIME = Message[Any, Any]

# the attributes that the MIME replaces
_IN_MIME: Final = frozenset(
    {"subject", "body", "content_subtype", "alternatives", "attachments", "extra_headers", "reply_to"}
)
_DJANGOS_OWN: Final = "django.core.mail.message"
# with message(), what classes override to add parts: https://djangosnippets.org/snippets/2215/ and since
# Django 6.0 _add_bodies and _add_attachments
_MAKES_PARTS: Final = ("_create_", "_add_")
# what Django writes by itself, and a job has no place for
_OF_DJANGO: Final = frozenset({"subject", "message-id", "date"})


def as_its_mime_says(message: EmailMessage) -> EmailMessage:
    """Return a message of Django's own class that says the same. Raises `UnsupportedFeature`, `BadHeader`."""
    if not _makes_own_mime(type(message)):
        return message
    mime, parts = _composed(message)
    plain = EmailMultiAlternatives(
        subject=unfolded(mime["Subject"] or ""),
        headers={
            name: unfolded(value)
            for name, value in mime.items()
            if name.lower() not in PART_FIELDS and name.lower() not in _OF_DJANGO
        },
    )
    for name, value in vars(message).items():
        if name not in _IN_MIME:
            setattr(plain, name, value)
    plain.attachments = []
    for content, content_type in _bodies(parts, plain.attachments, type(message).__name__):
        media_type = content_type.partition(";")[0].strip().lower()
        is_first = not (plain.body or plain.alternatives)
        if is_first and isinstance(content, str) and media_type in {"text/plain", "text/html"}:
            plain.body, plain.content_subtype = content, media_type.removeprefix("text/")
        else:
            plain.attach_alternative(content, content_type)
    return plain


def _makes_own_mime(class_: type) -> bool:
    """Return whether a class, or one that it inherits from, makes MIME in another way than Django's do."""
    return any(
        name == "message" or name.startswith(_MAKES_PARTS)
        for base in class_.__mro__
        if base.__module__ != _DJANGOS_OWN
        for name in vars(base)
    )


def _composed(message: EmailMessage) -> tuple[MIME, MIME]:
    """Return the MIME of a message, for its headers, and as it is read again, for its parts.

    A class may make it by any of Python's classes, of which the newer write long URIs as encoded words.
    """
    try:
        mime = cast("MIME", message.message())
        return mime, email.message_from_bytes(mime.as_bytes())
    except ValueError as error:
        path = "$.headers"
        reason = f"message() of {type(message).__name__} raises {type(error).__name__}; see its cause"
        raise BadHeader(path, reason) from error


def _bodies(part: MIME, attachments: list[Any], owner: str) -> list[tuple[str | bytes, str]]:
    """Return the bodies in a part with their types, and add what else it has to `attachments`."""
    kind = part.get_content_type()
    if not part.is_multipart():
        content = _text(part)
        # a job's texts are in UTF-8
        part.del_param("charset")
        return [(content, unfolded(part["Content-Type"] or kind))]
    inner = cast("list[MIME]", part.get_payload())
    if kind == "multipart/alternative":
        return [body for each in inner for body in _bodies(each, attachments, owner)]
    if kind not in {"multipart/mixed", "multipart/related"}:
        path = "$"
        reason = (
            f"message() of {owner} makes {kind}, which has to be sent as it is, and the sender composes the "
            "mail of a job: send this message by another backend, with using= (before Django 6.1 connection=)"
        )
        raise UnsupportedFeature(path, "message()", reason)
    first = [] if not inner or _is_file(inner[0]) else _bodies(inner[0], attachments, owner)
    attachments += inner if not first else inner[1:]
    return first


def _is_file(part: MIME) -> bool:
    is_text = part.get_content_maintype() in {"text", "multipart"}
    return not is_text or part.get_content_disposition() == "attachment" or part.get_filename() is not None


def _text(part: MIME) -> str | bytes:
    """Return the text of a part; bytes that are none are refused where the job's bodies are read."""
    content = cast("bytes", part.get_payload(decode=True))
    try:
        return content.decode(part.get_content_charset() or "utf-8")
    except (LookupError, UnicodeDecodeError):
        return content
