"""Writes header fields in 7 bits, folded so that unfolding returns the original value.

The standard library's generator is not used for headers: it turns long words, such as the URL in
List-Unsubscribe, into encoded words that no reader of that header decodes
(https://github.com/python/cpython/issues/85725), and folds inside structured values.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from mailbus.encoded_words import b_word, is_encoded_word
from mailbus.jobs.header_text import LINE, LINE_LIMIT, free_text, metadata_text, phrase, words_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Final

    from mailbus.events import Mailbox, MetadataValue

_PLAIN_FILENAME: Final = re.compile(r"[A-Za-z0-9!#$&+.^_`{}~()@,='-]+(?: [A-Za-z0-9!#$&+.^_`{}~()@,='-]+)*")


def field(name: str, words: Iterable[str]) -> str:
    """Return a field without a final CRLF, folded between words.

    A word without a space before it gets one if the field is folded there.
    """
    lines = [f"{name}:"]
    for index, word in enumerate(words):
        piece = word if index else f" {word}"
        # a first line without a value is only for words that would make it longer than servers accept
        if len(lines[-1]) + len(piece) > (LINE if index else LINE_LIMIT):
            lines.append(piece if piece.startswith(" ") else f" {piece}")
        else:
            lines[-1] += piece
    return "\r\n".join(lines)


def unstructured(name: str, value: str) -> str:
    """Return a field of free text; words that are not printable ASCII are encoded, with all between them."""
    return field(name, free_text(value, room=LINE - len(name) - 2))


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


def metadata_field(name: str, metadata: Mapping[str, MetadataValue]) -> str:
    """Return a field of JSON, folded between its words.

    If one of the words is too long for a line, the JSON is written in encoded words.
    """
    text = metadata_text(metadata)
    plain = field(name, words_of(text))
    if all(len(line) <= LINE_LIMIT for line in plain.split("\r\n")):
        return plain
    size = (LINE - len(name) - len(": =?utf-8?b??=")) // 4 * 3
    words = [b_word(text[start : start + size]) for start in range(0, len(text), size)]
    return field(name, [words[0], *(f" {word}" for word in words[1:])])


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
