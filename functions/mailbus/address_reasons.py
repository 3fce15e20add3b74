"""Says why a text is no mailbox: which character is wrong, and what to write instead.

The first rule of a table that applies is the reason. Reasons have single characters of the text, nothing
more: they go into logs, and addresses do not.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from mailbus.characters import ascii_look_alike, is_invisible, named

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Final

QUOTED: Final = r'"(?:[^"\\]++|\\.)*+"'
# a quotation mark without an end is read once, and not again from each mark behind it
QUOTED_OR_OPEN: Final = QUOTED + r"|\"(?:[^\"\\]++|\\.)*+\\?\Z"
NO_ADDRESS: Final = (
    'has a quotation mark (") that neither a name nor the part before the @ begins and ends with; write '
    '"Name" <name@example.com>'
)

_EXAMPLE: Final = "Name <name@example.com>"
# these patterns are compiled when they are needed: cold starts wait for imports
_BEFORE_AN_ADDRESS: Final = "[^<>@;]*"
# what other programs write before an address
_PREFIX: Final = "(?i:mailto|smtp|e-?mail):"
_COMMENT: Final = r"\([^()]*\)"
_IN_NAME: Final = r"[\[\]:;@\\,>]"
_IN_LOCAL_PART: Final = r"[^A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]"
_SPECIALS: Final = frozenset('@<>,;:()[]"')


class _Text(msgspec.Struct, frozen=True, kw_only=True):
    """A text as the rules look at it: `unquoted` is without its quoted strings."""

    text: str
    unquoted: str

    @property
    def name(self) -> str:
        """What is before the last angle bracket, "" if there is none."""
        return self.unquoted.rpartition("<")[0]

    @property
    def address(self) -> str:
        """What is inside the last angle brackets, the whole text if there are none."""
        return self.unquoted.rpartition("<")[2].partition(">")[0].strip()

    @property
    def local(self) -> str:
        """What is before the last @ of the address."""
        return self.address.rpartition("@")[0]


def why_invalid_list(text: str) -> str | None:
    """Return why a text is no list of mailboxes between commas, None if only one of them may be wrong."""
    unquoted = _without_quoted_strings(text).strip()
    if _is_group(unquoted):
        return 'must not be a group (":" to ";"); separate addresses with commas'
    return 'has ";" between addresses; separate addresses with commas' if ";" in unquoted[:-1] else None


def why_invalid(text: str) -> str | None:
    """Return why a text is no mailbox, None if only the domain or a length is wrong."""
    written = _Text(text=text, unquoted=_without_quoted_strings(text))
    return next((reason for rule in _RULES if (reason := rule(written)) is not None), None)


def why_incomplete(domain: str) -> str:
    """Return why a domain has not at least two labels with characters."""
    what = "has an incomplete domain"
    if not domain:
        return f"{what}: nothing is after the @; write it like example.com"
    if domain.endswith("."):
        return f'{what}: it ends with "."; remove the dot'
    if "." not in domain:
        return f'{what}: it has no "."; write it like example.com'
    return f'{what}: a "." has nothing before it; remove the dot'


def why_wrong_in_domain(character: str) -> str:
    """Return why a domain must not have an ASCII character."""
    if character == "_":
        return 'has a domain label with "_", which SES refuses for everyone on the mail; correct the domain'
    instead = ', or write "."' if character == "," else ""
    return f"has a domain label with {named(character)}, which no domain has; remove it{instead}"


def why_not_ascii(character: str) -> str:
    """Return why the part before the @ must not have a character."""
    if is_invisible(character):
        return f"has {named(character)}; remove it"
    instead = ascii_look_alike(character)
    return (
        f"has {named(character)} before the @, and SES cannot send to an address with non-ASCII characters "
        f"there (SMTPUTF8); write {named(instead) if instead else 'an ASCII address of that person'} instead"
    )


def _blank(written: _Text) -> str | None:
    return None if written.address else "is empty; remove it, or write an address such as name@example.com"


def _invisible(written: _Text) -> str | None:
    found = _first(written.address, lambda one: is_invisible(one) and one not in " \t")
    return found and f"has {named(found)}; remove it"


def _look_alike(written: _Text) -> str | None:
    found = _first(written.address, lambda one: ascii_look_alike(one) in _SPECIALS)
    if not found:
        return None
    instead = ascii_look_alike(found)
    advice = "each address as a separate entry" if instead in ",;" else f"{named(instead)} instead"
    return f"has {named(found)}; write {advice}"


def _prefix(written: _Text) -> str | None:
    found = re.match(_PREFIX, written.address)
    return found and f'has the prefix "{found[0].lower()}" before the address; take it off'


def _group(written: _Text) -> str | None:
    reason = 'is a group (":" to ";"); write each address as a separate entry'
    return reason if _is_group(written.unquoted) else None


def _without_quoted_strings(text: str) -> str:
    """Return a text with a word in place of each quoted string; one without an end is a quotation mark."""
    return re.sub(QUOTED_OR_OPEN, lambda found: "_" if re.fullmatch(QUOTED, found[0]) else '"', text)


def _is_group(unquoted: str) -> bool:
    begin = re.match(_BEFORE_AN_ADDRESS, unquoted)
    return unquoted.rstrip().endswith(";") and begin is not None and ":" in begin[0]


def _separator_at_an_end(written: _Text) -> str | None:
    text = written.unquoted.strip()
    for character, place in ((text[:1], "begins"), (text[-1:], "ends")):
        if character in {",", ";"}:
            return f'{place} with "{character}"; remove it'
    return None


def _several(written: _Text) -> str | None:
    found = re.search("[,;]", written.unquoted)
    if found is None or written.unquoted.count("@") < 2:  # noqa: PLR2004 - an address has one
        return None
    return f'is more than one address: it has "{found[0]}"; write each address as a separate entry'


def _unbalanced(written: _Text) -> str | None:
    unquoted = written.unquoted
    if '"' in unquoted:
        return 'has an unbalanced quotation mark ("); write one before and one after the name'
    for opening, closing in ("<>", "()"):
        for character, other in ((opening, closing), (closing, opening)):
            if unquoted.count(character) > unquoted.count(other):
                advice = "write the name in quotes" if character in "()" else f"write {_EXAMPLE}"
                return f'has an unbalanced bracket: "{character}" without "{other}"; {advice}'
    return None


def _brackets(written: _Text) -> str | None:
    after = written.unquoted.rpartition(">")[2].strip()
    if ">" in written.unquoted and after and not after.startswith("("):
        return f'has {named(after[0])} after ">"; write the name before the address: {_EXAMPLE}'
    if written.unquoted.count("<") > 1:
        return f'has more than one "<"; write {_EXAMPLE}, and a name with brackets in quotes'
    return None


def _special_in_name(written: _Text) -> str | None:
    found = re.search(_IN_NAME, re.sub(_COMMENT, "", written.name))
    if found is None or "@" not in written.address:
        return None
    others = " (straight double ones)" if re.search("[“”„«»'‘’]", written.name) else ""  # noqa: RUF001 - quotes
    return (
        f"has {named(found[0])} in a name that needs quotes{others}: write the whole name in quotes, as in "
        '"Name" <name@example.com>'
    )


def _comment_in_address(written: _Text) -> str | None:
    if not re.search("[()]", written.address):
        return None
    return 'has a comment, "(" to ")", inside the address; write it behind the address, or remove it'


def _at(written: _Text) -> str | None:
    if "@" not in written.address:
        quoted = "@" in written.text and '"' in written.text
        advice = "take the quotation marks off" if quoted else "write an address such as name@example.com"
        return f"has no @{' outside quotes' if quoted else ''}; {advice}"
    if "@@" in written.address:
        return 'has "@@"; remove one @'
    if written.address.count("@") > 1:
        return "has more than one @; write each address as a separate entry"
    if written.local and '""@' not in written.text:
        return None
    return "has nothing before the @; write an address such as name@example.com"


def _dots(written: _Text) -> str | None:
    local = written.local
    for wrong, applies in (
        ('".."', ".." in local),
        ('"." as its first character', local.startswith(".")),
        ('"." as its last character', local.endswith(".")),
    ):
        if applies:
            return (
                f"has a misplaced dot before the @: {wrong}; if the address is really so, write that part in "
                'quotes, as in "first..last"@example.com'
            )
    return None


def _wrong_in_local_part(written: _Text) -> str | None:
    found = re.search(_IN_LOCAL_PART, written.local)
    if found is None:
        return None
    if not found[0].isascii():
        return why_not_ascii(found[0])
    advice = {
        " ": f"remove it, or write a name before the address as {_EXAMPLE}",
        ":": f"remove it, or write a name before the address as {_EXAMPLE}",
    }.get(found[0], 'remove it, or write that part in quotes, as in "first last"@example.com')
    return f"has {named(found[0])} before the @, which is not allowed in an address; {advice}"


def _first(text: str, applies: Callable[[str], bool]) -> str | None:
    found: Iterator[str] = (character for character in text if not character.isascii() and applies(character))
    return next(found, None)


_RULES: Final[tuple[Callable[[_Text], str | None], ...]] = (
    _invisible,
    _look_alike,
    _group,
    _prefix,
    _separator_at_an_end,
    _several,
    _unbalanced,
    _brackets,
    _special_in_name,
    _comment_in_address,
    _blank,
    _at,
    _dots,
    _wrong_in_local_part,
)
