"""Parses header fields of a mail: their lines, text, parameters, dates and message ids."""

from __future__ import annotations

import binascii
import itertools
import re
from datetime import UTC, datetime
from email.message import Message
from email.policy import Compat32
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

import msgspec

from inbound import charsets

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sized

BAD_DATE: Final = "bad_date"
BAD_HEADER: Final = "bad_header"
BAD_PARAMETERS: Final = "bad_parameters"
HEADERS_CUT: Final = "headers_cut"
NO_HEADER_END: Final = "missing_header_end"

# An event does not have room for more.
HEADER_BYTES: Final = 1024 * 1024
# Bounds the time, above all of a mail in which every part has very many fields.
FIELDS: Final = 5000
PART_FIELDS: Final = 500
# The standard library's parser of parameters takes quadratic time. A file name of 255 bytes has at most 1000
# characters (RFC 2231), in about 20 pieces.
PARAMETER_CHARACTERS: Final = 2 * 1024
PARAMETERS: Final = 64
DATE_CHARACTERS: Final = 200
# Encoded words of one value; later ones stay encoded.
WORDS: Final = 2000

_LINE: Final = re.compile(rb"([^\r\n]*)(\r\n|\r|\n|\Z)")
_FIELD: Final = re.compile(rb"([!-9;-~]+)[ \t]*:(.*)", re.DOTALL)
_MBOX_LINE: Final = re.compile(rb">?From ")
_PARAMETER: Final = re.compile(rb"[A-Za-z][A-Za-z0-9_.*-]*[ \t]*=")
# A field, and not a line of text such as "Note: …" or "https://…".
_SURE_FIELD: Final = re.compile(
    rb"(?:[A-Z][A-Z0-9]*(?:-[A-Z0-9]+)+|from|to|cc|bcc|subject|date|sender|received|references|keywords"
    rb"|comments|importance|priority|precedence|sensitivity|organization|status)[ \t]*:",
    re.IGNORECASE,
)
_HEADER_END: Final = re.compile(rb"\r\n\r\n|\n\n|\r\r")
# The lookbehind matches a run of blanks once, and not again from each of its blanks.
_LINE_BREAK: Final = re.compile(r"(?<!\s)\s*[\r\n]\s*")
_WORD_HEAD: Final = re.compile(r"=\?([^?\s]{1,80})\?([bBqQ])\?")
_MISSING_SEMICOLON: Final = re.compile(r"^\s*([^\s;=]+)\s+(?=[^\s;=]+=)")
# A quoted string, the end of a parameter, or where a comment may begin.
_COMMENT_BEGIN: Final = re.compile(r'"(?:[^"\\]|\\.)*"?|[;(]', re.DOTALL)
_COMMENT_MARK: Final = re.compile(r"\\.|[()]", re.DOTALL)
_COMMENT_DEPTHS: Final = {"(": 1, ")": -1}
_NAME_BEGIN: Final = re.compile(r"\s*+(?:file)?name[*0-9]*+\s*+=", re.IGNORECASE)
_MESSAGE_ID: Final = re.compile(r"<[^<>]+>")


class _Untouched(Compat32):
    """Return a header value unchanged; the library's own policy replaces 8-bit bytes."""

    def header_fetch_parse(self, name: str, value: str) -> str:  # noqa: ARG002 - the library's signature
        return value


