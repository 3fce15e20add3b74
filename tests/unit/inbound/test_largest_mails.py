"""The largest mail that SES takes in is received in a function of 512 MB, whatever is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.support import fresh_process, mails

if TYPE_CHECKING:
    from pathlib import Path

FUNCTION_BYTES = 512 * 1024 * 1024
# what the other modules and the runtime of Lambda take, and clients of AWS under load
REST_BYTES = 120 * 1024 * 1024
# a function of 512 MB has less than a third of a processor
SECONDS = 20.0

TEXT = (
    b"From: ada@example.org\r\nContent-Type: text/plain; charset=%b\r\nContent-Transfer-Encoding: %b\r\n\r\n"
)


def filled(head: bytes, filler: bytes) -> bytes:
    return head + filler * ((mails.LARGEST - len(head)) // len(filler))


LARGEST = {
    "one attachment": lambda: mails.mail(mails.LARGEST, [1.0]),
    "20 attachments": lambda: mails.mail(mails.LARGEST, [0.05] * 20),
    "1,900 attachments": lambda: mails.mail(mails.LARGEST, [1 / 1900] * 1900),
    "a text in which one character makes each take four bytes": lambda: filled(
        TEXT % (b"utf-8", b"8bit") + "😀".encode(), b"abc\r\n"
    ),
    "a text that is three times as long in UTF-8": lambda: filled(
        TEXT % (b"windows-1252", b"8bit"), b"\x80\x80\x80\r\n"
    ),
    "a text of which nothing can be decoded": lambda: filled(TEXT % (b"utf-8", b"8bit"), b"\xff"),
    "a text of which only the first character can be decoded": lambda: filled(
        TEXT % (b"utf-8", b"8bit") + "😀".encode(), b"\xff"
    ),
    "a text that is all soft line breaks": lambda: filled(
        TEXT % (b"utf-8", b"quoted-printable"), b"abcdef= \r\n"
    ),
}


@pytest.mark.parametrize("mail", LARGEST)
def test_a_mail_of_40_mb_is_received_within_512_mb(mail: str, tmp_path: Path) -> None:
    raw = LARGEST[mail]()
    assert len(raw) > 0.95 * mails.LARGEST
    path = tmp_path / "mail.eml"
    path.write_bytes(raw)
    cost = fresh_process.run("bench.workers.receiving_mailbus", str(path))
    assert cost.peak_bytes - cost.before_bytes < FUNCTION_BYTES - REST_BYTES
    assert cost.seconds < SECONDS
