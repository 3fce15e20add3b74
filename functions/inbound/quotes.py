"""Finds where a mail program put the quote into the text of an answer, by the line or the headers above it.

Each step looks at a line and at most the two above it, and takes time in proportion to their length.
"""

from __future__ import annotations

import functools
import itertools
import re
import unicodedata
from typing import TYPE_CHECKING, Final

import msgspec

from inbound.quote_languages import LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MARK: Final = ">"

# Mailers wrap an introduction at 70 to 80 characters: a name and an address fit in three lines.
INTRODUCTION_LINES: Final = 3
INTRODUCTION_CHARACTERS: Final = 400
_HEADERS: Final = 4
_NAME_CHARACTERS: Final = 40
_DASHED_CHARACTERS: Final = 100

_COLON: Final = re.compile("[:\N{FULLWIDTH COLON}]")
# Apple Mail and Outlook put marks of direction and byte order marks around dates and names.
_INVISIBLE: Final = re.compile("[\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_WIDE: Final = "\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff"
# It is compiled when it is needed: that takes two milliseconds, and cold starts wait for imports.
_SPACE_BESIDE_WIDE: Final = f"(?<=[{_WIDE}]) | (?=[{_WIDE}])"
_NO_SPACE_BEHIND_ADDRESS: Final = re.compile(r">(?=\w)")
_PLACEHOLDER: Final = re.compile(r"\{(date|author|address)\}")
# A year, a date in numbers, or a time. Years are not always the Gregorian calendar's.
_DATE: Final = re.compile(r"\d{4}|\d{1,2}[./-] ?\d{1,2}[./-] ?\d{2}|\d{1,2}[.:]\d{2}")
# A date at the beginning of a line may have its weekday before it.
_DATE_BEGINS: Final = re.compile(r"(?:[^\W\d]{1,14}[.,]{0,2} ?){0,2}\d")

_NAMED_ADDRESS: Final = re.compile(r"[^<(@]+[<(][^@]*@")
_ADDRESS_ENDS: Final = re.compile(r"@[^@]*[>)] ?\Z")

# What mailers write above a forwarded mail: between dashes, or with a colon.
_FORWARD_WORDS: Final = re.compile(
    "forward|weitergeleitet|réexpédié|transféré|inoltrat|reenviado|encaminhad|doorgestuurd|vidarebefordra"
    "|videresend|přeposlan|przekazan|välitetty|перенаправлен|пересылаем|転送|전달|转发|轉寄",
    re.IGNORECASE,
)
# A header as it is above a quote: one to three words, in some versions bold.
_FIELD: Final = re.compile(r"[* ]*([^\W\d_]+(?: [^\W\d_]+){0,2}) ?\**:")
_RULE: Final = re.compile(r"[_-]{20,}|_{5,}")
_DASHED: Final = re.compile(r"\*?-{3,} ?([^-].*?[^-]) ?-{3,}\*?")


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """A quote in the lines of a text.

    `start` is the first line of what introduces it, `stop` the first one after that line. With `has_headers`,
    `stop` is the first header.
    """

    start: int
    stop: int
    has_headers: bool


class Headers(msgspec.Struct, frozen=True, kw_only=True):
    """The values of the two headers that show which mail is quoted."""

    author: str
    subject: str


class _Pattern(msgspec.Struct, frozen=True, kw_only=True):
    """An introduction in pieces. `middle` is empty if nothing separates date and author."""

    prefix: str
    middle: str
    suffix: str
    date_first: bool
    needs_address: bool

    @property
    def is_anchored(self) -> bool:
        """Return True if nothing of the sender's own can be before it in its line."""
        return self.date_first or bool(self.prefix)

    @property
    def is_wordless(self) -> bool:
        """Return True if it is only a date, an address and a colon."""
        return not self.prefix and not self.middle and self.suffix == ":"

    def matches(self, line: str) -> bool:
        """Return True if a line that ends in the suffix has the other pieces, a date and an author."""
        if not line.startswith(self.prefix):
            return False
        inner = line[len(self.prefix) : len(line) - len(self.suffix)]
        date, author = self._split(inner)
        if not author.strip() or (self.needs_address and not _ADDRESS_ENDS.search(author)):
            return False
        if self.date_first and not self.prefix and not _DATE_BEGINS.match(date):
            return False
        return _DATE.search(date) is not None

    def _split(self, inner: str) -> tuple[str, str]:
        if not self.middle:
            return inner, inner
        if self.date_first:
            date, _, author = inner.partition(self.middle)
            return date, author
        author, _, date = inner.rpartition(self.middle)
        return date, author


def find(lines: Sequence[str]) -> Quote | None:
    """Return the first quote that a line or headers introduce; None if there is none."""
    for at in _candidates(lines):
        start = _introduction(lines, at) if _ends_in_colon(lines[at]) else None
        if start is not None:
            return Quote(start=start, stop=at + 1, has_headers=False)
        if _is_original(lines[at]):
            return Quote(start=at, stop=at + 1, has_headers=True)
        if _begins_headers(lines, at):
            return Quote(start=at, stop=at, has_headers=True)
    return None


def forwards(lines: Sequence[str]) -> bool:
    """Return True if a text that answers nothing has another mail with headers in it."""
    return any(
        (_begins_headers(lines, at) and headers(lines, at) is not None)
        or (introduces_forwarded(lines[at]) and _has_field_below(lines, at))
        for at in _candidates(lines)
    )


def introduces_forwarded(line: str) -> bool:
    """Return True for a line that mailers write above a forwarded mail."""
    content = line.lstrip("> \t").rstrip()
    is_line = content.startswith("--") or content.endswith((":", "\N{FULLWIDTH COLON}"))
    return is_line and _FORWARD_WORDS.search(content) is not None


def headers(lines: Sequence[str], start: int) -> Headers | None:
    """Return the headers from a line on, up to an empty line.

    None unless all four of a language are there, each on its own line and once.
    """
    values: dict[str, str] = {}
    for line in itertools.takewhile(str.strip, (lines[at] for at in range(start, len(lines)))):
        name = field_name(line)
        if name is None or name in values:
            return None
        values[name] = _COLON.split(line, maxsplit=1)[1].strip().strip("*").strip()
    for known in _known_headers() if len(values) >= _HEADERS else ():
        author, *others, subject = (
            next((values[name] for name in names if values.get(name)), "") for names in known
        )
        if author and subject and all(others):
            return Headers(author=author, subject=subject)
    return None


def field_name(line: str) -> str | None:
    """Return the name of a header in lower case, as the languages have it; None for other lines."""
    if not _COLON.search(line, 0, 2 * _NAME_CHARACTERS):
        return None
    field = _FIELD.match(plain(line[: 2 * _NAME_CHARACTERS]))
    return None if field is None or len(field[1]) > _NAME_CHARACTERS else field[1].casefold()


def is_rule(line: str) -> bool:
    """Return True for the line that Outlook puts above the headers of a quote."""
    return _RULE.fullmatch(line.strip()) is not None


def plain(line: str) -> str:
    """Return a line in which equal letters, colons and spaces of all kinds are the same, once each."""
    visible = line if line.isascii() else _INVISIBLE.sub("", unicodedata.normalize("NFKC", line))
    narrow = " ".join(_NO_SPACE_BEHIND_ADDRESS.sub("> ", visible).split())
    if not narrow.isascii():
        narrow = re.sub(_SPACE_BESIDE_WIDE, "", narrow)
    return f"{narrow[:-2]}:" if narrow.endswith(" :") else narrow


def _candidates(lines: Sequence[str]) -> list[int]:
    """Return which lines may be above a quote, without a call for each of the others."""
    return [
        at for at, line in enumerate(lines) if ":" in line or "\N{FULLWIDTH COLON}" in line or "---" in line
    ]


def _has_field_below(lines: Sequence[str], at: int) -> bool:
    """Return True if the first line below that is not empty is a header, quoted or not."""
    below = (lines[index].lstrip("> ") for index in range(at + 1, len(lines)))
    return field_name(next((line for line in below if line.strip()), "")) is not None


def _ends_in_colon(line: str) -> bool:
    return _COLON.search(line, max(len(line) - 8, 0)) is not None


def _introduction(lines: Sequence[str], end: int) -> int | None:
    """Return the first line of the introduction that ends with a line; None if it is not the end of one."""
    joined = ""
    for start in range(end, max(end - INTRODUCTION_LINES, -1), -1):
        content, depth = _unmarked(lines, start)
        if not content or depth != _unmarked(lines, end)[1]:
            return None
        joined = f"{content} {joined}"
        if len(joined) > INTRODUCTION_CHARACTERS:
            return None
        if not _DATE.search(joined):
            continue
        found = _matching(plain(joined))
        if found is None or (start < end and not _may_be_wrapped(lines[start])):
            continue
        # the line above a name and an address may be the sender's own
        if start < end and found.is_wordless and _NAMED_ADDRESS.match(_unmarked(lines, end)[0]):
            continue
        if found.is_anchored or _stands_alone(lines, start, end):
            return start
    return None


def _unmarked(lines: Sequence[str], at: int) -> tuple[str, int]:
    """Return a line without the marks of a quote, and their number.

    The first mark may be the end of an address that is wrapped, as in `<ada@example.org` and `> wrote:`.
    """
    content = lines[at].lstrip("> ")
    marks = lines[at][: len(lines[at]) - len(content)].count(MARK)
    if marks and at and lines[at - 1].rfind("<") > lines[at - 1].rfind(MARK):
        return lines[at].strip(), marks - 1
    return content.strip(), marks


def _matching(line: str) -> _Pattern | None:
    ending = (patterns for suffix, patterns in _patterns().items() if line.endswith(suffix))
    return next((each for each in itertools.chain.from_iterable(ending) if each.matches(line)), None)


def _may_be_wrapped(line: str) -> bool:
    """Return True if a line may be the first of an introduction, unlike "On it" above another line."""
    return "@" in line or line.rstrip().endswith("<") or _DATE.search(line) is not None


def _stands_alone(lines: Sequence[str], start: int, end: int) -> bool:
    """Return True if no line above can be a part of the author's name, and no line of it the sender's own."""
    if start and lines[start - 1].lstrip("> ").strip():
        return False
    return all("@" in line or line.rstrip().endswith("<") for line in lines[start:end])


def _is_original(line: str) -> bool:
    dashed = _DASHED.fullmatch(plain(line[:_DASHED_CHARACTERS])) if "---" in line else None
    return dashed is not None and dashed[1].casefold() in _originals()


def _begins_headers(lines: Sequence[str], at: int) -> bool:
    """Return True if a line and one of the next two are headers of one language.

    Between them may be an empty line, or a header that is not one of the four.
    """
    name = field_name(lines[at])
    languages = _languages_of(name)
    if not languages:
        return False
    for line in lines[at + 1 : at + 3]:
        other = field_name(line)
        if other != name and not languages.isdisjoint(_languages_of(other)):
            return True
        if line.strip() and other is None:
            return False
    return False


def _languages_of(name: str | None) -> frozenset[int]:
    return _header_names().get(name or "", frozenset())


@functools.cache
def _patterns() -> Mapping[str, list[_Pattern]]:
    """Return the pattern of each introduction, by its suffix."""
    found: dict[str, list[_Pattern]] = {}
    for line in dict.fromkeys(each.line for language in LANGUAGES for each in language.introductions):
        pattern = _pattern(line)
        found.setdefault(pattern.suffix, []).append(pattern)
    return found


def _pattern(line: str) -> _Pattern:
    prefix, first, middle, second, suffix = _PLACEHOLDER.split(re.sub(_SPACE_BESIDE_WIDE, "", line))
    return _Pattern(
        prefix=prefix,
        middle="" if middle.strip(",") == " " else middle,
        suffix=suffix,
        date_first=first == "date",
        needs_address="address" in {first, second},
    )


@functools.cache
def _known_headers() -> tuple[tuple[tuple[str, ...], ...], ...]:
    """Return the names of each language's headers, as `field_name` has them."""
    return tuple(
        tuple(tuple(plain(name).casefold() for name in names) for names in msgspec.structs.astuple(known))
        for known in (language.headers for language in LANGUAGES)
    )


@functools.cache
def _header_names() -> Mapping[str, frozenset[int]]:
    """Return the languages of each header name, by their index."""
    found: dict[str, set[int]] = {}
    for index, known in enumerate(_known_headers()):
        for name in itertools.chain.from_iterable(known):
            found.setdefault(name, set()).add(index)
    return {name: frozenset(indices) for name, indices in found.items()}


@functools.cache
def _originals() -> frozenset[str]:
    return frozenset(plain(words).casefold() for language in LANGUAGES for words in language.original)
