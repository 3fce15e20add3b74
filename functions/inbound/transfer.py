"""Content-Transfer-Encoding: the bytes that a part stands for."""

from __future__ import annotations

import binascii
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

BAD_BASE64: Final = "bad_base64"
BAD_UUENCODE: Final = "bad_uuencode"
UNKNOWN_ENCODING: Final = "unknown_transfer_encoding"

_ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_NOT_ALPHABET: Final = bytes(sorted(set(range(256)) - set(_ALPHABET)))
_FOREIGN: Final = bytes(sorted(set(_NOT_ALPHABET) - set(b" \t\r\n")))
_LONE_DIGIT: Final = 1

_UU_LINE: Final = re.compile(rb"[^\r\n]+")


def decode(data: bytes, encoding: str) -> tuple[bytes, tuple[str, ...]]:
    """Undo a transfer encoding; answers the bytes and the defects met. Never fails.

    What is unknown stays as it is. Base64 is read up to its padding, over foreign characters.
    """
    decoder = _DECODERS.get(encoding)
    return (data, (UNKNOWN_ENCODING,)) if decoder is None else decoder(data)


def _as_is(data: bytes) -> tuple[bytes, tuple[str, ...]]:
    return data, ()


def _quoted_printable(data: bytes) -> tuple[bytes, tuple[str, ...]]:
    return binascii.a2b_qp(data), ()


def _base64(data: bytes) -> tuple[bytes, tuple[str, ...]]:
    clean = len(data.translate(None, _FOREIGN)) == len(data)
    digits = data.translate(None, _NOT_ALPHABET)
    end = digits.find(b"=")
    if end >= 0:
        clean = clean and not digits[end:].strip(b"=")
        digits = digits[:end]
    spare = len(digits) % 4
    if spare == _LONE_DIGIT:
        digits = digits[:-1]
    missing = b"=" * (-len(digits) % 4)
    whole = clean and spare != _LONE_DIGIT and (end >= 0 or not spare)
    return binascii.a2b_base64(digits + missing), () if whole else (BAD_BASE64,)


def _uuencode(data: bytes) -> tuple[bytes, tuple[str, ...]]:
    decoded = bytearray()
    inside = False
    for match in _UU_LINE.finditer(data):
        line = match[0]
        if not inside:
            inside = line.startswith(b"begin ")
        elif line.rstrip() == b"end":
            return bytes(decoded), ()
        else:
            try:
                decoded += binascii.a2b_uu(line)
            except binascii.Error:
                return bytes(decoded) or data, (BAD_UUENCODE,)
    return bytes(decoded) or data, (BAD_UUENCODE,)


_DECODERS: Final[dict[str, Callable[[bytes], tuple[bytes, tuple[str, ...]]]]] = {
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
