from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbus_cli.printable import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("  550 5.1.1\r\n\tuser unknown ", "550 5.1.1 user unknown"),
        ("\x1b]0;title\x07", "<U+001B>]0;title<U+0007>"),
        ("exe.\u202efdp", "exe.<U+202E>fdp"),
        ("jürgen@example.net 👩‍🚒 שלום", "jürgen@example.net 👩‍🚒 שלום"),
        ("", ""),
    ],
)
def test_a_text_is_shown_on_one_line_with_nothing_hidden(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text())
def test_no_control_character_is_left(text: str) -> None:
    assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in printable(text))
