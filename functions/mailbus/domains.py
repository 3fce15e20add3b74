"""Encodes international domain names by UTS 46, as browsers do (https://www.unicode.org/reports/tr46/).

Sharp s and final sigma are kept: they name other domains than "ss" and a plain sigma. Symbols, such as emoji,
are allowed too, since such domains exist; IDNA 2008 alone refuses them.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from mailbus.characters import VARIATION_SELECTORS, is_invisible, named

if TYPE_CHECKING:
    from typing import Final

    import idna

# more than any domain has, so that the time is bounded
MAX_CHARACTERS: Final = 1000
DOTS: Final = re.compile("[.\u3002\uff0e\uff61]")
# which some scripts need inside a word: https://www.rfc-editor.org/rfc/rfc5892#appendix-A
_JOINERS: Final = frozenset("\u200c\u200d")
HYPHEN_AT_AN_END: Final = 'has a domain label that begins or ends with "-"; remove it'
_MIXED_DIRECTIONS: Final = (
    "has a domain label that IDNA cannot encode: it mixes right-to-left and left-to-right characters, or "
    "begins or ends with one that has no direction; correct it"
)


class InvalidDomain(ValueError):  # noqa: N818 - as the other public names
    """A domain name that has no ASCII form; the text says why, and never has the domain."""


def ascii_domain(domain: str) -> str:
    """Return a domain name in ASCII: labels outside ASCII in their xn-- form, others as written.

    All four dots of IDNA separate labels. What is ASCII already is not checked. Raises `InvalidDomain`.
    """
    if domain.isascii():
        return domain
    if len(domain) > MAX_CHARACTERS:
        reason = f"has a domain of more than {MAX_CHARACTERS} characters"
        raise InvalidDomain(reason)
    return ".".join(label if label.isascii() else _encoded(label) for label in DOTS.split(domain))


def _encoded(label: str) -> str:
    """Return a label in its xn-- form; one that UTS 46 maps to ASCII, such as full-width letters, as that."""
    import idna  # noqa: PLC0415 - few domains need it, and cold starts wait for imports

    for before, character in pairwise(f" {label}"):
        # UTS 46 drops most of them without a word, and the address is another one than was meant
        belongs = character in _JOINERS or (character in VARIATION_SELECTORS and not before.isascii())
        if is_invisible(character) and not belongs:
            reason = f"has a domain label with {named(character)}; remove it"
            raise InvalidDomain(reason)
    try:
        mapped = idna.uts46_remap(label, std3_rules=True)
        # https://www.unicode.org/reports/tr46/#Validity_Criteria
        idna.check_hyphen_ok(mapped)
        idna.check_initial_combiner(mapped)
        for position, character in enumerate(mapped):
            if character in _JOINERS and not _may_join(mapped, position):
                reason = f"has a domain label with {named(character)} where no script has one; remove it"
                raise InvalidDomain(reason)
        idna.check_bidi(mapped)
    except idna.IDNABidiError:
        reason = f"has a domain label {_MIXED_DIRECTIONS}"
        raise InvalidDomain(reason) from None
    except idna.IDNAError as error:
        raise InvalidDomain(_why(error)) from None
    return mapped if mapped.isascii() else "xn--" + mapped.encode("punycode").decode("ascii")


def _may_join(label: str, position: int) -> bool:
    import idna  # noqa: PLC0415 - as above

    try:
        return idna.valid_contextj(label, position)
    except ValueError:
        # a neighbour that this version of Unicode does not know
        return False


def _why(error: idna.IDNAError) -> str:
    if error.code == "hyphen_start_end":
        return HYPHEN_AT_AN_END
    if error.code == "hyphen_3_4":
        return 'has a domain label with "--" in its third place, as only xn-- forms have it; correct it'
    if error.codepoint is None:
        return "has a domain label that IDNA cannot encode; write it in its xn-- form"
    return (
        f"has a domain label with {named(chr(error.codepoint))}, which IDNA does not allow there; remove it"
    )
