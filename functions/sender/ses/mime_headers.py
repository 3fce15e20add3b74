"""Writes header fields in 7 bits, folded so that unfolding returns the original value.

The standard library's generator is not used for headers: it turns long words, such as the URL in
List-Unsubscribe, into encoded words that no reader of that header decodes
(https://github.com/python/cpython/issues/85725), and folds inside structured values.
"""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from mailbus.addresses import is_encoded_word

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import Final

    from mailbus.events import Mailbox, MetadataValue

LINE: Final = 76
# RFC 5322, 2.1.1: without the CRLF
LINE_LIMIT: Final = 998
# RFC 2047, 2: an encoded word has at most 75 characters
ENCODED_WORD: Final = 75
WORD_LIMIT: Final = 900
PLAIN_NAME_LIMIT: Final = 200
# After the longest field name. Some readers put a space between the encoded words of a name
# (https://github.com/python/cpython/issues/128110), so a name is one word if it fits.
NAME_ROOM: Final = LINE - len("Reply-To: ")

_WORDS: Final = re.compile(r" *[^ ]+")
_PRINTABLE: Final = re.compile(r"[!-~]*")
_ATOMS: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_QUOTABLE: Final = re.compile(r"[!-~]+(?: [!-~]+)*")
_PLAIN_FILENAME: Final = re.compile(r"[A-Za-z0-9!#$&+.^_`{}~()@,='-]+(?: [A-Za-z0-9!#$&+.^_`{}~()@,='-]+)*")
# RFC 2047, 5 (3): the characters that need no escape in a Q-encoded word, wherever it is used
_Q_PLAIN: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")


def field(name: str, words: Iterable[str]) -> str:
    """Return a folded field without a final CRLF; it is folded only before words that start with a space."""
    lines = [f"{name}:"]
    for index, word in enumerate(words):
        piece = word if index else f" {word}"
        if index and word.startswith(" ") and len(lines[-1]) + len(piece) > LINE:
            lines.append(piece)
        else:
            lines[-1] += piece
    return "\r\n".join(lines)


def unstructured(name: str, value: str) -> str:
    """Return a field of free text; words that are not printable ASCII are encoded, with all between them."""
    return field(name, free_text(value, room=LINE - len(name) - 2))


def free_text(value: str, *, room: int = ENCODED_WORD) -> list[str]:
    """Return free text as words with their leading spaces; an encoded first word fits into `room`."""
    words: list[str] = _WORDS.findall(value.strip(" \t"))
    encode = [index for index, word in enumerate(words) if _needs_encoding(word.lstrip(" "))]
    if not encode:
        return words
    start, end = encode[0], encode[-1] + 1
    span = "".join(words[start:end])
    text = span.lstrip(" ")
    encoded = list(encoded_words(text, room=room if start == 0 else ENCODED_WORD))
    encoded = [span[: len(span) - len(text)] + encoded[0], *(f" {word}" for word in encoded[1:])]
    return [*words[:start], *encoded, *words[end:]]


def address_list(name: str, mailboxes: Sequence[Mailbox]) -> str:
    """Return a field with a list of mailboxes."""
    words: list[str] = []
    for index, mailbox in enumerate(mailboxes):
        comma = "," if index < len(mailboxes) - 1 else ""
        own = [*phrase(mailbox.name), f"<{mailbox.address}>"] if mailbox.name else [mailbox.address]
        own[-1] += comma
        words += [f" {word}" for word in own]
    words[0] = words[0].lstrip(" ")
    return field(name, words)


def mailbox_text(mailbox: Mailbox) -> str:
    """Return one mailbox on one line, for a parameter of SES."""
    return " ".join([*phrase(mailbox.name), f"<{mailbox.address}>"]) if mailbox.name else mailbox.address


def phrase(name: str) -> list[str]:
    """Return a display name as words between which the field can be folded."""
    if len(name) <= PLAIN_NAME_LIMIT and "=?" not in name:
        if _ATOMS.fullmatch(name):
            return name.split(" ")
        if _QUOTABLE.fullmatch(name):
            return ['"' + re.sub(r'(["\\])', r"\\\1", name) + '"']
    return list(encoded_words(name, room=NAME_ROOM))


def metadata_field(name: str, metadata: Mapping[str, MetadataValue]) -> str:
    """Return a field of JSON, folded between its words.

    If one of the words is too long for a line, the JSON is written in encoded words.
    """
    text = metadata_text(metadata)
    plain = field(name, _WORDS.findall(text))
    if all(len(line) <= LINE_LIMIT for line in plain.split("\r\n")):
        return plain
    size = (LINE - len(name) - len(": =?utf-8?b??=")) // 4 * 3
    words = [_b_word(text[start : start + size]) for start in range(0, len(text), size)]
    return field(name, [words[0], *(f" {word}" for word in words[1:])])


def metadata_text(metadata: Mapping[str, MetadataValue]) -> str:
    """Return JSON on one line of ASCII that needs no encoding in a header."""
    text = json.dumps(metadata, allow_nan=False).replace("\x7f", "\\u007f")
    # a relay may collapse runs of spaces, and a reader may decode what looks like an encoded word
    return re.sub("  +", lambda run: " " + "\\u0020" * (len(run[0]) - 1), text).replace("=?", "\\u003d?")


def parameter(name: str, value: str) -> list[str]:
    """Return the lines of a MIME parameter, encoded as in RFC 2231 if it is not plain ASCII."""
    if _PLAIN_FILENAME.fullmatch(value) and len(value) <= LINE and not is_encoded_word(value):
        return [f' {name}="{value}"']
    encoded = quote(value, safe="", encoding="utf-8")
    room = LINE - len(name) - len(" *999*=utf-8'';")
    # each as long as fits, and never split inside an escape
    pieces: list[str] = re.findall(rf".{{1,{room}}}(?<!%)(?<!%[0-9A-F])", encoded)
    if len(pieces) == 1:
        return [f" {name}*=utf-8''{encoded}"]
    starts = [f" {name}*0*=utf-8''", *(f" {name}*{index}*=" for index in range(1, len(pieces)))]
    semicolons = [*(";" * (len(pieces) - 1)), ""]
    return [
        start + piece + semicolon for start, piece, semicolon in zip(starts, pieces, semicolons, strict=True)
    ]


def encoded_words(text: str, *, room: int) -> Iterator[str]:
    """Split a text between characters into RFC 2047 encoded words; the first fits into `room` if possible."""
    frame = len("=?utf-8?q??=")
    encode = _q if len(_q(text)) <= len(text.encode()) * 4 / 3 else _b
    chunk, available = "", max(room, frame + 12) - frame
    for character in text:
        if chunk and len(encode(chunk + character)) > available:
            yield _encoded_word(encode, chunk)
            chunk, available = "", ENCODED_WORD - frame
        chunk += character
    yield _encoded_word(encode, chunk)


def _encoded_word(encode: Callable[[str], str], chunk: str) -> str:
    return f"=?utf-8?q?{_q(chunk)}?=" if encode is _q else _b_word(chunk)


def _b_word(chunk: str) -> str:
    return f"=?utf-8?b?{_b(chunk)}?="


def _q(text: str) -> str:
    return "".join(
        chr(byte) if byte in _Q_PLAIN else "_" if byte == ord(" ") else f"={byte:02X}"
        for byte in text.encode()
    )


def _b(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")


def _needs_encoding(word: str) -> bool:
    return not _PRINTABLE.fullmatch(word) or is_encoded_word(word) or len(word) > WORD_LIMIT
