"""Mails to look at, well-formed and hostile."""

from __future__ import annotations

import base64
from typing import Final

PNG: Final = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
HEADER: Final = b"From: Fern & Field <billing@example.com>\r\nTo: jane@example.net\r\nMIME-Version: 1.0\r\n"


def html_mail(html: str, *, subject: str = "Your invoice", more: bytes = b"") -> bytes:
    """Return a mail with a text and an HTML body."""
    return (
        HEADER
        + f"Subject: {subject}\r\n".encode()
        + more
        + b"Content-Type: multipart/alternative; boundary=b\r\n\r\n"
        + b"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHello Jane\r\n"
        + b"--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
        + html.encode()
        + b"\r\n--b--\r\n"
    )


def with_picture(html: str) -> bytes:
    """Return a mail of HTML with an inline picture `logo`, and an attachment whose name deceives."""
    return (
        HEADER
        + b"Subject: Picture\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\n"
        + b"Content-Type: multipart/related; boundary=r\r\n\r\n--r\r\n"
        + b"Content-Type: text/html; charset=utf-8\r\n\r\n"
        + html.encode()
        + b"\r\n--r\r\nContent-Type: image/png\r\nContent-ID: <logo>\r\nContent-Disposition: inline\r\n"
        + b"Content-Transfer-Encoding: base64\r\n\r\n"
        + base64.b64encode(PNG)
        + b"\r\n--r--\r\n--m\r\nContent-Type: application/octet-stream\r\n"
        + b"Content-Disposition: attachment; filename*=UTF-8''details%E2%80%AEfdp.exe\r\n\r\nMZ\r\n--m--\r\n"
    )
