"""The metadata and tags in the sent message's own headers.

SES reports headers as they were sent, folded and with encoded words.
"""

from __future__ import annotations

import re
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from typing import TYPE_CHECKING, Final

import msgspec

from mailbus.events import MetadataValue

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tracking.notification import Header

METADATA_HEADER: Final = "x-metadata"
TAG_HEADER: Final = "x-tag"

# SES truncates headers at 10 KB. A longer value, which only a test or another service sends, is not decoded,
# since that takes time; metadata that is not in the headers comes from the ledger.
DECODED_CHARACTERS: Final = 128 * 1024

# an encoded word: https://datatracker.ietf.org/doc/html/rfc2047#section-2
_WORD: Final = "=?"
_WORD_END: Final = "?="
_NO_WORD: Final = "=\0?"
_FOLD: Final = re.compile(r"\r?\n(?=[ \t])")
_READ: Final = frozenset({METADATA_HEADER, TAG_HEADER})
# no name that is read sorts before it, however it is written; most other names begin with a capital before X
_LEAST: Final = "X"
_METADATA: Final[msgspec.json.Decoder[dict[str, MetadataValue]]] = msgspec.json.Decoder(
    dict[str, MetadataValue]
)
_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_SCALAR: Final[msgspec.json.Decoder[MetadataValue]] = msgspec.json.Decoder(MetadataValue)


class OwnHeaders(msgspec.Struct, frozen=True, kw_only=True):
    """Metadata and tags. `has_metadata_header` without metadata: the header is invalid or was truncated."""

    metadata: dict[str, MetadataValue] = msgspec.field(default_factory=dict)
    tags: tuple[str, ...] = ()
    has_metadata_header: bool = False


def read(headers: Iterable[Header]) -> OwnHeaders:
    """Read `X-Metadata` and every `X-Tag`, in order, in one pass: there are many other headers."""
    metadata: dict[str, MetadataValue] | None = None
    tags: list[str] = []
    has_metadata_header = False
    for header in headers:
        name = header.name
        if name is None or name < _LEAST or (lowered := name.lower()) not in _READ:
            continue
        if lowered == METADATA_HEADER:
            has_metadata_header = True
            if metadata is None and header.value is not None:
                metadata = _members(_text(header.value))
        elif header.value is not None:
            tags.append(_text(header.value))
    return OwnHeaders(metadata=metadata or {}, tags=tuple(tags), has_metadata_header=has_metadata_header)


def _members(value: str) -> dict[str, MetadataValue] | None:
    try:
        return _METADATA.decode(value)
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
        return _scalar_members(value)


def _scalar_members(value: str) -> dict[str, MetadataValue] | None:
    """Return the members that are scalars; any other is left out, and the rest are kept."""
    try:
        return dict(_scalars(_MEMBERS.decode(value)))
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
        return None


def _scalars(members: dict[str, msgspec.Raw]) -> Iterator[tuple[str, MetadataValue]]:
    for name, raw in members.items():
        try:
            yield name, _SCALAR.decode(raw)
        except msgspec.MsgspecError:
            continue


def _text(value: str) -> str:
    unfolded = _FOLD.sub("", value) if "\n" in value else value
    if "=?" not in unfolded or not unfolded.isascii() or len(unfolded) > DECODED_CHARACTERS:
        return unfolded
    linear = _linear(unfolded)
    if linear is None:
        return unfolded
    try:
        decoded = str(make_header(decode_header(linear)))
        # UTF-7 and UTF-16 can encode half a surrogate pair, which no event can carry
        decoded.encode()
    except (HeaderParseError, LookupError, ValueError):
        # an invalid encoded word stays as it is
        return unfolded
    return decoded.replace(_NO_WORD, _WORD)


def _linear(value: str) -> str | None:
    """Return a value that `decode_header` decodes in linear time; None if there is none.

    It searches for the end of every word that begins, up to the end of the line: many words without an end
    take quadratic time. In a value of one line only words that begin after the last end have none.
    """
    if _NO_WORD[1] in value or len(value.splitlines()) > 1:
        return None
    ended = value.rfind(_WORD_END) + len(_WORD_END) if _WORD_END in value else 0
    return value[:ended] + value[ended:].replace(_WORD, _NO_WORD)
