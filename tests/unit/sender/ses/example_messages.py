"""Builds the MIME messages of jobs, and parses them."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any

from sender.ses.mime import build_message

if TYPE_CHECKING:
    from mailbus.jobs.job import Job


def message_bytes(job: Job, *, metadata_in_headers: bool = True) -> bytes:
    """Return the message; fail if a line is not one that every mail server accepts."""
    raw = build_message(job, metadata_in_headers=metadata_in_headers)
    raw.decode("ascii")
    for line in raw.split(b"\r\n"):
        assert len(line) <= 998
        assert b"\r" not in line
        assert b"\n" not in line
    return raw


def parsed(job: Job) -> EmailMessage:
    """Return the message as the standard library reads it; fail if it finds a defect."""
    message = message_from_bytes(message_bytes(job), policy=policy.default)
    assert isinstance(message, EmailMessage)
    assert not [part.defects for part in message.walk() if part.defects]
    return message


def structure(message: EmailMessage) -> Any:
    """Return the content type, and for a multipart also those of its parts."""
    content_type = message.get_content_type()
    if not message.is_multipart():
        return content_type
    parts = [part for part in message.iter_parts() if isinstance(part, EmailMessage)]
    return {content_type: [structure(part) for part in parts]}


def body(message: EmailMessage, subtype: str) -> str:
    """Return the text of the body of a subtype, with its line ends as LF."""
    part = message.get_body((subtype,))
    assert part is not None
    content = part.get_content()
    assert isinstance(content, str)
    return content.replace("\r\n", "\n")
