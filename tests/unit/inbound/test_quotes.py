"""Where a quote begins in the lines of a text."""

from __future__ import annotations

import time

import pytest

from inbound import quotes, replies
from inbound.quotes import Quote

SHOP = "Shop <shop@example.com>"
WROTE = f"On Mon, 2 Nov 2026 at 10:00, {SHOP} wrote:"


@pytest.mark.parametrize(
    ("text", "start", "stop"),
    [
        (f"Yes.\n\n{WROTE}\n> a", 2, 3),
        (f"Yes.\n{WROTE}\n> a", 1, 2),
        (WROTE, 0, 1),
        (f"Yes.\n\n> {WROTE}\n> > a", 2, 3),
        ("Yes.\n\nOn Mon, 2 Nov 2026 at 10:00, The Shop <\nshop@example.com> wrote:\n> a", 2, 4),
        ("Yes.\n\nOn Mon, 2 Nov 2026\nat 10:00, The Shop\n<shop@example.com> wrote:\n> a", 2, 5),
        (f"Yes.\n\nFirst\n{WROTE}\n> a\n\n{WROTE}\n> b", 3, 4),
        ("Yes.\n\nShop <shop@example.com> 于\n2026年11月2日周一 10:00写道:\n> a", 2, 4),
        ("Yes.\n\nOn Mon, 2 Nov 2026 at 10:00, The Shop <shop@example.com\n> wrote:\n> a", 2, 4),
        ("Yes.\n\nAm 02.11.2026 10:00 schrieb Shop <shop@example.com\n>:\n> a", 2, 4),
        ("Yes.\n\nOn Mon, 2 Nov 2026 at 10:00, The Shop\n<shop@example.com>wrote:\n> a", 2, 4),
        ("Yes.\n\n2026年11月2日(月) 10:00 The Shop\n<shop@example.com>:\n> a", 2, 4),
        ("Yes.\n\nThe Shop <\nshop@example.com> 于2026年11月2日周一 10:00写道:\n> a", 2, 4),
    ],
)
def test_a_line_that_introduces_a_quote_is_found_with_those_that_it_is_wrapped_into(
    text: str, start: int, stop: int
) -> None:
    assert quotes.find(text.split("\n")) == Quote(start=start, stop=stop, has_headers=False)


@pytest.mark.parametrize(
    "text",
    [
        "On Monday I wrote:\n> it works",
        "On page 3 you wrote:\n> it works",
        "The manual wrote:\n> it works",
        "On Mon, 2 Nov 2026 at 10:00,\n\nShop wrote:\n> a",
        "On Mon, 2 Nov 2026 at 10:00,\n> Shop wrote:\n> a",
        "On\nMon, 2 Nov 2026\nat 10:00, Shop\n<shop@example.com> wrote:",
        "On Mon, 2 Nov 2026 wrote",
        f"{WROTE} no, it was me",
        "On it.\nAt 11/2/2026 10:00, you wrote:\n> a",
        "Am Ball.\nLaut Mail vom 2.11.2026 schrieb Ada:\n> a",
        "A: yes\nQ: and this?\nA: no",
        "Meeting 2026 with:\n> a",
        "Order 4711 of 02.11.2026, write to shop@example.com:\n> a",
        "The reason of <shop@example.com>:\n> a",
        "Yes.\n\n12:30 is fine\nShop <shop@example.com>:\n> a",
        # the line above may be the sender's own, or the begin of the name
        "Thanks\nShop <shop@example.com> 于2026年11月2日周一 10:00写道:\n> a",
        "Thanks\nShop kirjoitti 2.11.2026 klo 10.00:\n> a",
        f"On {'x' * quotes.INTRODUCTION_CHARACTERS} 2026, Shop wrote:",
        "From: Shop",
        "From: Shop\nhello\nTo: Ada",
        "From: Shop\n\n\nTo: Ada",
        "From: Shop\nGesendet: Montag",
        "-----Wichtige Sache-----",
        "-----BEGIN PGP MESSAGE-----",
        "-----",
        "________________________________",
        "",
    ],
)
def test_other_lines_introduce_nothing(text: str) -> None:
    assert quotes.find(text.split("\n")) is None


@pytest.mark.parametrize(
    ("text", "start", "stop"),
    [
        ("Yes.\n\nFrom: Shop\nSent: Monday", 2, 2),
        ("Yes.\n\n*Von:* Shop\n*An:* Ada", 2, 2),
        ("Hi,\nTo: me\n\nDate: Monday", 1, 1),
        ("Yes.\n-----Original Message-----\nFrom: Shop", 1, 2),
        ("Yes.\n------------------ 原始邮件 ------------------\n", 1, 2),
    ],
)
def test_two_headers_of_one_language_or_the_words_above_them_are_found(
    text: str, start: int, stop: int
) -> None:
    assert quotes.find(text.split("\n")) == Quote(start=start, stop=stop, has_headers=True)


def test_headers_are_complete_or_not_read() -> None:
    lines = ["From: Shop", "Cc: Bob", "Sent: Monday", "To: Ada", "Subject:  the order: 17 ", "", "text"]
    found = quotes.headers(lines, 0)
    assert found == quotes.Headers(author="Shop", subject="the order: 17")
    assert quotes.headers(["text", *lines], 1) == found
    assert quotes.headers(lines, 1) is None
    assert quotes.headers([*lines[:5], "Subject: again"], 0) is None
    assert quotes.headers([*lines[:5], "text"], 0) is None
    assert quotes.forwards(["a", "", *lines])
    assert not quotes.forwards(["a", "", *lines[:4]])


SLOW = [
    *("On ", "On a wrote: ", "On 2026 a wrote:", "Am 1 schrieb ", "Am schrieb : ", "Den 2026 skrev : "),
    *("Il x ha scritto ", "Le a écrit a ", "From: ", "From: a\n", "From: a\nSent: b\n", "From:\n\n", "> "),
    *("* ", ">", "\n", " \n", "_", "-", "---a", "2026年1月2日(月) 10:00 <a> ", "--forward", "2026:\n"),
    *("1.1:\n", "2026 <a@b>:\n", "a 于 2026 写道", "a a a ", "2 2 2 ", "\ufdfa", "a\u0300", "\u200b"),
    *("a:\n", ":\n", "\N{FULLWIDTH COLON}\n", "\N{FULLWIDTH DIGIT TWO}2:22:\n"),
]


@pytest.mark.parametrize("piece", SLOW)
@pytest.mark.parametrize("width", [None, 390, 150])
@pytest.mark.parametrize("is_threaded", [True, False])
def test_hostile_text_takes_less_than_a_second(piece: str, width: int | None, is_threaded: bool) -> None:  # noqa: FBT001 - pytest's
    line = piece * (replies.TEXT_BYTES // len(piece) if width is None else width // len(piece))
    text = (line if width is None else f"{line}:\n" * 1000).encode()[: replies.TEXT_BYTES]
    start = time.process_time()
    replies.stripped(text, subject=None, is_threaded=is_threaded, addressed=["a@example.org"])
    assert time.process_time() - start < 1