_UNTOUCHED: Final = _Untouched()


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One header field. `value` is unfolded and still encoded: `text` decodes it.

    Bytes over 127 are lone surrogates in it (Python's `surrogateescape`), since their charset depends on the
    context.
    """

    name: str
    value: str


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """A header section; the body begins at `end`."""

    fields: tuple[Field, ...]
    end: int
    defects: tuple[str, ...] = ()

    def first(self, name: str) -> str | None:
        """Return the first value of a field, by its name in lower case."""
        return next(iter(self.all(name)), None)

    def all(self, name: str) -> tuple[str, ...]:
        """Return all values of a field, by its name in lower case."""
        return tuple(field.value for field in self.fields if field.name.lower() == name)


def read_header(raw: bytes, start: int, stop: int, *, limit: int = FIELDS) -> Header:
    """Return the header section between two offsets, with at most `limit` fields.

    It ends at an empty line. A line that is neither a field nor a continuation is skipped, unless the empty
    line is missing, so that the body begins there: see `_known_header`. A parameter on a line of its own,
    whose blank is lost, continues its field.
    """
    fields: list[tuple[str, list[bytes]]] = []
    defects: tuple[str, ...] = ()
    position = known = start
    while position < stop:
        match = _LINE.match(raw, position, min(stop, start + HEADER_BYTES))
        if match is None or match.end() - start >= HEADER_BYTES or len(fields) > limit:
            end = _body_start(raw, position, stop)
            return Header(fields=_decoded(fields[:limit]), end=end, defects=(*defects, HEADERS_CUT))
        line = match[1]
        if not line:
            return Header(fields=_decoded(fields), end=match.end(), defects=defects)
        field = _FIELD.match(line)
        if line[:1] in b" \t" and fields:
            fields[-1][1].append(line)
        elif fields and (field is None or b"=" in field[1]) and _is_parameter(fields[-1][1][-1], line):
            fields[-1][1].append(b" " + line)
            defects = (BAD_HEADER,)
        elif field:
            fields.append((field[1].decode("ascii"), [field[2]]))
        elif line.startswith(b":"):
            defects = (BAD_HEADER,)
        elif fields or not _MBOX_LINE.match(line):
            known = max(known, _known_header(raw, position, min(stop, start + HEADER_BYTES), known, fields))
            if known <= position:
                return Header(fields=_decoded(fields), end=position, defects=(*defects, NO_HEADER_END))
            defects = (BAD_HEADER,)
        position = match.end()
    return Header(fields=_decoded(fields), end=stop, defects=defects)


def _is_parameter(last: bytes, line: bytes) -> bool:
    return line[:1] == b";" or (last.rstrip(b" \t")[-1:] == b";" and _PARAMETER.match(line) is not None)


def _known_header(raw: bytes, position: int, stop: int, known: int, fields: Sized) -> int:
    """Return up to where a header section surely continues after a broken line; `position` if not at all.

    Mail programs read on to the empty line, as Thunderbird does
    (https://searchfox.org/comm-central/source/mailnews/mime/src/mimehdrs.cpp). If that line is missing, a
    whole paragraph of the body would be lost. So the header continues if a field follows that people do not
    write in a text, or if the broken line is the only one, or a line of an mbox file. `known` is what was
    returned before, so that each line is read once.
    """
    if position < known:
        return known
    end = position
    broken = 0 if fields else 2
    while end < stop and (match := _LINE.match(raw, end, stop)):
        line = match[1]
        if not line:
            return end if broken <= 1 else position
        if _SURE_FIELD.match(line):
            return end
        if not (line[:1] in b" \t" or _FIELD.match(line) or _MBOX_LINE.match(line)):
            broken += 1
        end = match.end()
    return position


def _body_start(raw: bytes, position: int, stop: int) -> int:
    # the previous line break may be the first of the two
    match = _HEADER_END.search(raw, max(0, position - 2), stop)
    return stop if match is None else match.end()


def _decoded(fields: Iterable[tuple[str, list[bytes]]]) -> tuple[Field, ...]:
    return tuple(
        Field(name=name, value=b"".join(lines).strip(b" \t").decode("ascii", "surrogateescape"))
        for name, lines in fields
    )


class _Word(msgspec.Struct, frozen=True, kw_only=True):
    charset: str
    data: bytes


class Decoded(msgspec.Struct, frozen=True, kw_only=True):
    """The text of a value, and its defects."""

    text: str
    defects: tuple[str, ...]


def text(value: str) -> str:
    """Return the text of `decoded`, without the defects."""
    return decoded(value).text


def decoded(value: str) -> Decoded:
    """Decode the encoded words of a value (RFC 2047), also characters that are split over several words.

    Encoded line breaks become a space, so that a value never contains a second header.
    """
    pieces: list[str | _Word] = []
    for piece in _pieces(value):
        if isinstance(piece, _Word) and pieces:
            last = pieces[-1]
            if isinstance(last, str) and not last.strip(" \t") and len(pieces) > 1:
                pieces.pop()  # space between two words is not text
                last = pieces[-1]
            if isinstance(last, _Word) and last.charset == piece.charset:
                pieces[-1] = _Word(charset=piece.charset, data=last.data + piece.data)
                continue
        pieces.append(piece)
    texts: list[str] = []
    defects: list[str] = []
    for piece in pieces:
        if isinstance(piece, str):
            texts.append(_plain(piece))
            continue
        found, wrong = charsets.decode(piece.data, piece.charset)
        texts.append(found)
        defects += wrong
    whole = _LINE_BREAK.sub(" ", "".join(texts))
    if "\0" in whole:
        defects.append(charsets.NUL_CHARACTERS)
    return Decoded(text=whole, defects=tuple(defects))


def _plain(piece: str) -> str:
    return piece if piece.isascii() else charsets.unlabelled(_raw(piece))


def _raw(value: str) -> bytes:
    """Return the bytes of a value as they were in the mail."""
    return value.encode("utf-8", "surrogateescape")


def _pieces(value: str) -> Iterable[str | _Word]:
    """Split a value into plain text and encoded words, in linear time."""
    plain = 0
    for start, end, word in itertools.islice(_words(value), WORDS):
        if plain < start:
            yield value[plain:start]
        yield word
        plain = end
    if plain < len(value):
        yield value[plain:]


def word_spans(value: str) -> Iterator[tuple[int, int]]:
    """Yield the start and the end of each encoded word of a value."""
    return ((start, end) for start, end, _ in _words(value))


def _words(value: str) -> Iterator[tuple[int, int, _Word]]:
    position = 0
    close = -1
    while (start := value.find("=?", position)) >= 0:
        position = start + 2
        head = _WORD_HEAD.match(value, start)
        if head is None:
            continue
        if close < head.end():
            close = value.find("?=", head.end())
        if close < 0:
            return
        broken = value.find("=?", head.end(), close) >= 0
        data = None if broken else _word(value[head.end() : close], head[2].lower())
        if data is not None:
            position = close + 2
            yield start, position, _Word(charset=head[1].partition("*")[0].lower(), data=data)


def _word(encoded: str, encoding: str) -> bytes | None:
    if encoding == "q":
        return binascii.a2b_qp(_raw(encoded), header=True)
    try:
        return binascii.a2b_base64(encoded.rstrip("=").encode("ascii") + b"==")
    except (binascii.Error, UnicodeEncodeError):
        return None


class Parameterized(msgspec.Struct, frozen=True, kw_only=True):
    """A value such as `text/plain; charset=utf-8`: `token` in lower case, parameter names too.

    Both are encoded like a field's value.
    """

    token: str
    parameters: tuple[tuple[str, str], ...] = ()
    defects: tuple[str, ...] = ()

    def get(self, name: str) -> str | None:
        """Return a parameter by its name in lower case; None if it is missing or empty."""
        return next((value for key, value in self.parameters if key == name and value), None)


def parameterized(value: str) -> Parameterized:
    """Parse a value with parameters, including RFC 2231's continued and charset-labelled ones."""
    known = _MISSING_SEMICOLON.sub(r"\1; ", _without_comments(value[:PARAMETER_CHARACTERS]))
    token = known.partition(";")[0].strip().lower()
    if len(value) > PARAMETER_CHARACTERS or known.count(";") > PARAMETERS:
        return Parameterized(token=token, defects=(BAD_PARAMETERS,))
    message = Message(policy=_UNTOUCHED)
    message["Content-Type"] = known
    try:
        given = message.get_params(failobj=[])
    except Exception:  # noqa: BLE001 - the library raises many errors on hostile values
        return Parameterized(token=token, defects=(BAD_PARAMETERS,))
    plain: list[tuple[str, str]] = []
    labelled: list[tuple[str, str]] = []
    defects: list[str] = []
    for name, content in given[1:]:
        if isinstance(content, tuple):
            labelled.append((name.lower(), _labelled(content, defects)))
        else:
            plain.append((name.lower(), content))
    # RFC 6266, 4.3: `filename*` is preferred to `filename`.
    return Parameterized(token=token, parameters=(*labelled, *plain), defects=tuple(defects))


def _labelled(content: tuple[str | None, str | None, str], defects: list[str]) -> str:
    charset, _, encoded = content
    try:
        found, wrong = charsets.decode(encoded.encode("latin-1", "surrogateescape"), charset or None)
    except UnicodeEncodeError:
        return encoded
    defects += wrong
    return found


def _without_comments(value: str) -> str:
    """Remove the comments (RFC 2045, 5.1) from a value, unless it has very many; a comment must be closed.

    Brackets in a quoted string begin no comment. Neither do those that mailers do not quote: in a file name,
    as in `filename=report (1).pdf`, or within a word, as in `boundary=a(b)`.
    """
    if not 0 < value.count("(") <= PARAMETERS:
        return value
    kept: list[str] = []
    parameter = position = known = 0
    while match := _COMMENT_BEGIN.search(value, position):
        start, position = match.span()
        if match[0] == ";":
            parameter = position
        if match[0] != "(" or _is_of_word(value, parameter, start):
            continue
        end = _comment_end(value, start)
        if end is None:
            break
        kept.append(value[known:start])
        known = position = end
    return "".join((*kept, value[known:]))


def _is_of_word(value: str, parameter: int, bracket: int) -> bool:
    if _NAME_BEGIN.match(value, parameter, bracket):
        return True
    return value.find("=", parameter, bracket) >= 0 and not value[bracket - 1].isspace()


def _comment_end(value: str, start: int) -> int | None:
    depth = 0
    for match in _COMMENT_MARK.finditer(value, start):
        depth += _COMMENT_DEPTHS.get(match[0], 0)
        if not depth:
            return match.end()
    return None


def date(value: str) -> datetime | None:
    """Return a date in UTC, None if it cannot be parsed. A date without an offset is in UTC."""
    if len(value) > DATE_CHARACTERS:
        return None
    try:
        moment = parsedate_to_datetime(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError, AttributeError):
        return None


def message_ids(value: str) -> tuple[str, ...]:
    """Return the message ids of a value with their angle brackets; its words if it has no brackets."""
    value = text(value)
    return tuple(_MESSAGE_ID.findall(value)) or tuple(value.split())
