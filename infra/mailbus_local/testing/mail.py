"""Mail as the simulated SES accepted it, parsed for assertions."""

from __future__ import annotations

import email
import email.policy
import json
from email.message import EmailMessage
from email.utils import getaddresses
from typing import TYPE_CHECKING, Any

import msgspec

from mailbus.events import JOB_ID_TAG

if TYPE_CHECKING:
    from collections.abc import Mapping


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """An attachment, or an inline part with a `content_id`."""

    filename: str | None
    content_type: str
    content: bytes
    content_id: str | None
    inline: bool


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """A mail that SES accepted.

    `recipients` are the bare addresses of the envelope, blind copies included; `to`, `cc` and `reply_to` are
    those of the headers. `headers` has the last value of each field, `message` all of them.
    """

    message_id: str
    job_id: str | None
    from_email: str
    recipients: tuple[str, ...]
    to: tuple[str, ...]
    cc: tuple[str, ...]
    reply_to: tuple[str, ...]
    subject: str
    text: str | None
    html: str | None
    headers: dict[str, str]
    attachments: tuple[Attachment, ...]
    metadata: dict[str, Any]
    tags: tuple[str, ...]
    message_tags: dict[str, str]
    message: EmailMessage
    raw: bytes


def to_mail(accepted: Mapping[str, Any]) -> Mail:
    """Return a message of the simulator's control API as a mail."""
    raw = accepted["raw"].encode()
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)  # noqa: S101 - what the policy makes
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    tags: dict[str, str] = accepted["tags"]
    return Mail(
        message_id=accepted["message_id"],
        job_id=tags.get(JOB_ID_TAG),
        from_email=str(message["From"] or accepted["from"]),
        recipients=tuple(_bare(accepted["recipients"])),
        to=tuple(_bare(message.get_all("To", []))),
        cc=tuple(_bare(message.get_all("Cc", []))),
        reply_to=tuple(_bare(message.get_all("Reply-To", []))),
        subject=str(message["Subject"] or ""),
        text=None if text is None else str(text.get_content()),
        html=None if html is None else str(html.get_content()),
        headers={name: str(value) for name, value in message.items()},
        attachments=tuple(_attachment(part) for part in message.walk() if _is_attached(part, text, html)),
        metadata=json.loads(str(message["X-Metadata"] or "{}")),
        tags=tuple(str(tag) for tag in message.get_all("X-Tag", [])),
        message_tags=tags,
        message=message,
        raw=raw,
    )


def _bare(addresses: list[Any]) -> list[str]:
    return [address for _, address in getaddresses([str(each) for each in addresses])]


def _is_attached(part: object, *bodies: object) -> bool:
    return (
        isinstance(part, EmailMessage)
        and not part.is_multipart()
        and not any(part is body for body in bodies)
        and (part.get_filename() is not None or part.get_content_disposition() is not None)
    )


def _attachment(part: Any) -> Attachment:
    content_id = part["Content-ID"]
    return Attachment(
        filename=part.get_filename(),
        content_type=part.get_content_type(),
        content=part.get_payload(decode=True),
        content_id=None if content_id is None else str(content_id).strip("<> "),
        inline=part.get_content_disposition() == "inline",
    )
