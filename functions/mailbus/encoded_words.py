"""Decodes and writes RFC 2047 encoded words, such as `=?utf-8?q?J=C3=BCrgen?=`."""

from __future__ import annotations

import base64
import binascii
import re
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Final

# RFC 2047, 2: an encoded word has at most 75 characters
ENCODED_WORD: Final = 75
# RFC 2047, 5 (3): the characters that need no escape in a Q-encoded word, wherever it is used
_Q_PLAIN: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
_PATTERN: Final = r"=\?([^?\s]+)\?([bBqQ])\?([^?\s]*)\?="
_WORD: Final = re.compile(_PATTERN)
# blanks between two words are not part of the text: https://www.rfc-editor.org/rfc/rfc2047#section-6.2
_WORDS: Final = re.compile(rf"{_PATTERN}(?:\s*{_PATTERN})*")


def is_encoded_word(text: str) -> bool:
    """Return whether a mail client may take part of `text` for an RFC 2047 encoded word.

    Some do so with blanks in it, or without a charset.
    """
    _, begin, rest = text.partition("=?")
    return bool(begin) and "?=" in rest


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


def encoded_words(text: str, *, room: int) -> Iterator[str]:
    """Split a text between characters into RFC 2047 encoded words; the first fits into `room` if possible."""
    frame = len("=?utf-8?q??=")
    encode = _q if len(_q(text)) <= len(text.encode()) * 4 / 3 else _b
    chunk, available = "", max(room, frame + 12) - frame
    if len(encode(text)) <= available:
        # as most are, and the loop would encode them again for each of their characters
        yield _encoded_word(encode, text)
        return
    for character in text:
        if chunk and len(encode(chunk + character)) > available:
            yield _encoded_word(encode, chunk)
            chunk, available = "", ENCODED_WORD - frame
        chunk += character
    yield _encoded_word(encode, chunk)


def _encoded_word(encode: Callable[[str], str], chunk: str) -> str:
    return f"=?utf-8?q?{_q(chunk)}?=" if encode is _q else b_word(chunk)


def b_word(chunk: str) -> str:
    """Return one encoded word in base64."""
    return f"=?utf-8?b?{_b(chunk)}?="


def _q(text: str) -> str:
    return "".join(
        chr(byte) if byte in _Q_PLAIN else "_" if byte == ord(" ") else f"={byte:02X}"
        for byte in text.encode()
    )


def _b(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")
