"""Splits a mail into its parts, as offsets into its bytes.

The standard library's parser keeps every line as an object (a 40 MB mail of short lines takes over a
gigabyte), rewrites attached messages, and recurses once per level. Here each part is a range of the raw mail:
its bytes are exact, and time and memory are bounded.
"""

from __future__ import annotations

import functools
import itertools
import re
from typing import TYPE_CHECKING, Final

import msgspec

from inbound import fields, flowed, transfer
from inbound.mapped import MAPPED_BYTES, release
from inbound.parameters import Parameterized, parameterized

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from inbound.mapped import Raw

    # whether a section of the mail, from its start to its end, is the header of a multipart with a boundary
    _Opens = Callable[[int, int, bytes], bool]

BAD_CONTENT_TYPE: Final = "bad_content_type"
EMPTY_MULTIPART: Final = "empty_multipart"
MISSING_BOUNDARY: Final = "missing_boundary"
MISSING_CLOSING_BOUNDARY: Final = "missing_closing_boundary"
NESTED_TOO_DEEP: Final = "nested_too_deep"
TOO_MANY_PARTS: Final = "too_many_parts"

# Before a delimiter, the header of a multipart that uses the boundary again is looked for.
OPENING_BYTES: Final = 16 * 1024

DEPTH: Final = 128
PARTS: Final = 2000

_MEDIA_TYPE: Final = re.compile(r"[a-z0-9!#$&^_.+-]{1,127}/[a-z0-9!#$&^_.+-]{1,127}")
_TOKEN: Final = re.compile(r"[a-z0-9!#$&^_.+-]{1,127}")
_DELIMITER_REST: Final = rb"(--)?[ \t]*(?:\r\n|\r|\n|\Z)"
# A field that is not over yet.
_MULTIPART_FIELD: Final = re.compile(
    rb"(?:\A|[\r\n])content-type[ \t]*:\s*multipart/[^\r\n]*(?:(?:\r\n|\r|\n)[ \t][^\r\n]*)*\Z", re.IGNORECASE
)
_HEADER_LINE: Final = re.compile(rb"[!-9;-~]+[ \t]*:|[ \t]")
_BRACKETS: Final = re.compile(r"^<(.*)>$", re.DOTALL)


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part that is not a multipart. Its content, still encoded, is at `start` to `end`.

    `parent` is the content type of the multipart around it, `position` its position there from 0. `flow` is
    None if the lines of its text are fixed.
    """

    content_type: str
    charset: str | None
    method: str | None
    flow: flowed.Flow | None
    encoding: str
    disposition: str | None
    filename: str | None
    content_id: str | None
    content_location: str | None
    parent: str | None
    position: int
    start: int
    end: int

    def content(self, raw: Raw) -> tuple[bytes, tuple[str, ...]]:
        """Return the decoded bytes, and their defects. Text that is only labelled as Base64 is kept."""
        encoded = memoryview(raw)[self.start : self.end]
        content, defects = transfer.decode(encoded, self.encoding)
        if transfer.BAD_BASE64 in defects and self.content_type.startswith("text/"):
            return content if transfer.begins_as_base64(encoded) else bytes(encoded), defects
        return content, defects


class Structure(msgspec.Struct, frozen=True, kw_only=True):
    """A mail's header, its parts in order, and its defects."""

    header: fields.Header
    parts: tuple[Part, ...]
    defects: tuple[str, ...]


class _Entity(msgspec.Struct, frozen=True, kw_only=True):
    """A range that must still be split: a header section and a body."""

    start: int
    end: int
    parent: str | None
    position: int
    depth: int


class _Media(msgspec.Struct, frozen=True, kw_only=True):
    """A part's content type; `token` is always a valid one."""

    token: str
    value: Parameterized
    defects: tuple[str, ...]


class _Split(msgspec.Struct, frozen=True, kw_only=True):
    """The ranges between the delimiters of a multipart; None if it has no delimiter."""

    ranges: tuple[tuple[int, int], ...] | None
    defects: tuple[str, ...] = ()


