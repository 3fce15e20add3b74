"""Parses header fields of a mail: their lines, text and message ids."""

from __future__ import annotations

import binascii
import itertools
import re
from typing import TYPE_CHECKING, Final

import msgspec

from inbound import charsets

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from inbound.mapped import Raw

BAD_HEADER: Final = "bad_header"
HEADERS_CUT: Final = "headers_cut"
NO_HEADER_END: Final = "missing_header_end"

# An event does not have room for more.
HEADER_BYTES: Final = 1024 * 1024
# Bounds the time, above all of a mail in which every part has very many fields.
FIELDS: Final = 5000
PART_FIELDS: Final = 500
# Encoded words of one value; later ones stay encoded.
WORDS: Final = 2000
# A lone surrogate that no value has: bytes over 127 are others.
WORD_MASK: Final = "\ud800"

_LINE: Final = re.compile(rb"([^\r\n]*)(\r\n|\r|\n|\Z)")
_FIELD: Final = re.compile(rb"([!-9;-~]+)[ \t]*:(.*)", re.DOTALL)
_MBOX_LINE: Final = re.compile(rb">?From ")
_PARAMETER: Final = re.compile(rb"[A-Za-z][A-Za-z0-9_.*-]*[ \t]*=")
# Fields that programs write, and no line of a text, such as "E-Mail: …" or "https://…".
_SURE_FIELD: Final = re.compile(
    rb"(?:(?:x|arc|resent)-[a-z0-9-]+|received(?:-spf)?|authentication-results|(?:dkim|domainkey)-signature"
    rb"|mime-version|content-(?:type|transfer-encoding|disposition|id|language|description|location)"
    rb"|message-id|in-reply-to|reply-to|return-path|(?:delivered|envelope|errors)-to"
    rb"|auto-submitted|feedback-id|thread-(?:index|topic)|user-agent"
    rb"|list-(?:id|unsubscribe(?:-post)?|help|post|archive|subscribe|owner))[ \t]*:",
    re.IGNORECASE,
)
# Fields that a header has once. A quote in a text has them too.
_LONE_FIELD: Final = re.compile(rb"(from|to|cc|bcc|subject|date|sender|references)[ \t]*:", re.IGNORECASE)
# The delimiter of a part, the rule above a quote, or a tag: no header has them.
_BODY_LINE: Final = re.compile(rb"--|_{5}|<[!/]?[A-Za-z][A-Za-z0-9]*[ />]")
# Words of a program. Base64 and tags are not.
_WORDS_ALONE: Final = re.compile(rb"[^\s<]+ [^<]*")
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_HEADER_END: Final = re.compile(rb"\r\n\r\n|\n\n|\r\r")
# The lookbehind matches a run of blanks once, and not again from each of its blanks.
_LINE_BREAK: Final = re.compile(r"(?<!\s)\s*[\r\n]\s*")
_WORD_HEAD: Final = re.compile(r"=\?([^?\s]{1,80})\?([bBqQ])\?")
_UNCLOSED: Final = re.compile(r'\s[^<>"]*[<>"]|[<>"][^\s]*\s')
_MESSAGE_ID: Final = re.compile(r"<[^<>]+>")


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


def read_header(raw: Raw, start: int, stop: int, *, limit: int = FIELDS) -> Header:
    """Return the header section between two offsets, with at most `limit` fields.

    It ends at an empty line. A line that is neither a field nor a continuation is skipped, unless the empty
    line is missing, so that the body begins there: see `_known_header`. A parameter on a line of its own,
    whose blank is lost, continues its field.
    """
    fields: list[tuple[str, list[bytes]]] = []
    given: dict[bytes, bytes] = {}
    defects: tuple[str, ...] = ()
    position = known = start
    while position < stop:
        match = _LINE.match(raw, position, min(stop, start + HEADER_BYTES))
        if match is None or match.end() - start >= HEADER_BYTES or len(fields) > limit:
            end = _body_start(raw, position, stop)
            return Header(fields=_decoded(fields[:limit]), end=end, defects=(*defects, HEADERS_CUT))
        line = match[1].removeprefix(_BYTE_ORDER_MARK)
        if not line:
            return Header(fields=_decoded(fields), end=match.end(), defects=defects)
        field = _FIELD.match(line)
        if line[:1] in b" \t" and fields:
            fields[-1][1].append(line)
        elif fields and (field is None or b"=" in field[1]) and _is_parameter(fields[-1][1][-1], line):
            fields[-1][1].append(b" " + line)
            defects = (BAD_HEADER,)
        elif field:
            given.setdefault(field[1].lower(), field[2])
            fields.append((field[1].decode("ascii"), [field[2]]))
        elif line.startswith(b":"):
            defects = (BAD_HEADER,)
        elif fields or not _MBOX_LINE.match(line):
            known = max(known, _known_header(raw, position, min(stop, start + HEADER_BYTES), known, given))
            if known <= position:
                return Header(fields=_decoded(fields), end=position, defects=(*defects, NO_HEADER_END))
            defects = (BAD_HEADER,)
        position = match.end()
    return Header(fields=_decoded(fields), end=stop, defects=defects)


