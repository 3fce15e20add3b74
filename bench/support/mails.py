"""Mail of a given size, up to the largest that SES receives."""

from __future__ import annotations

import base64
import random
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# https://docs.aws.amazon.com/ses/latest/dg/quotas.html
LARGEST: Final = 40_000_000
BOUNDARY: Final = "=_0f7a2c9d51e84b36"
# the share of the mail that each attachment takes
LARGE_AND_SMALL: Final = (*([0.02] * 20), 0.6)
ONE: Final = (1.0,)
EQUAL: Final = (0.05,) * 20
LONGEST_TEXT: Final = 20_000
PART_HEADER: Final = 200
# a line of base64 with its CRLF, and the bytes that it encodes
LINE, LINE_CONTENT = 78, 57
PARAGRAPH: Final = "Grüße aus Köln, die Rechnung über 48,20 € liegt bei; bitte bis Freitag prüfen.\r\n"

HEADER: Final = (
    "Return-Path: <jane@example.net>\r\n"
    "Received: from mail.example.net (mail.example.net [192.0.2.10])\r\n"
    " by inbound-smtp.eu-west-1.amazonaws.com with SMTP id 4s8m1b2c3d for support@inbound.example.com;\r\n"
    " Sun, 22 Nov 2026 10:00:00 +0000 (UTC)\r\n"
    "From: =?utf-8?q?J=C3=A4ne_Doe?= <jane@example.net>\r\n"
    "To: Support <support@inbound.example.com>, billing@inbound.example.com\r\n"
    "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe_aus_K=C3=B6ln?=\r\n =?utf-8?q?_und_die_Rechnung?=\r\n"
    "Date: Sun, 22 Nov 2026 09:59:58 +0100\r\n"
    "Message-ID: <20261122095958.4711@mail.example.net>\r\n"
    "MIME-Version: 1.0\r\n"
)


def mail(size: int, shares: Sequence[float] = LARGE_AND_SMALL) -> bytes:
    """Return a mail of about `size` bytes: only a text up to 4 kB, otherwise with attachments.

    `shares` are those of the attachments. The same arguments always return the same bytes.
    """
    return b"".join(_pieces(size, shares))


def _pieces(size: int, shares: Sequence[float]) -> Iterator[bytes]:
    yield HEADER.encode()
    if size <= 4_000:  # noqa: PLR2004 - a note
        yield b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        yield _text(size - len(HEADER) - 80)
        return
    yield f'Content-Type: multipart/mixed; boundary="{BOUNDARY}"\r\n\r\n'.encode()
    yield f"--{BOUNDARY}\r\nContent-Type: text/plain; charset=utf-8\r\n".encode()
    yield b"Content-Transfer-Encoding: 8bit\r\n\r\n"
    text = _text(min(LONGEST_TEXT, size // 5))
    yield text
    chance = random.Random(size)  # noqa: S311 - content, no secret
    left = (size - len(HEADER) - len(text) - PART_HEADER * len(shares)) * LINE_CONTENT // LINE
    for number, share in enumerate(shares, start=1):
        yield _attachment(number, chance.randbytes(int(left * share)))
    yield f"\r\n--{BOUNDARY}--\r\n".encode()


def _text(size: int) -> bytes:
    return (PARAGRAPH * (size // len(PARAGRAPH.encode()) + 1)).encode()


def _attachment(number: int, content: bytes) -> bytes:
    header = (
        f"\r\n--{BOUNDARY}\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n"
        f"Content-Disposition: attachment;\r\n filename*=utf-8''Rechnung%20f%C3%BCr%20{number}.pdf\r\n\r\n"
    )
    return header.encode() + base64.encodebytes(content).replace(b"\n", b"\r\n")
