"""Parses address lists of received mail, well-formed or not.

The standard library's parser takes quadratic time on long lists, and its results differ between Python
releases; this one reads each character a bounded number of times.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from inbound import enclosed
from inbound.fields import WORD_MASK, masked
from inbound.fields import text as decoded
from mailbus.events import Mailbox

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ADDRESSES_CUT: Final = "addresses_cut"

# The addresses of one field; an event does not have room for that many.
ADDRESSES: Final = 5000

# Most addresses: they are read at once.
_ATOM: Final = r'[^\s"(<,;:>@=\\]+'
_USUAL: Final = re.compile(
    rf'(?:([^"(<,;:>@=\\]*+)<({_ATOM}@{_ATOM})>|\s*+({_ATOM}@{_ATOM}))\s*+(?:,|\Z)',
)
_ENDS: Final = frozenset(",;")
_EMPTY: Final = re.compile(r"[\s,]*")
_PLAIN: Final = re.compile(r'[^"(<,;:]+')
_ANGLE_RUN: Final = re.compile(r'[^"<>,;]*')
_STRAY_ANGLES: Final = re.compile(r"(?:\s*>)*")
_COMMENT: Final = re.compile(r"\([^()]*\)")
_MAILTO: Final = re.compile(r"\s*(?:mailto|smtp):", re.IGNORECASE)
_TOKEN: Final = re.compile(rf'"(?:[^"\\]|\\.)*"?|[{WORD_MASK}]+|[^\s,;<>"{WORD_MASK}]+|[\s,;<>]+', re.DOTALL)
_SIMPLE: Final = re.compile(rf'\s*[^\s,;<>"{WORD_MASK}]+\s*')
_ADDRESS: Final = re.compile(r'[^\s@<>()\[\],;:"]+@[^\s@<>()\[\],;:"]+')


class _Text(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a value. `mask` has the same length, and no characters of encoded words."""

    value: str
    mask: str

    def cut(self, start: int, end: int) -> _Text:
        return _Text(value=self.value[start:end], mask=self.mask[start:end])


_BLANK: Final = _Text(value=" ", mask=" ")


class _Angle(msgspec.Struct, frozen=True, kw_only=True):
    """An address in angle brackets, and what stands before it within them. It was read up to `end`."""

    address: _Text
    before: str
    end: int


class _Word(msgspec.Struct, frozen=True, kw_only=True):
    """A name, or an address, of a text without angle brackets."""

    kind: Literal["name", "quoted", "encoded", "address"]
    value: str


class _Box(msgspec.Struct, frozen=True, kw_only=True):
    """A mailbox, still encoded."""

    name: str
    address: str


class _Item:
    """The pieces of a list between two separators that were read so far."""

    def __init__(self) -> None:
        self.name: list[str] = []
        self.bare: list[_Text] = []
        self.comment: list[str] = []
        self.angles: list[tuple[list[str], _Angle]] = []
        self.has_at = False

    def add_angle(self, angle: _Angle) -> None:
        """Add an address in angle brackets; one without an at sign before it was of the name."""
        name = self.name
        if self.angles and "@" not in self.angles[-1][1].address.mask:
            name, other = self.angles.pop()
            name += (f" <{other.address.value}> " if other.address.value.strip() else " ", *self.name)
        self.angles.append((name, angle))
        self.name = []

    @property
    def is_only_name(self) -> bool:
        """True if it has no address, and may be the first half of a name with a comma."""
        return not self.angles and not self.has_at

    def boxes(self) -> tuple[_Box, ...]:
        """Return its mailboxes: one, or several if a separator is missing."""
        comment = _single_spaced("".join(self.comment))
        if not self.angles:
            return tuple(_bare_boxes(_words(self.bare), comment))
        self.angles[-1][0].extend((" ", *self.name))
        named = (
            (_single_spaced("".join(name)) or angle.before, angle.address) for name, angle in self.angles
        )
        return tuple(box for name, address in named for box in _angle_boxes(name or comment, address))


def _single_spaced(words: str) -> str:
    return " ".join(words.split())


def mailboxes(values: Iterable[str]) -> tuple[Mailbox, ...]:
    """Return the addresses of all values of a field, at most `ADDRESSES`. Never fails.

    A group is replaced by its members. A missing name or address is `""`.
    """
    found = (
        Mailbox(name=decoded(box.name), address=decoded(box.address))
        for each in values
        for box in _boxes(each)
    )
    return tuple(itertools.islice(found, ADDRESSES))


