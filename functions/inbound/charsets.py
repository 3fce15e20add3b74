"""Decodes text by its charset label, with replacement characters if the label is wrong."""

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

# Encodings of Python that are not charsets: most do not decode bytes to text.
NO_CHARSETS: Final = frozenset(
    {"base64_codec", "bz2_codec", "hex_codec", "mbcs", "quopri_codec", "rot_13", "uu_codec", "zlib_codec"}
)

# Python's charsets that have no alias, without escapes and punycode.
_WITHOUT_ALIAS: Final = (
    "cp1006 cp720 cp737 cp856 cp874 cp875 iso8859_1 koi8_t koi8_u mac_arabic mac_croatian mac_farsi "
    "mac_romanian palmos utf_8_sig"
)

# Python caches every name that is looked up, and tries to import unknown ones. A mail may have very many
# names, so only these are looked up.
CHARSETS: Final = (frozenset(aliases.values()) | frozenset(_WITHOUT_ALIAS.split())) - NO_CHARSETS

# Labels that occur in mail and that Python does not know (https://encoding.spec.whatwg.org/#names-and-labels).
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

# Mailers label text with a charset and write its later extension, which is tried if the first one fails.
EXTENSIONS: Final = {
    "big5": "big5hkscs",
    "euc_kr": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "iso2022_jp": "iso2022_jp_ext",
    "shift_jis": "cp932",
}


def unlabelled(data: bytes) -> str:
    """Decode text without a label: as UTF-8, else Windows-1252, else Latin-1. Never fails."""
    for charset in ("utf-8", "cp1252"):
        try:
            return data.decode(charset)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


def decode(data: bytes, label: str | None) -> tuple[str, tuple[str, ...]]:
    """Return the text of `data` by its `label`, and the defects. Never fails.

    Text without a label, or with an unknown one, is decoded by `unlabelled`. Bytes that the charset does not
    have become U+FFFD.
    """
    if label is None:
        return unlabelled(data), ()
    charset = _known(label)
    if charset is None:
        return unlabelled(data), (UNKNOWN_CHARSET,)
    for candidate, errors, defects in _attempts(charset):
        try:
            return _without_surrogates(data.decode(candidate, errors)), defects
        except UnicodeError:
            continue
    return unlabelled(data), (UNDECODABLE_TEXT,)


def _attempts(charset: str) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    yield charset, "strict", ()
    if charset in EXTENSIONS:
        yield EXTENSIONS[charset], "strict", ()
    # ASCII would replace every byte over 127: guessing the charset gives more
    if charset != "ascii":
        yield charset, "replace", (UNDECODABLE_TEXT,)


def _known(label: str) -> str | None:
    """Return Python's name of a charset; None if it is unknown."""
    name = label.strip().strip("'\"")
    if not _NAME.fullmatch(name):
        return None
    name = _SEPARATORS.sub("_", name.lower()).strip("_").removeprefix("x_")
    code_page = _CODE_PAGE.fullmatch(name)
    spellings = (name, name.replace(".", "_"), f"cp{code_page[1]}" if code_page else name)
    candidates = (LABELS.get(spelling) or aliases.get(spelling) or spelling for spelling in spellings)
    return next((charset for charset in candidates if charset in CHARSETS), None)


def _without_surrogates(text: str) -> str:
    """Replace lone surrogates, which UTF-7 and UTF-16 decode and UTF-8 cannot encode."""
    try:
        for start in range(0, len(text), PIECE_CHARACTERS):
            text[start : start + PIECE_CHARACTERS].encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