def read(raw: Raw) -> Structure:
    """Split a mail into its parts. Never fails: bytes that are not a mail are one part of text."""
    parts: list[Part] = []
    defects: list[str] = []
    waiting = [_Entity(start=0, end=len(raw), parent=None, position=0, depth=0)]
    known = 1
    # the sections of a multipart inside another one are looked at in both
    opens: _Opens = functools.cache(functools.partial(_opens, raw))
    header = top = fields.read_header(raw, 0, len(raw))
    while waiting:
        entity = waiting.pop()
        if entity.depth:
            header = fields.read_header(raw, entity.start, entity.end, limit=fields.PART_FIELDS)
        media = _media(header, entity)
        defects += (*header.defects, *media.defects)
        if not media.token.startswith("multipart/"):
            parts.append(_without_binary_text(raw, _part(header, media, entity, defects), media))
            continue
        body = msgspec.structs.replace(entity, start=header.end)
        split = _split_within(raw, body, media, PARTS - known, opens)
        defects += split.defects
        if split.ranges is None:
            parts += _unsplit(raw, _part(header, media, entity, defects), entity)
            continue
        known += len(split.ranges)
        waiting += [
            _Entity(start=start, end=end, parent=media.token, position=position, depth=entity.depth + 1)
            for position, (start, end) in reversed(tuple(enumerate(split.ranges)))
        ]
    return Structure(header=top, parts=tuple(parts), defects=tuple(defects))


def _media(header: fields.Header, entity: _Entity) -> _Media:
    default = "message/rfc822" if entity.parent == "multipart/digest" else "text/plain"
    given = header.first("content-type")
    if given is None:
        return _Media(token=default, value=Parameterized(token=default), defects=())
    value = parameterized(given)
    if _MEDIA_TYPE.fullmatch(value.token):
        return _Media(token=value.token, value=value, defects=value.defects)
    # RFC 2045, 5.2: a part without a valid type is plain text
    return _Media(token="text/plain", value=value, defects=(*value.defects, BAD_CONTENT_TYPE))  # noqa: S106 - no secret


def _part(header: fields.Header, media: _Media, entity: _Entity, defects: list[str]) -> Part:
    disposition = parameterized(header.first("content-disposition") or "")
    filename = _filename(disposition.get("filename"), media.value.get("name"), defects)
    defects += disposition.defects
    # some programs name it twice
    encoding = re.split(r"[\s,]", parameterized(header.first("content-transfer-encoding") or "").token)[0]
    content_id = _BRACKETS.sub(r"\1", fields.text(header.first("content-id") or "").strip())
    return Part(
        content_type=media.token,
        charset=_stripped(media.value.get("charset")),
        method=_stripped(media.value.get("method")),
        flow=flowed.flow(media.token, media.value),
        encoding=encoding.strip("'\" "),
        disposition=disposition.token if _TOKEN.fullmatch(disposition.token) else None,
        filename=filename,
        content_id=content_id or None,
        content_location=_stripped(header.first("content-location")),
        parent=entity.parent,
        position=entity.position,
        start=header.end,
        end=entity.end,
    )


def _filename(disposition: str | None, content_type: str | None, defects: list[str]) -> str | None:
    """Return the name of a part. One of blanks is none, so that it makes no attachment of a text."""
    for given in filter(None, (disposition, content_type)):
        name = fields.decoded(given)
        if name.text.strip():
            defects += name.defects
            return name.text
    return None


def _stripped(value: str | None) -> str | None:
    return fields.text(value or "").strip() or None


def _without_binary_text(raw: Raw, part: Part, media: _Media) -> Part:
    """Return a part whose type is invalid as binary, if its content has NULs, instead of as text."""
    if BAD_CONTENT_TYPE not in media.defects or part.encoding != "base64":
        return part
    begin = memoryview(raw)[part.start : min(part.end, part.start + transfer.PIECE_BYTES)]
    is_binary = b"\0" in transfer.decode(begin, part.encoding)[0]
    return msgspec.structs.replace(part, content_type="application/octet-stream") if is_binary else part


def _unsplit(raw: Raw, part: Part, entity: _Entity) -> Iterator[Part]:
    """Return a multipart that cannot be split as text, so that it is shown, if it has any content.

    One that is nested too deep stays a multipart, which makes it an attachment.
    """
    if entity.depth >= DEPTH:
        yield part
    elif raw[part.start : part.end].strip():
        yield msgspec.structs.replace(part, content_type="text/plain")


