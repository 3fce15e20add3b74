"""Writes the texts of header fields in 7 bits: free text, names and metadata.

Text that needs it becomes encoded words, which a mail program decodes in free text and in names, and nowhere
else.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from mailbus.encoded_words import ENCODED_WORD, encoded_words, is_encoded_word

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

    from mailbus.events import Mailbox, MetadataValue

LINE: Final = 76
# RFC 5322, 2.1.1: without the CRLF
LINE_LIMIT: Final = 998
# a line that continues a field begins with a space
WORD_LIMIT: Final = LINE_LIMIT - 1
PLAIN_NAME_LIMIT: Final = 200
# After the longest field name. Some readers put a space between the encoded words of a name
# (https://github.com/python/cpython/issues/128110), so a name is one word if it fits.
NAME_ROOM: Final = LINE - len("Reply-To: ")

_WORDS: Final = re.compile(r" *[^ ]+")
_PRINTABLE: Final = re.compile(r"[!-~]*")
_ATOMS: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_QUOTABLE: Final = re.compile(r"[!-~]+(?: [!-~]+)*")


def words_of(text: str) -> list[str]:
    """Return a text's words, each with the spaces before it."""
    return _WORDS.findall(text)


def free_text(value: str, *, room: int = ENCODED_WORD) -> list[str]:
    """Return free text as words with their leading spaces; an encoded first word fits into `room`."""
    words = words_of(value.strip(" \t"))
    encode = [index for index, word in enumerate(words) if _needs_encoding(word.lstrip(" "))]
    if not encode:
        return words
    start, end = encode[0], encode[-1] + 1
    span = "".join(words[start:end])
    text = span.lstrip(" ")
    encoded = list(encoded_words(text, room=room if start == 0 else ENCODED_WORD))
    encoded = [span[: len(span) - len(text)] + encoded[0], *(f" {word}" for word in encoded[1:])]
    return [*words[:start], *encoded, *words[end:]]


def phrase(name: str) -> list[str]:
    """Return a display name as words between which the field can be folded."""
    if len(name) <= PLAIN_NAME_LIMIT and "=?" not in name:
        if _ATOMS.fullmatch(name):
            return name.split(" ")
        if _QUOTABLE.fullmatch(name):
            return ['"' + re.sub(r'(["\\])', r"\\\1", name) + '"']
    return list(encoded_words(name, room=NAME_ROOM))


def mailbox_text(mailbox: Mailbox) -> str:
    """Return one mailbox on one line, for a parameter of SES."""
    return " ".join([*phrase(mailbox.name), f"<{mailbox.address}>"]) if mailbox.name else mailbox.address


def metadata_text(metadata: Mapping[str, MetadataValue]) -> str:
    """Return JSON on one line of ASCII that needs no encoding in a header."""
    text = json.dumps(metadata, allow_nan=False).replace("\x7f", "\\u007f")
    # a relay may collapse runs of spaces, and a reader may decode what looks like an encoded word
    return re.sub("  +", lambda run: " " + "\\u0020" * (len(run[0]) - 1), text).replace("=?", "\\u003d?")


def _needs_encoding(word: str) -> bool:
    return not _PRINTABLE.fullmatch(word) or is_encoded_word(word) or len(word) > WORD_LIMIT
