"""Header fields, written 7-bit clean and folded so that unfolding gives back what was asked.

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
# beside the longest field name; some readers put a space between the encoded words of a name,
# so that it is one word where it can be (https://github.com/python/cpython/issues/128110)
NAME_ROOM: Final = LINE - len("Reply-To: ")

_WORDS: Final = re.compile(r" *[^ ]+")
_PRINTABLE: Final = re.compile(r"[!-~]*")
_ATOMS: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_QUOTABLE: Final = re.compile(r"[!-~]+(?: [!-~]+)*")
_PLAIN_FILENAME: Final = re.compile(r"[A-Za-z0-9!#$&+.^_`{}~()@,='-]+(?: [A-Za-z0-9!#$&+.^_`{}~()@,='-]+)*")
# RFC 2047, 5 (3): what a Q-encoded word may hold as it is, wherever it stands
_Q_PLAIN: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")


def field(name: str, words: Iterable[str]) -> str:
    """Fold one field before words that bring their own leading space; no CRLF at its end."""
    lines = [f"{name}:"]
    for index, word in enumerate(words):
        piece = word if index else f" {word}"
        if index and word.startswith(" ") and len(lines[-1]) + len(piece) > LINE:
            lines.append(piece)
        else:
            lines[-1] += piece
    return "\r\n".join(lines)


def unstructured(name: str, value: str) -> str:
    """Write free text; words that are not printable ASCII are encoded, with what stands between."""
    return field(name, free_text(value, room=LINE - len(name) - 2))


def free_text(value: str, *, room: int = ENCODED_WORD) -> list[str]:
    """Write free text as words that bring their own leading space, the first within `room` if encoded."""
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


def addresses(name: str, mailboxes: Sequence[Mailbox]) -> str:
    """Write a list of mailboxes."""
    words: list[str] = []
    for index, mailbox in enumerate(mailboxes):
        comma = "," if index < len(mailboxes) - 1 else ""
        parts = [*phrase(mailbox.name), f"<{mailbox.address}>"] if mailbox.name else [mailbox.address]
        parts[-1] += comma
        words += [part if not (words or at) else f" {part}" for at, part in enumerate(parts)]
    return field(name, words)


def mailbox_text(mailbox: Mailbox) -> str:
    """Write one mailbox on one line, as SES takes it in its parameters."""
    return " ".join([*phrase(mailbox.name), f"<{mailbox.address}>"]) if mailbox.name else mailbox.address


def phrase(name: str) -> list[str]:
    """Write a display name, as words to fold between."""
    if len(name) <= PLAIN_NAME_LIMIT and "=?" not in name:
        if _ATOMS.fullmatch(name):
            return name.split(" ")
        if _QUOTABLE.fullmatch(name):
            return ['"' + re.sub(r'(["\\])', r"\\\1", name) + '"']
    return list(encoded_words(name, room=NAME_ROOM))


def metadata_field(name: str, metadata: Mapping[str, MetadataValue]) -> str:
    """Write JSON, folded between its words; in encoded words where one of its own is too long for a line."""
    text = metadata_text(metadata)
    written = field(name, _WORDS.findall(text))
    if all(len(line) <= LINE_LIMIT for line in written.split("\r\n")):
        return written
    size = (LINE - len(name) - len(": =?utf-8?b??=")) // 4 * 3
    words = [_b_word(text[start : start + size]) for start in range(0, len(text), size)]
    return field(name, [words[0], *(f" {word}" for word in words[1:])])


def metadata_text(metadata: Mapping[str, MetadataValue]) -> str:
    """Write JSON on one line, ASCII only, such that it stands in a header as it is."""
    text = json.dumps(metadata, allow_nan=False).replace("\x7f", "\\u007f")
    # a relay may squeeze runs of spaces, and a reader decode what looks like an encoded word
    return re.sub("  +", lambda run: " " + "\\u0020" * (len(run[0]) - 1), text).replace("=?", "\\u003d?")


def parameter(name: str, value: str) -> list[str]:
    """Write a MIME parameter, by RFC 2231 where it is not plain ASCII."""
    if _PLAIN_FILENAME.fullmatch(value) and len(value) <= LINE and not is_encoded_word(value):
        return [f' {name}="{value}"']
    encoded = quote(value, safe="", encoding="utf-8")
    room = LINE - len(name) - len(" *999*=utf-8'';")
    # as long as fits, never ending inside an escape
    pieces: list[str] = re.findall(rf".{{1,{room}}}(?<!%)(?<!%[0-9A-F])", encoded)
    if len(pieces) == 1:
        return [f" {name}*=utf-8''{encoded}"]
    starts = [f" {name}*0*=utf-8''", *(f" {name}*{index}*=" for index in range(1, len(pieces)))]
    semicolons = [*(";" * (len(pieces) - 1)), ""]
    return [
        start + piece + semicolon for start, piece, semicolon in zip(starts, pieces, semicolons, strict=True)
    ]


def encoded_words(text: str, *, room: int) -> Iterator[str]:
    """Cut a text at characters into RFC 2047 encoded words, the first within `room` where it can be."""
    frame = len("=?utf-8?q??=")
    write = _q if len(_q(text)) <= len(text.encode()) * 4 / 3 else _b
    chunk, available = "", max(room, frame + 12) - frame
    for character in text:
        if chunk and len(write(chunk + character)) > available:
            yield _framed(write, chunk)
            chunk, available = "", ENCODED_WORD - frame
        chunk += character
    yield _framed(write, chunk)


def _framed(write: Callable[[str], str], chunk: str) -> str:
    return f"=?utf-8?q?{_q(chunk)}?=" if write is _q else _b_word(chunk)


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
