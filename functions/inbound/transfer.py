"""Decodes Content-Transfer-Encoding.

An encoded part may be as large as the mail, so it is decoded in pieces: only the result is whole in memory.
"""

from __future__ import annotations

import binascii
import io
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BAD_BASE64: Final = "bad_base64"
BAD_UUENCODE: Final = "bad_uuencode"
UNKNOWN_ENCODING: Final = "unknown_transfer_encoding"

PIECE_BYTES: Final = 256 * 1024

_BASE64_DIGITS: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_NOT_BASE64: Final = bytes(sorted(set(range(256)) - set(_BASE64_DIGITS + b"=")))
_BLANKS: Final = b"\r\n \t"
_LONE_DIGIT: Final = 1
_LONG_WORD: Final = 40
# Words that are decoded soon have one of these.
_NO_TEXT: Final = re.compile(rb"[\x00-\x08\x0E-\x1A\x1C-\x1F\x7F-\xFF]")

# Soft line breaks that the library decodes wrongly: with a CR alone it drops everything up to the next LF,
# and it keeps those to which a relay has added spaces (RFC 2045, 6.7, rule 3).
_ODD_SOFT_BREAK: Final = re.compile(rb"=(?:[ \t]+(?:\r\n|\r|\n)|\r(?!\n))")

_UU_LINE: Final = re.compile(rb"[^\r\n]+")


def decode(data: bytes | memoryview, encoding: str) -> tuple[bytes, tuple[str, ...]]:
    """Return decoded bytes, and their defects. Never fails.

    An unknown encoding is not decoded. Base64 is decoded up to its padding; other characters are skipped.
    """
    decoder = _DECODERS.get(encoding)
    return (bytes(data), (UNKNOWN_ENCODING,)) if decoder is None else decoder(data)


def _as_is(data: bytes | memoryview) -> tuple[bytes, tuple[str, ...]]:
    return bytes(data), ()


def _quoted_printable(data: bytes | memoryview) -> tuple[bytes, tuple[str, ...]]:
    decoded = io.BytesIO()
    for piece in _between_escapes(data):
        decoded.write(binascii.a2b_qp(_ODD_SOFT_BREAK.sub(b"=\n", piece)))
    return decoded.getvalue(), ()


def _between_escapes(data: bytes | memoryview) -> Iterator[bytes]:
    """Yield pieces that end before an equals sign, so that no escape is split."""
    start = 0
    while start < len(data):
        piece = bytes(data[start : start + PIECE_BYTES])
        if start + len(piece) < len(data):
            piece = piece[: _last_escape(piece) or len(piece)]
        start += len(piece)
        yield piece


def _last_escape(piece: bytes) -> int:
    """Return where the last escape begins; 0 if there is none to cut at.

    `binascii` decodes two equals signs as one, so that in a run of them every second one begins nothing.
    """
    last = piece.rfind(b"=")
    run = last + 1 - len(piece[: last + 1].rstrip(b"="))
    return max(0, last - (run + 1) % 2)


def _base64(data: bytes | memoryview) -> tuple[bytes, tuple[str, ...]]:
    decoded = io.BytesIO()
    clean, padded, rest = True, False, b""
    for start in range(0, len(data), PIECE_BYTES):
        piece = bytes(data[start : start + PIECE_BYTES]).translate(None, _BLANKS)
        if padded:
            clean = clean and not piece.strip(b"=")
            continue
        digits = rest + piece
        content = _groups(digits)
        if content is None:
            known = digits.translate(None, _NOT_BASE64)
            clean = clean and len(known) == len(digits)
            digits, padding, after = known.partition(b"=")
            clean = clean and not after.strip(b"=")
            padded = bool(padding)
            content = binascii.a2b_base64(digits[: _grouped(digits)])
        decoded.write(content)
        rest = digits[_grouped(digits) :]
    if len(rest) > _LONE_DIGIT:
        decoded.write(binascii.a2b_base64(rest + b"=" * (4 - len(rest))))
    whole = clean and len(rest) != _LONE_DIGIT and (padded or not rest)
    return decoded.getvalue(), () if whole else (BAD_BASE64,)


def begins_as_base64(data: bytes | memoryview) -> bool:
    """Return True if the first line of a text is Base64, with some noise perhaps, and not words."""
    line = bytes(data[:PIECE_BYTES]).strip().partition(b"\n")[0].strip()
    first = line.partition(b" ")[0]
    digits = line.translate(None, _NOT_BASE64).partition(b"=")[0]
    if first.endswith(b"=") or (len(first) >= _LONG_WORD and not first.translate(None, _BASE64_DIGITS)):
        return True
    return 2 * len(digits) > len(line) and not _NO_TEXT.search(
        binascii.a2b_base64(digits[: _grouped(digits)])
    )


def _groups(digits: bytes) -> bytes | None:
    """Decode all groups of four; return None if there is anything but digits, which is rare."""
    groups, rest = digits[: _grouped(digits)], digits[_grouped(digits) :]
    if rest.translate(None, _BASE64_DIGITS):
        return None
    try:
        content = binascii.a2b_base64(groups)
    except binascii.Error:
        return None
    return content if 4 * len(content) == 3 * len(groups) else None


def _grouped(digits: bytes) -> int:
    return len(digits) - len(digits) % 4


def _uuencode(data: bytes | memoryview) -> tuple[bytes, tuple[str, ...]]:
    decoded = io.BytesIO()
    inside = False
    for match in _UU_LINE.finditer(data):
        line = match[0]
        if not inside:
            inside = line.startswith(b"begin ")
        elif line.rstrip() == b"end":
            return decoded.getvalue(), ()
        else:
            try:
                decoded.write(binascii.a2b_uu(_uu_digits(line)))
            except binascii.Error:
                break
    return decoded.getvalue() or bytes(data), (BAD_UUENCODE,)


def _uu_digits(line: bytes) -> bytes:
    """Return a line without what some encoders add after its digits, whose number is its first character."""
    return line[: 1 + ((line[0] - 32 & 63) * 4 + 2) // 3]


_DECODERS: Final[dict[str, Callable[[bytes | memoryview], tuple[bytes, tuple[str, ...]]]]] = {
    "": _as_is,
    "7bit": _as_is,
    "8bit": _as_is,
    "binary": _as_is,
    "base64": _base64,
    "quoted-printable": _quoted_printable,
    "uuencode": _uuencode,
    "uue": _uuencode,
    "x-uue": _uuencode,
    "x-uuencode": _uuencode,
}
