"""Mail that the simulated SES accepted, read by the standard library."""

from __future__ import annotations

from email import message_from_string, policy
from email.message import EmailMessage
from typing import Any, Literal


def mail_of(sent: dict[str, Any]) -> EmailMessage:
    mail = message_from_string(sent["raw"], policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def part_of(mail: EmailMessage, content_type: str) -> EmailMessage:
    """Return the only part of a content type."""
    [part] = [part for part in mail.walk() if part.get_content_type() == content_type]
    assert isinstance(part, EmailMessage)
    return part


def body_of(mail: EmailMessage, kind: Literal["plain", "html"] = "plain") -> str:
    body = mail.get_body((kind,))
    assert body is not None
    content: str = body.get_content()
    return content
