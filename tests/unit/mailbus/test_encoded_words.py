from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbus.encoded_words import decode_words, is_encoded_word

DECODED = [
    ("", ""),
    ("Hello", "Hello"),
    ("=?UTF-8?B?R3LDvG4=?=", "Grün"),
    ("=?utf-8?q?J=C3=BCrgen_M=2E?=", "Jürgen M."),
    ("=?iso-8859-1?Q?J=FCrgen?=", "Jürgen"),
    ("=?utf-8*de?q?J=C3=BCrgen?=", "Jürgen"),
    ("=?utf-8?b?R3LDvG4?=", "Grün"),
    ("Re: =?utf-8?q?J=C3=BCrgen?=  is here", "Re: Jürgen  is here"),
    ("=?utf-8?q?Gr=C3=BC=C3=9Fe?= \t =?utf-8?q?_aus_K=C3=B6ln?=", "Grüße aus Köln"),
    ("=?utf-8?q?Gr=C3?= =?utf-8?q?=BCn?=", "Grün"),
    ("=?utf-8?q?a?= =?iso-8859-1?q?=E4?=", "aä"),
    ("Grüße =?utf-8?q?J=C3=BCrgen?=", "Grüße Jürgen"),
    ("a \\u0041 =?utf-8?q?b?=", "a \\u0041 b"),
]
UNCHANGED = [
    "=?x-nonsense?q?J=FCrgen?=",
    "=?utf-8?q?J=FCrgen?=",
    "=?utf-8?b?R?=",
    "=?utf-8?x?abc?=",
    "=?hex?q?61?=",
    "=?utf-8?q?Jürgen?=",
    "=?utf-7?q?+2AA-?=",
    "what =? that ?=",
]


@pytest.mark.parametrize(("text", "decoded"), DECODED)
def test_encoded_words_are_decoded_in_their_text(text: str, decoded: str) -> None:
    assert decode_words(text) == decoded


@pytest.mark.parametrize("text", UNCHANGED)
def test_what_cannot_be_decoded_stays_as_it_is(text: str) -> None:
    assert decode_words(text) == text


@given(st.text() | st.text("=?utf-8qQbB_ AZ", max_size=40))
def test_any_text_is_decoded_or_kept(text: str) -> None:
    decoded = decode_words(text)
    decoded.encode()
    assert is_encoded_word(text) or decoded == text
