"""Decodes RFC 2047 encoded words, such as `=?utf-8?q?J=C3=BCrgen?=`."""

from __future__ import annotations

import binascii
import re
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Final

_PATTERN: Final = r"=\?([^?\s]+)\?([bBqQ])\?([^?\s]*)\?="
_WORD: Final = re.compile(_PATTERN)
# blanks between two words are not part of the text: https://www.rfc-editor.org/rfc/rfc2047#section-6.2
_WORDS: Final = re.compile(rf"{_PATTERN}(?:\s*{_PATTERN})*")


def is_encoded_word(text: str) -> bool:
    """Return whether a mail client would take part of `text` for an RFC 2047 encoded word."""
    return _WORD.search(text) is not None


def decode_words(text: str) -> str:
    """Return a text with its encoded words decoded; those that cannot be decoded stay as they are."""
    if "=?" not in text:
        return text
    decoded = _WORDS.sub(_decoded, text)
    try:
        # UTF-7 can encode half a surrogate pair, which no mail can carry
        decoded.encode()
    except UnicodeEncodeError:
        return text
    return decoded


def _decoded(words: re.Match[str]) -> str:
    parts = (_part(*match.groups()) for match in _WORD.finditer(words[0]))
    try:
        # some libraries split a character between two words
        return "".join(
            b"".join(data for _, data in part).decode(charset)
            for charset, part in groupby(parts, key=lambda one: one[0])
        )
    except (LookupError, ValueError):
        return words[0]


def _part(charset: str, encoding: str, payload: str) -> tuple[str, bytes]:
    """Return the charset of a word, without the language of RFC 2231, and its bytes."""
    if encoding in "qQ":
        data = binascii.a2b_qp(payload, header=True)
    else:
        data = binascii.a2b_base64(payload + "=" * (-len(payload) % 4))
    return charset.partition("*")[0].lower(), data
