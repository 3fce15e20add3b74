"""Bytes of mail to text: as their label says, with replacement where it lies."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

UNKNOWN_CHARSET: Final = "unknown_charset"
UNDECODABLE_TEXT: Final = "undecodable_text"

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:+-]{0,39}")

# What Python calls an encoding and no mail means: some run escapes, punycode takes quadratic time.
NO_CHARSETS: Final = frozenset(
    {"idna", "mbcs", "oem", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"}
)

# Mailers label text with a charset and write its later extension. Both agree on all that the
# first can say, so the second is only asked where the first fails.
EXTENSIONS: Final = {
    "big5": "big5hkscs",
    "euc_kr": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "iso2022_jp": "iso2022_jp_ext",
    "shift_jis": "cp932",
}


def unlabelled(data: bytes) -> str:
    """Decode text of which nothing is known: UTF-8, else Windows-1252, else Latin-1. Never fails."""
    for charset in ("utf-8", "cp1252"):
        try:
            return data.decode(charset)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


def decode(data: bytes, label: str | None) -> tuple[str, tuple[str, ...]]:
    """Decode `data` as `label` says; answers the text and the defects met. Never fails.

    Without a label, or with one that nobody knows, the text is `unlabelled`. Bytes that the
    charset does not have become U+FFFD.
    """
    if label is None:
        return unlabelled(data), ()
    charset = _known(label)
    if charset is None:
        return unlabelled(data), (UNKNOWN_CHARSET,)
    for candidate, errors, defects in _attempts(charset):
        try:
            return _whole(data.decode(candidate, errors)), defects
        except UnicodeError:
            continue
    return unlabelled(data), (UNDECODABLE_TEXT,)


def _attempts(charset: str) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    yield charset, "strict", ()
    if charset in EXTENSIONS:
        yield EXTENSIONS[charset], "strict", ()
    # of ASCII nothing would be left but replacements: what it labels so is better guessed
    if charset != "ascii":
        yield charset, "replace", (UNDECODABLE_TEXT,)


def _known(label: str) -> str | None:
    """Python's own name of a charset, if mail may use it."""
    name = label.strip().strip("'\"")
    if not _NAME.fullmatch(name):
        return None
    try:
        charset = codecs.lookup(name).name
        b"a".decode(charset, "replace")  # Python's codecs that make no text refuse here
    except (LookupError, ValueError):
        return None
    return None if charset in NO_CHARSETS else charset


def _whole(text: str) -> str:
    """Replace half surrogate pairs, which UTF-7 and UTF-16 let through and UTF-8 does not."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