def _split_within(raw: Raw, body: _Entity, media: _Media, limit: int, opens: _Opens) -> _Split:
    """Split the body of a multipart within the limits of depth and number."""
    if body.depth >= DEPTH:
        return _Split(ranges=None, defects=(NESTED_TOO_DEEP,))
    boundary = _boundary(media.value)
    if boundary is None:
        return _Split(ranges=None, defects=(MISSING_BOUNDARY,))
    split = _split(raw, body, boundary, limit, opens)
    if split.ranges is None and len(boundary) > len("''") and boundary[:1] + boundary[-1:] == b"''":
        # apostrophes are of the boundary, unless it was meant to be quoted
        return _split(raw, body, boundary[1:-1], limit, opens)
    return split


def _split(raw: Raw, body: _Entity, boundary: bytes, limit: int, opens: _Opens) -> _Split:
    """Return the ranges between the delimiters.

    A multipart inside, at any depth, may use the boundary again: its range has its own delimiters, up to its
    closing one (https://github.com/emersion/go-message/issues/164).
    """
    ranges: list[tuple[int, int]] = []
    child: int | None = None
    section, sections, inside = body.start, 0, 0
    for at, after, closes in _delimiters(raw, body.start, body.end, b"--" + boundary):
        if child is None:
            if closes:
                return _Split(ranges=(), defects=(EMPTY_MULTIPART,))
            child = after
        else:
            sections += 1
            inside += opens(section, at, boundary)
            if inside:
                inside -= closes
            else:
                ranges.append((child, max(child, _before_line_break(raw, at))))
                if closes:
                    return _Split(ranges=tuple(ranges))
                child = after
        section = after
        if sections >= limit:
            rest = ((child, at),) if inside else ()
            return _Split(ranges=(*ranges, *rest), defects=(TOO_MANY_PARTS,))
    if child is not None:
        ranges.append((child, body.end))
    return _Split(
        ranges=tuple(ranges) or None, defects=(MISSING_CLOSING_BOUNDARY if ranges else MISSING_BOUNDARY,)
    )


def _opens(raw: Raw, start: int, end: int, boundary: bytes) -> bool:
    """Return True if a section ends in the header of a multipart with this boundary, and its preamble."""
    begin = max(start, end - OPENING_BYTES)
    return any(_names(raw, begin, end, equals + boundary) for equals in (b"=", b'="', b"= "))


def _names(raw: Raw, begin: int, end: int, boundary: bytes) -> bool:
    named = raw.rfind(boundary, begin, end)
    after = named + len(boundary)
    if named < 0 or raw[after : after + 1] not in b'"; \t\r\n':
        return False
    text = raw[begin:named]
    return _MULTIPART_FIELD.search(text) is not None and _is_in_header(text)


def _is_in_header(text: bytes) -> bool:
    """Return True if the end of a text is in a header: of the text, of a part, or of a message in it."""
    lines = text.splitlines()
    while lines and _HEADER_LINE.match(lines[-1]):
        lines.pop()
    if not lines or lines[-1].startswith(b"--"):
        return True
    above = itertools.takewhile(_HEADER_LINE.match, reversed(lines[:-1]))
    return not lines[-1] and any(b"message/rfc822" in line.lower() for line in above)


def _boundary(media: Parameterized) -> bytes | None:
    boundary = media.get("boundary") or ""
    return boundary.encode("utf-8", "surrogateescape") if boundary.strip() else None


def _delimiters(raw: Raw, start: int, end: int, delimiter: bytes) -> Iterator[tuple[int, int, bool]]:
    """Yield the start and the end of each delimiter line, and if it closes the multipart."""
    # blanks at its end may be lost on the way (RFC 2046, 5.1.1)
    kept = delimiter.rstrip()
    known, blanks = re.escape(kept), b"" if kept == delimiter else rb"[ \t]*"
    # the lookbehind follows the bytes that it checks, so that the search is for plain bytes
    lines = re.compile(b"%b(?<=[\\r\\n]%b)%b%b" % (known, known, blanks, _DELIMITER_REST))
    read = start
    for line in lines.finditer(raw, start, end):
        if line.start() - read > MAPPED_BYTES:
            release(raw, read, line.start())
            read = line.start()
        yield line.start(), line.end(), line[1] is not None


def _before_line_break(raw: Raw, at: int) -> int:
    """Return the offset before the line break, which belongs to the delimiter (RFC 2046, 5.1.1)."""
    if raw[at - 2 : at] == b"\r\n":
        return at - 2
    return at - 1 if raw[at - 1 : at] in {b"\r", b"\n"} else at
