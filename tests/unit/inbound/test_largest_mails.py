"""The largest mail that SES accepts is received in a function of 512 MB, whatever its content is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.support import fresh_process, mails

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FUNCTION_BYTES = 512 * 1024 * 1024
# What Lambda's runtime, other modules, and AWS clients under load take.
REST_BYTES = 120 * 1024 * 1024
# A function of 512 MB has less than a third of a processor.
SECONDS = 20.0

TEXT = (
    b"From: ada@example.org\r\nContent-Type: text/plain; charset=%b\r\nContent-Transfer-Encoding: %b\r\n\r\n"
)


def filled(size: int, head: bytes, filler: bytes) -> bytes:
    return head + filler * ((size - len(head)) // len(filler))


MAILS = {
    "one attachment": lambda size: mails.mail(size, [1.0]),
    "20 attachments": lambda size: mails.mail(size, [0.05] * 20),
    "1,900 attachments": lambda size: mails.mail(size, [1 / 1900] * 1900),
    "a text in which one character makes each take four bytes": lambda size: filled(
        size, TEXT % (b"utf-8", b"8bit") + "😀".encode(), b"abc\r\n"
    ),
    "a text that is three times as long in UTF-8": lambda size: filled(
        size, TEXT % (b"windows-1252", b"8bit"), b"\x80\x80\x80\r\n"
    ),
    "a text of which nothing can be decoded": lambda size: filled(size, TEXT % (b"utf-8", b"8bit"), b"\xff"),
    "a text of which only the first character can be decoded": lambda size: filled(
        size, TEXT % (b"utf-8", b"8bit") + "😀".encode(), b"\xff"
    ),
    "a text that is all soft line breaks": lambda size: filled(
        size, TEXT % (b"utf-8", b"quoted-printable"), b"abcdef= \r\n"
    ),
}
LARGEST_IN_MEMORY = "a text of which only the first character can be decoded"


@pytest.mark.parametrize("mail", [mail for mail in MAILS if mail != LARGEST_IN_MEMORY])
def test_a_mail_takes_a_share_of_the_memory_as_large_as_its_share_of_the_largest_mail(
    mail: str, tmp_path: Path
) -> None:
    share = 4
    cost = received(MAILS[mail], mails.LARGEST // share, tmp_path)
    assert cost.peak_bytes - cost.before_bytes < (FUNCTION_BYTES - REST_BYTES) // share
    assert cost.seconds < SECONDS / share


def test_the_mail_of_40_mb_that_takes_most_memory_is_received_within_512_mb(tmp_path: Path) -> None:
    cost = received(MAILS[LARGEST_IN_MEMORY], mails.LARGEST, tmp_path)
    assert cost.peak_bytes - cost.before_bytes < FUNCTION_BYTES - REST_BYTES
    assert cost.seconds < SECONDS


def received(mail: Callable[[int], bytes], size: int, folder: Path) -> fresh_process.Cost:
    raw = mail(size)
    assert len(raw) > 0.95 * size
    path = folder / "mail.eml"
    path.write_bytes(raw)
    return fresh_process.run("bench.workers.receiving_mailbus", str(path))
