"""Shows names that a mail's sender chose, without the characters that deceive the eye."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

import msgspec

from mailbus.characters import is_invisible

#: Characters of a name that are shown; a longer one is cut.
CHARACTERS: Final = 200
#: The types that run when they are opened. Gmail refuses most of them:
#: https://support.google.com/mail/answer/6590
_PROGRAMS: Final = re.compile(
    r"ade|adp|apk|app|appx|bat|cab|chm|cmd|com|cpl|diagcab|dll|dmg|exe|hta|htm|html|img|ins|iso|is"
    r"p|jar|js|jse|lib|lnk|mde|msc|msi|msix|mst|nsh|pif|ps1|scr|sct|shb|svg|sys|url|vb|vbe|vbs|vhd"
    r"|vxd|wsc|wsf|wsh|xll"
)
_DOCUMENTS: Final = re.compile(
    r"bmp|csv|doc|docx|eml|gif|jpeg|jpg|mov|mp3|mp4|odp|ods|odt|pdf|png|ppt|pptx|rtf|tif|tiff|txt|"
    r"xls|xlsx|zip"
)
# https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters
_BIDI: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_BLANKS_BEFORE_TYPE: Final = re.compile(r"(?<!\s)\s{4,}+\.?[^\s.]{0,16}$")
_UNSAFE: Final = re.compile(r'[\x00-\x1f\x7f"\\/:*?<>|]')
_TYPES: Final = {
    "application/pdf": "pdf",
    "image/gif": "gif",
    "image/jpeg": "jpg",
    "image/png": "png",
    "message/rfc822": "eml",
    "text/calendar": "ics",
    "text/html": "html",
    "text/plain": "txt",
}


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """Some characters of a name as they are, or one of them by its code point, such as `U+202E`."""

    text: str
    is_code_point: bool = False


def shown(name: str) -> tuple[Piece, ...]:
    """Return a name in pieces: characters that show nothing or turn the text are named by code point."""
    pieces: list[Piece] = []
    kept = ""
    for character in name[:CHARACTERS]:
        if character == " " or not is_invisible(character):
            kept += character
            continue
        if kept:
            pieces.append(Piece(text=kept))
            kept = ""
        pieces.append(Piece(text=f"U+{ord(character):04X}", is_code_point=True))
    rest = kept + ("…" if len(name) > CHARACTERS else "")
    return (*pieces, Piece(text=rest)) if rest else tuple(pieces)


def hides_type(name: str) -> bool:
    """Return True if a file's name makes the reader take it for another type than it is.

    It does with characters that turn the text's direction, with an ending that runs behind one of a document,
    and with blanks that push the ending out of sight.
    """
    if not _BIDI.isdisjoint(name) or _BLANKS_BEFORE_TYPE.search(name):
        return True
    endings = [ending.strip().lower() for ending in name.split(".")[1:]]
    return bool(endings and _PROGRAMS.fullmatch(endings[-1]) and any(map(_DOCUMENTS.fullmatch, endings[:-1])))


def safe_name(name: str | None, number: int, content_type: str) -> str:
    """Return a name to save a file by: without folders and without characters that deceive or are refused."""
    plain = (name or "").replace("\\", "/").rpartition("/")[2]
    kept = "".join(each for each in plain if each == " " or not is_invisible(each))
    clean = _UNSAFE.sub("_", kept).strip(" .")
    if not clean:
        return f"part-{number}.{_TYPES.get(content_type, 'bin')}"
    stem, dot, ending = clean.rpartition(".")
    if len(clean) <= CHARACTERS or not dot or len(ending) > CHARACTERS // 10:
        return clean[:CHARACTERS]
    return f"{stem[: CHARACTERS - len(ending) - 1]}.{ending}"


def content_disposition(name: str) -> str:
    """Return the header with which a browser saves a file: RFC 6266, for names beyond ASCII too.

    https://www.rfc-editor.org/rfc/rfc6266#section-4.3
    """
    ascii_name = "".join(each if each.isascii() and each.isprintable() else "_" for each in name)
    plain = _UNSAFE.sub("_", ascii_name).replace("%", "_")
    encoded = quote(name.encode("utf-8", "replace"), safe="")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}"