def _boxes(value: str) -> Iterator[_Box]:
    """Yield the mailboxes of a value.

    A piece without an address before a comma is the first half of the next one's name, as in
    `Lovelace, Ada <ada@example.org>`, unless that is an address alone, as in `root, ada@example.org`.
    """
    position = 0
    while usual := _USUAL.match(value, position):
        name, angle, bare = usual.groups()
        yield _Box(name=_single_spaced(name or ""), address=angle or bare)
        position = usual.end()
    halves: list[_Box] = []
    for item, separator in _items(value[position:]):
        boxes = () if separator == ":" else item.boxes()
        if not boxes and separator != ":":
            continue
        if item.is_only_name:
            halves += boxes
        elif halves and (item.angles or boxes[0].name):
            names = [*(half.name or half.address for half in halves), boxes[0].name]
            yield _Box(name=", ".join(filter(None, names)), address=boxes[0].address)
            yield from boxes[1:]
            halves = []
            continue
        if not item.is_only_name or separator != ",":
            yield from halves
            halves = []
        if not item.is_only_name:
            yield from boxes
    yield from halves


def _items(value: str) -> Iterator[tuple[_Item, str]]:
    """Yield the pieces of a list, each with the separator after it.

    A quotation mark or a bracket that is not closed is a blank, and so are all later ones.
    """
    mask = masked(value)
    text = _Text(value=value, mask=mask)
    item = _Item()
    position = 0
    open_marks = ""
    while position < len(value):
        character = mask[position]
        position += 1
        if character in open_marks:
            item.name.append(" ")
            item.bare.append(_BLANK)
        elif character in enclosed.READERS:
            content, end = enclosed.READERS[character](value, mask, position)
            if end > len(value):
                open_marks += character
                position -= 1
                continue
            if character == "(":
                item.comment.append(content)
                item.name.append(" ")
            else:
                item.name.append(content)
                item.bare.append(text.cut(position - 1, end))
            position = end
        elif character == "<":
            angle = _angle(text, position)
            item.add_angle(angle)
            position = angle.end
        elif character in _ENDS:
            yield item, character
            item = _Item()
            empty = _EMPTY.match(mask, position)
            position = position if empty is None else empty.end()
        elif character == ":" and item.is_only_name:
            yield item, character  # the name of a group
            item = _Item()
        else:
            plain = _PLAIN.match(mask, position)
            end = position if plain is None else plain.end()
            run = text.cut(position - 1, end)
            position = end
            item.name.append(run.value)
            item.bare.append(run)
            item.has_at = item.has_at or "@" in run.mask
    yield item, ""


def _angle(text: _Text, start: int) -> _Angle:
    """Return the innermost address of angle brackets, the first of which is before `start`.

    Brackets in a quoted local part do not count. Brackets that are never closed end at the separator after
    their address.
    """
    mask = text.mask
    inner = position = start
    separator: int | None = None
    has_at = is_open = False
    while (run := _ANGLE_RUN.match(mask, position)) and run.end() < len(mask):
        has_at = has_at or "@" in run[0]
        position = run.end()
        character = mask[position]
        if character == ">":
            strays = _STRAY_ANGLES.match(mask, position + 1)
            return _inner(text, start, inner, position, strays.end() if strays else position + 1)
        if character == '"' and not is_open:
            closed = enclosed.quoted(text.value, mask, position + 1)[1]
            is_open = closed > len(mask)
            position = position if is_open else closed
            continue
        if character == "<":
            if separator is not None:
                break
            inner, has_at = position + 1, False
        elif separator is None and has_at and mask[inner] != "@":
            separator = position
        position += 1
    end_at = len(mask) if separator is None else separator
    return _inner(text, start, inner, end_at, end_at)


def _inner(text: _Text, start: int, inner: int, end: int, after: int) -> _Angle:
    before = _single_spaced(text.value[start : max(start, inner - 1)].replace("<", " "))
    return _Angle(address=text.cut(inner, end), before=before, end=after)


