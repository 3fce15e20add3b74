"""The mails that are received, and what on the topic of received mail is no mail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from bench.chaos.notifications import Notification

if TYPE_CHECKING:
    import random

#: The addresses of the three actions that receive: S3, and SNS in both encodings.
ADDRESSES: Final = (
    "support@inbound.example.com",
    "support+sales@inbound.example.net",
    "notes@inbound.example.com",
    "encoded@inbound.example.com",
)
POISON: Final = (
    ("no JSON either", "InvalidNotification"),
    ('{"mail": {}}', "InvalidNotification"),
    ('{"eventType": "Delivery", "mail": {"messageId": "m"}, "delivery": {}}', "WiringError"),
)


class ReceivedMail(msgspec.Struct, frozen=True, kw_only=True):
    """A mail as its sender's server delivers it."""

    recipient: str
    sender: str
    raw: bytes


def draw(chance: random.Random, count: int, mark: str) -> list[ReceivedMail]:
    """Return so many mails."""
    return [_mail(chance, number, mark) for number in range(count)]


def poison() -> list[Notification]:
    """Return what is no notification of received mail."""
    return [Notification(text=text, code=code) for text, code in POISON]


def _mail(chance: random.Random, number: int, mark: str) -> ReceivedMail:
    sender = f"customer-{number}@example.org"
    recipient = chance.choice(ADDRESSES)
    head = (
        f"From: Customer {number} <{sender}>\r\nTo: {recipient}\r\nSubject: Question {number}\r\n"
        f"Message-ID: <{mark}-{number}@example.org>\r\nMIME-Version: 1.0\r\n"
    )
    return ReceivedMail(recipient=recipient, sender=sender, raw=chance.choice(_SHAPES)(head, number))


def _plain(head: str, number: int) -> bytes:
    return f"{head}\r\nWhere is my order {number}?\r\n".encode()


def _latin(head: str, number: int) -> bytes:
    body = f"Wo ist die Bestellung {number}? Schöne Grüße\r\n"
    return f"{head}Content-Type: text/plain; charset=iso-8859-1\r\n\r\n{body}".encode("latin-1")


def _answer(head: str, number: int) -> bytes:
    quote = "On Mon, 30 Nov 2026 at 10:00, Shop <shop@example.com> wrote:\r\n> It is on its way.\r\n"
    return f"{head}In-Reply-To: <order-{number}@example.com>\r\n\r\nThank you.\r\n\r\n{quote}".encode()


def _with_file(head: str, number: int) -> bytes:
    return (
        f"{head}Content-Type: multipart/mixed; boundary=part\r\n\r\n--part\r\n"
        f"Content-Type: text/plain\r\n\r\nThe bill of order {number}.\r\n--part\r\n"
        "Content-Type: application/pdf; name=bill.pdf\r\n"
        "Content-Disposition: attachment; filename=bill.pdf\r\n"
        f"Content-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjcK\r\n--part--\r\n"
    ).encode()


def _damaged(head: str, number: int) -> bytes:
    """Without its end, and with a charset that does not exist."""
    return (
        f"{head}Content-Type: multipart/mixed; boundary=part\r\n\r\n--part\r\n"
        f"Content-Type: text/plain; charset=x-none\r\n\r\nOrder {number} \xff\r\n"
    ).encode("latin-1")


_SHAPES: Final = (_plain, _plain, _latin, _answer, _with_file, _damaged)