def _is_parameter(last: bytes, line: bytes) -> bool:
    return line[:1] == b";" or (last.rstrip(b" \t")[-1:] == b";" and _PARAMETER.match(line) is not None)


def _known_header(raw: Raw, position: int, stop: int, known: int, given: Mapping[bytes, bytes]) -> int:
    """Return up to where a header section surely continues after a broken line; `position` if not at all.

    Mail programs read on to the empty line, as Thunderbird does
    (https://searchfox.org/comm-central/source/mailnews/mime/src/mimehdrs.cpp). If that line is missing, a
    whole paragraph of the body would be lost. So the header continues if a field follows that people do not
    write in a text, if all broken lines are of an mbox file, or if there is only one, above a body that is no
    plain text. The delimiter of a part ends it
    (https://github.com/namecheap/fast_mail_parser/issues/150). `known` is what was returned before, so that
    each line is read once. `given` are the fields so far, by their name in lower case.
    """
    if position < known:
        return known
    end = position
    broken: list[bytes] = []
    while end < stop and (match := _LINE.match(raw, end, stop)):
        line = match[1]
        if not line:
            return end if given and _is_skipped(broken, given) else position
        lone = _LONE_FIELD.match(line)
        if _SURE_FIELD.match(line) or (lone is not None and lone[1].lower() not in given):
            return end
        if _BODY_LINE.match(line):
            break
        if not (line[:1] in b" \t" or _FIELD.match(line) or _MBOX_LINE.match(line)):
            broken.append(line)
        end = match.end()
    return position


def _is_skipped(broken: Sequence[bytes], given: Mapping[bytes, bytes]) -> bool:
    """Return True if broken lines above an empty line are no text."""
    if not broken:
        return True
    is_plain = given.get(b"content-type", b"text/plain").strip().lower().startswith(b"text/plain")
    return len(broken) == 1 and not is_plain and _WORDS_ALONE.fullmatch(broken[0]) is not None


def _body_start(raw: Raw, position: int, stop: int) -> int:
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
        if isinstance(piece, _Word):
            found, wrong = charsets.decode(piece.data, piece.charset)
        else:
            is_plain = piece.isascii() and "\x1b" not in piece
            found, wrong = (piece, ()) if is_plain else charsets.unlabelled(_raw(piece))
        texts.append(found)
        defects += wrong
    whole = _LINE_BREAK.sub(" ", "".join(texts))
    if "\0" in whole:
        defects.append(charsets.NUL_CHARACTERS)
    return Decoded(text=whole, defects=tuple(defects))


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


def masked(value: str) -> str:
    """Return a value with `WORD_MASK` for each character of its encoded words.

    An encoded word is one word, whatever it holds (RFC 2047, 5); but one with blanks and quotes or brackets
    was probably not closed, and another name ends like a word.
    """
    if "=?" not in value:
        return value
    kept: list[str] = []
    position = 0
    for start, end, _ in _words(value):
        if _UNCLOSED.search(value, start, end):
            continue
        kept += (value[position:start], WORD_MASK * (end - start))
        position = end
    return "".join((*kept, value[position:]))


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


def message_ids(value: str) -> tuple[str, ...]:
    """Return the message ids of a value with their angle brackets; its words if it has no brackets."""
    value = text(value)
    return tuple(_MESSAGE_ID.findall(value)) or tuple(value.split())
