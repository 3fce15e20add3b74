"""Decodes text by its charset label, as mail programs mean it, or by its bytes if the label is wrong."""

from __future__ import annotations

import codecs
import functools
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

# Labels that occur in mail and that Python does not know: those of https://encoding.spec.whatwg.org/ and of
# mail programs. What is between letters and digits is one underscore here.
LABELS: Final = {
    "8859_1": "latin_1",
    "big_5": "big5",
    "cn_big5": "big5",
    "cn_gb": "gb2312",
    "cp50220": "iso2022_jp",
    "cp50221": "iso2022_jp",
    "cp50222": "iso2022_jp",
    "cp51932": "euc_jp",
    "cp54936": "gb18030",
    "cp65000": "utf_7",
    "cseucpkdfmtjapanese": "euc_jp",
    "cseuckr": "euc_kr",
    "csgb2312": "gb2312",
    "csiso88596e": "iso8859_6",
    "csiso88596i": "iso8859_6",
    "csiso88598e": "iso8859_8",
    "csiso88598i": "iso8859_8",
    "csisolatin9": "iso8859_15",
    "csksc56011987": "euc_kr",
    "csmacintosh": "mac_roman",
    "eucjp_ms": "euc_jp",
    "eucjp_win": "euc_jp",
    "eucjpms": "euc_jp",
    "gb_18030": "gb18030",
    "gb_2312": "gb2312",
    "gb_2312_80": "gb2312",
    "iso2022jp_ms": "iso2022_jp",
    "iso88591": "latin_1",
    "iso88592": "iso8859_2",
    "iso88593": "iso8859_3",
    "iso88594": "iso8859_4",
    "iso88595": "iso8859_5",
    "iso88596": "iso8859_6",
    "iso88597": "iso8859_7",
    "iso88598": "iso8859_8",
    "iso88599": "iso8859_9",
    "iso885910": "iso8859_10",
    "iso885911": "iso8859_11",
    "iso885913": "iso8859_13",
    "iso885914": "iso8859_14",
    "iso885915": "iso8859_15",
    "iso885916": "iso8859_16",
    "iso_2022_jp_ms": "iso2022_jp",
    "iso_8859_6_e": "iso8859_6",
    "iso_8859_6_i": "iso8859_6",
    "iso_8859_8_e": "iso8859_8",
    "iso_8859_8_i": "iso8859_8",
    "iso_ir_149": "euc_kr",
    "koi": "koi8_r",
    "koi8": "koi8_r",
    "koi8r": "koi8_r",
    "koi8u": "koi8_u",
    "ks_c_5601_1989": "euc_kr",
    "ksc_5601": "euc_kr",
    "latin_9": "iso8859_15",
    "logical": "iso8859_8",
    "mac": "mac_roman",
    "mac_ukrainian": "mac_cyrillic",
    "ms_cp932": "cp932",
    "shift_jis_ms": "cp932",
    "sjis_cp932": "cp932",
    "sun_eu_greek": "iso8859_7",
    "unicode_1_1_utf_8": "utf_8",
    "utf_8_mac": "utf_8",
    "utf8mb4": "utf_8",
    "visual": "iso8859_8",
    "windows_31j": "cp932",
    "x_big5": "big5",
}

# What mail programs write and show under a label, if it is more than the charset has. The single-byte ones
# differ only where the charset has control characters. The others are tried if the charset itself fails, so
# that what it has keeps its own characters. https://encoding.spec.whatwg.org/#names-and-labels
WINDOWS: Final = {
    "iso8859_1": "cp1252",
    "iso8859_9": "cp1254",
    "iso8859_11": "cp874",
    "latin_1": "cp1252",
    "tis_620": "cp874",
}
EXTENSIONS: Final = {
    "big5": ("big5hkscs", "cp950"),
    "euc_kr": ("cp949",),
    "gb2312": ("gb18030",),
    "gbk": ("gb18030",),
    "iso2022_jp": ("iso2022_jp_ext",),
    "shift_jis": ("cp932",),
}
# The rows of NEC and IBM, which Windows writes in these charsets, are in no encoding of Python but cp932.
JAPANESE: Final = {"euc_jp": "euc_jp", "iso2022_jp": "iso2022_jp_ext", "iso2022_jp_ext": "iso2022_jp_ext"}

# Python calls a function for each of their characters, and a text may be as large as the mail.
ROWS_BYTES: Final = 256 * 1024

# A row of JIS X 0208 has 94 cells. The bytes of cp932 leave out those of half-width kana, and 0x7F.
CELLS: Final = 94
CELLS_BELOW_DELETE: Final = 63
ROWS_BELOW_KANA: Final = 62

_CONTROLS: Final = bytes(range(0x80, 0xA0))
_CONTINUATIONS: Final = bytes(range(0x80, 0xC0))
_JAPANESE_ESCAPES: Final = (b"\x1b$B", b"\x1b$@")
# Around the first byte that is not UTF-8: enough to see if the rest is.
SAMPLE_BYTES: Final = 32 * 1024