def _angle_boxes(name: str, angle: _Text) -> Iterator[_Box]:
    """Yield the addresses in angle brackets, of which there should be one; the name is the first one's."""
    if angle.mask.lstrip().startswith("@") and ":" in angle.mask:
        # a source route, obsolete since RFC 2822
        angle = angle.cut(angle.mask.index(":") + 1, len(angle.mask))
    elif scheme := _MAILTO.match(angle.mask):
        angle = angle.cut(scheme.end(), len(angle.mask))
    words = _words(_without_comments(angle), is_in_angle=True)
    addresses = [word.value for word in words if word.kind == "address"]
    if not addresses:
        address = _single_spaced(angle.value)
        if name or address:
            yield _Box(name=name, address=address)
        return
    names = " ".join(word.value for word in words if word.kind != "address")
    yield _Box(name=name or names, address=addresses[0])
    yield from (_Box(name="", address=address) for address in addresses[1:])


def _without_comments(angle: _Text) -> list[_Text]:
    """Return the pieces of an address between its comments, as in `ada(the first)@example.org`."""
    ends = [0, *(end for comment in _COMMENT.finditer(angle.mask) for end in comment.span()), len(angle.mask)]
    return [angle.cut(start, end) for start, end in zip(ends[::2], ends[1::2], strict=True)]


def _bare_boxes(words: list[_Word], comment: str) -> Iterator[_Box]:
    """Yield the mailboxes of a text without angle brackets: names stand before their address, or after it."""
    names: list[str] = []
    address: str | None = None
    name = ""
    for word in words:
        if word.kind != "address":
            names.append(word.value)
            continue
        if address is not None:
            yield _Box(name=name, address=address)
        name, address, names = " ".join(names), word.value, []
    if address is not None:
        yield _Box(name=" ".join(filter(None, (name, *names))) or comment, address=address)
    elif len(words) == 1 and _is_lone_address(words[0]):
        # a mailbox of the machine, as in "postmaster"
        yield _Box(name=comment, address=words[0].value)
    elif names or comment:
        yield _Box(name=" ".join(names) or comment, address="")


def _is_lone_address(word: _Word) -> bool:
    if word.kind == "encoded":
        return _ADDRESS.fullmatch(decoded(word.value)) is not None
    return word.kind == "name"


def _words(pieces: list[_Text], *, is_in_angle: bool = False) -> list[_Word]:
    """Split a text into names and addresses; blanks join only around an at sign, and dots of an address.

    All dots in angle brackets are of the address.
    """
    value, mask = "".join(piece.value for piece in pieces), "".join(piece.mask for piece in pieces)
    if _SIMPLE.fullmatch(mask):
        return [_word([value.strip()], "address" if "@" in mask else "name")]
    words: list[_Word] = []
    group: list[str] = []
    kind: Literal["name", "quoted", "encoded", "address"] = "name"
    last, after_blank = "", False
    for token in _TOKEN.finditer(mask):
        found = token[0]
        if found[0].isspace() or found[0] in ",;<>":
            after_blank = True
            continue
        is_joined = bool(group) and _is_joined(
            last, found, kind="angle" if is_in_angle else kind, after_blank=after_blank
        )
        if not is_joined and group:
            words.append(_word(group, kind))
        if not is_joined:
            group, kind = [], "name"
            if found[0] in {'"', WORD_MASK}:
                kind = "quoted" if found[0] == '"' else "encoded"
        if found[0] != '"' and "@" in found:
            kind = "address"
        group.append(value[token.start() : token.end()])
        last, after_blank = found, False
    if group:
        words.append(_word(group, kind))
    return words


def _is_joined(last: str, found: str, *, kind: str, after_blank: bool) -> bool:
    """Return True if a token continues the word whose last token is `last`."""
    if WORD_MASK in (last[0], found[0]):
        # some programs encode a local part
        return found[0] == "@" and not after_blank
    if last[-1] == "@" or found[0] in "@.":
        return True
    if not after_blank:
        return last[0] != '"'
    # "ada . lovelace@example . org", but not "Dr. ada@example.org"
    if last[-1] == ".":
        return last == "." or kind in {"address", "angle"}
    # "<ada@exam ple.org>"
    return kind == "angle" and "@" in last and "." not in last


def _word(group: list[str], kind: Literal["name", "quoted", "encoded", "address"]) -> _Word:
    value = "".join(group)
    if kind == "quoted":
        value = enclosed.quoted(value, value, 1)[0]
    elif kind == "address":
        is_literal = value[0] != "[" and "[" in value
        value = value if is_literal else value.removeprefix("[").removesuffix("]")
    return _Word(kind=kind, value=value)
