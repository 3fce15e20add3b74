"""Bytes of mail to text: as their label says, with replacement where it lies."""

from __future__ import annotations

import re
from encodings.aliases import aliases
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

NUL_CHARACTERS: Final = "nul_characters"
UNKNOWN_CHARSET: Final = "unknown_charset"
UNDECODABLE_TEXT: Final = "undecodable_text"

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:+-]{0,39}")
_SEPARATORS: Final = re.compile(r"[^a-z0-9.]+")
_CODE_PAGE: Final = re.compile(r"(?:cp|dos|ibm|win|windows)_?([0-9]{3,5})")

PIECE_CHARACTERS: Final = 256 * 1024

# What Python calls an encoding and no mail means: most make no text of bytes.
NO_CHARSETS: Final = frozenset(
    {"base64_codec", "bz2_codec", "hex_codec", "mbcs", "quopri_codec", "rot_13", "uu_codec", "zlib_codec"}
)

# Charsets of Python's for which it has no second name; run escapes and punycode are not among them.
_WITHOUT_ALIAS: Final = (
    "cp1006 cp720 cp737 cp856 cp874 cp875 iso8859_1 koi8_t koi8_u mac_arabic mac_croatian mac_farsi "
    "mac_romanian palmos utf_8_sig"
)

# Python keeps every name that it ever looked up, and tries an import for those that it does not know: a mail
# may have very many. So none is looked up that is not one of these.
CHARSETS: Final = (frozenset(aliases.values()) | frozenset(_WITHOUT_ALIAS.split())) - NO_CHARSETS

# Labels that mail has and Python does not (https://encoding.spec.whatwg.org/#names-and-labels).
LABELS: Final = {
    "cn_gb": "gb2312",
    "csgb2312": "gb2312",
    "csiso88596e": "iso8859_6",
    "csiso88596i": "iso8859_6",
    "csiso88598e": "iso8859_8",
    "csiso88598i": "iso8859_8",
    "gb_2312": "gb2312",
    "gb_2312_80": "gb2312",
    "iso_8859_6_e": "iso8859_6",
    "iso_8859_6_i": "iso8859_6",
    "iso_8859_8_e": "iso8859_8",
    "iso_8859_8_i": "iso8859_8",
    "koi": "koi8_r",
    "koi8": "koi8_r",
    "koi8u": "koi8_u",
    "latin_9": "iso8859_15",
    "mac": "mac_roman",
    "mac_ukrainian": "mac_cyrillic",
    "sun_eu_greek": "iso8859_7",
    "unicode_1_1_utf_8": "utf_8",
    "utf8mb4": "utf_8",
    "windows_31j": "cp932",
}

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
    name = _SEPARATORS.sub("_", name.lower()).strip("_").removeprefix("x_")
    code_page = _CODE_PAGE.fullmatch(name)
    spellings = (name, name.replace(".", "_"), f"cp{code_page[1]}" if code_page else name)
    candidates = (LABELS.get(spelling) or aliases.get(spelling) or spelling for spelling in spellings)
    return next((charset for charset in candidates if charset in CHARSETS), None)


def _whole(text: str) -> str:
    """Replace half surrogate pairs, which UTF-7 and UTF-16 let through and UTF-8 does not."""
    try:
        for start in range(0, len(text), PIECE_CHARACTERS):
            text[start : start + PIECE_CHARACTERS].encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
