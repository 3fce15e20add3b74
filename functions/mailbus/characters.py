"""Names single characters in the reasons of errors: visible ones as they are, others by code point."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Final

_ASCII_BLANKS: Final[dict[str, str]] = {
    " ": "a space",
    "\t": "a tab (U+0009)",
    "\n": "a line feed (U+000A)",
    "\r": "a carriage return (U+000D)",
    "\0": "a NUL (U+0000)",
    '"': 'a quotation mark (")',
}
# Drawn as nothing, though their categories are those of letters, marks and symbols:
# https://www.unicode.org/reports/tr44/#Default_Ignorable_Code_Point, and the blank Braille pattern.
_BLANK_LETTERS: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
# of emoji and of ideographs
VARIATION_SELECTORS: Final = frozenset(
    map(chr, (*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))
)


def is_invisible(character: str) -> bool:
    """Return whether a character shows nothing: blanks of all kinds, controls, formats, unassigned ones."""
    if character.isascii():
        return not character.isprintable() or character == " "
    return (
        unicodedata.category(character)[0] in "CZ"
        or character in _BLANK_LETTERS
        or character in VARIATION_SELECTORS
    )


def named(character: str) -> str:
    """Return how an error names a character, with its code point unless it is on every keyboard."""
    if character in _ASCII_BLANKS:
        return _ASCII_BLANKS[character]
    code_point = f"U+{ord(character):04X}"
    if is_invisible(character) or unicodedata.combining(character):
        kind = "invisible character" if is_invisible(character) else "combining character"
        name = unicodedata.name(character, "").lower()
        return f"the {kind} {code_point}" + (f" ({name})" if name else "")
    return f'"{character}"' if character.isascii() else f'"{character}" ({code_point})'


def ascii_look_alike(character: str) -> str:
    """Return the ASCII character that another one is a form of, such as a full-width one; "" if none."""
    plain = unicodedata.normalize("NFKC", character)
    return plain if len(plain) == 1 and plain.isascii() and plain != character else ""
