"""Mails of several parts, as tests write them, and how they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inbound.mime import ParsedMail


def multipart(kind: str, *parts: str) -> bytes:
    inside = "".join(f"\n--b\n{part}" for part in parts)
    return f'From: a@example.org\nContent-Type: multipart/{kind}; boundary="b"\n{inside}\n--b--\n'.encode()


def shown(mail: ParsedMail) -> tuple[bytes | None, bytes | None, list[str], list[str]]:
    """Text, html, and the content types of attachments and inlines."""
    attachments = [part.content_type for part in mail.parts if part.start not in mail.inlines]
    inlines = [part.content_type for part in mail.parts if part.start in mail.inlines]
    return mail.text, mail.html, attachments, inlines


PLAIN = "Content-Type: text/plain\n\nhello"


HTML = "Content-Type: text/html\n\n<p>hello"


FILED = "Content-Disposition: attachment\n"
