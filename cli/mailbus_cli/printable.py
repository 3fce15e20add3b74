"""Makes text from mails and servers safe to show on one line: it may hold anything."""

from __future__ import annotations

import unicodedata
from typing import Final

# Line and paragraph separators, controls (an escape would command the terminal), formats (among them those
# that turn the direction of writing: https://www.unicode.org/reports/tr36/#Bidirectional_Text_Spoofing),
# surrogates and private use.
_HIDDEN: Final = frozenset({"Zl", "Zp", "Cc", "Cf", "Cs", "Co"})
# the zero-width joiner and non-joiner, which emoji and some scripts need
_JOINERS: Final = frozenset("\u200c\u200d")


def printable(text: str) -> str:
    """Return a text as one line; what would not be seen is named by its code point."""
    return "".join(_shown(character) for character in " ".join(text.split()))


def _shown(character: str) -> str:
    if character in _JOINERS or unicodedata.category(character) not in _HIDDEN:
        return character
    return f"<U+{ord(character):04X}>"