def unlabelled(data: bytes) -> tuple[str, tuple[str, ...]]:
    """Return a text without a label, and its defects. Never fails.

    It is UTF-8, ISO-2022-JP by its escapes, UTF-8 with a few broken bytes, Windows-1252, or Latin-1.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        if _is_broken_utf8(data, error.start):
            return data.decode("utf-8", "replace"), (UNDECODABLE_TEXT,)
        return _decoded(data, "cp1252") or data.decode("latin-1"), ()
    # one byte is found in a tenth of the time of three
    if b"\x1b" in data and any(escape in data for escape in _JAPANESE_ESCAPES):
        return _japanese(data, "iso2022_jp_ext", "strict") or text, ()
    return text, ()


def _is_broken_utf8(data: bytes, start: int) -> bool:
    """Return True if most bytes over 127 around the first broken one are UTF-8, which is never by chance."""
    sample = data[max(0, start - SAMPLE_BYTES) : start + SAMPLE_BYTES].lstrip(_CONTINUATIONS)
    text = sample.decode("utf-8", "replace")
    broken = text.count("\ufffd") - sample.count("\ufffd".encode())
    whole = sum(1 for character in text if character > "\x7f") - broken
    return whole >= broken and whole > 0


def decode(data: bytes, label: str | None) -> tuple[str, tuple[str, ...]]:
    """Return the text of `data` by its `label`, and the defects. Never fails.

    Text without a label, or with an unknown one, is decoded by `unlabelled`; with UTF-8's byte order mark it
    is UTF-8. Bytes that the charset does not have are UTF-8 or of its extensions, or become U+FFFD.
    """
    if data.startswith(codecs.BOM_UTF8):
        label = "utf-8-sig"
    if label is None:
        return unlabelled(data)
    charset = _known(label)
    # ASCII would replace every byte over 127: guessing the charset gives more
    if charset in {None, "ascii"}:
        text, defects = unlabelled(data)
        if charset is None:
            return text, (UNKNOWN_CHARSET, *defects)
        return text, () if data.isascii() else (UNDECODABLE_TEXT,)
    attempts = _attempts(data, charset)
    text, defects = next((found, wrong) for found, wrong in attempts if found is not None)
    return _without_surrogates(text), defects


def _attempts(data: bytes, charset: str) -> Iterator[tuple[str | None, tuple[str, ...]]]:
    """Yield a text by each encoding that it may have, None if it has not, and the defects.

    UTF-8 is before the extensions, which have characters for most of its bytes.
    """
    yield _decoded(data, _base(data, charset)), ()
    yield _utf8(data, charset), (UNDECODABLE_TEXT,)
    for extension in EXTENSIONS.get(charset, ()):
        yield _decoded(data, extension), ()
    if charset in JAPANESE:
        yield _japanese(data, JAPANESE[charset], "strict"), ()
    if charset in WINDOWS:
        yield _decoded(data, charset), ()
    yield _replaced(data, charset), (UNDECODABLE_TEXT,)


def _base(data: bytes, charset: str) -> str:
    # without the bytes that differ, Python decodes the smaller charset in a tenth of the time
    has_windows_bytes = charset in WINDOWS and len(data.translate(None, _CONTROLS)) < len(data)
    return WINDOWS[charset] if has_windows_bytes else charset


def _utf8(data: bytes, charset: str) -> str | None:
    """Return a text in UTF-8, None if it is not, or may be of its `charset`: one with escapes, or UTF-16."""
    text = _decoded(data, "utf-8")
    if text is None or (text.isascii() and not charset.startswith("utf_")) or "\0" in text:
        return None
    return text


def _replaced(data: bytes, charset: str) -> str:
    text = _japanese(data, JAPANESE[charset], "replace") if charset in JAPANESE else None
    return data.decode(charset, "replace") if text is None else text


def _decoded(data: bytes, charset: str) -> str | None:
    """Return a text, None if the charset does not have all of its bytes."""
    try:
        return data.decode(charset)
    except UnicodeError:
        return None


def _japanese(data: bytes, encoding: str, otherwise: str) -> str | None:
    """Return a text, with the rows of NEC and IBM at its beginning; None if that fails."""
    decoder = codecs.getincrementaldecoder(encoding)(japanese_errors(otherwise))
    try:
        begin = decoder.decode(data[:ROWS_BYTES], final=len(data) <= ROWS_BYTES)
        decoder.errors = otherwise
        return begin + decoder.decode(data[ROWS_BYTES:], final=True)
    except UnicodeError:
        return None


@functools.cache
def japanese_errors(otherwise: str) -> str:
    """Return the name of an error handler that decodes the rows of NEC and IBM; others as `otherwise`."""
    rest = codecs.lookup_error(otherwise)

    def handle(error: UnicodeError) -> tuple[str | bytes, int]:
        if isinstance(error, UnicodeDecodeError) and (character := _in_a_row(error)):
            return character, error.start + 2
        return rest(error)

    name = f"mailbus.japanese.{otherwise}"
    codecs.register_error(name, handle)
    return name


def _in_a_row(error: UnicodeDecodeError) -> str | None:
    """Return the character of two bytes that Python's encoding does not have, by their cell in cp932."""
    high = 0x80 if error.encoding == "euc_jp" else 0
    cell = [byte - 0x21 - high for byte in error.object[error.start : error.start + 2]]
    if len(cell) < len("xy") or not all(0 <= number < CELLS for number in cell):
        return None
    lead = cell[0] // 2 + (0x81 if cell[0] < ROWS_BELOW_KANA else 0xC1)
    trail = cell[1] + (0x9F if cell[0] % 2 else 0x40 if cell[1] < CELLS_BELOW_DELETE else 0x41)
    return _decoded(bytes((lead, trail)), "cp932")


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
