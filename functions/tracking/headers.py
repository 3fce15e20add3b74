"""What the sent message's own headers say of it: metadata and tags.

SES gives headers as they stood on the wire, folded and with encoded words.
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

# more than the sender ever writes; a message of SNS has room for more, and decoding takes its time
DECODED_CHARACTERS: Final = 128 * 1024

# an encoded word: https://datatracker.ietf.org/doc/html/rfc2047#section-2
_WORD: Final = "=?"
_WORD_END: Final = "?="
_NO_WORD: Final = "=\0?"
_FOLD: Final = re.compile(r"\r?\n(?=[ \t])")
_OWN: Final = frozenset({METADATA_HEADER, TAG_HEADER})
_METADATA: Final[msgspec.json.Decoder[dict[str, MetadataValue]]] = msgspec.json.Decoder(
    dict[str, MetadataValue]
)
_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_SCALAR: Final[msgspec.json.Decoder[MetadataValue]] = msgspec.json.Decoder(MetadataValue)


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What headers tell. There may be `names_metadata` without any: it is broken, or was cut off."""

    metadata: dict[str, MetadataValue] = msgspec.field(default_factory=dict)
    tags: tuple[str, ...] = ()
    names_metadata: bool = False


def read(headers: Iterable[Header]) -> Told:
    """Read `X-Metadata` and every `X-Tag`, in order, in one go: the other headers are many."""
    metadata: dict[str, MetadataValue] | None = None
    tags: list[str] = []
    names_metadata = False
    for header in headers:
        name = header.name
        if name is None or (lowered := name.lower()) not in _OWN:
            continue
        if lowered == METADATA_HEADER:
            names_metadata = True
            if metadata is None and header.value is not None:
                metadata = _members(_text(header.value))
        elif header.value is not None:
            tags.append(_text(header.value))
    return Told(metadata=metadata or {}, tags=tuple(tags), names_metadata=names_metadata)


def _members(value: str) -> dict[str, MetadataValue] | None:
    try:
        return _METADATA.decode(value)
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
        return _scalar_members(value)


def _scalar_members(value: str) -> dict[str, MetadataValue] | None:
    """Read what is a scalar: one member that is not must not cost the others."""
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
    readable = _readable(unfolded)
    if readable is None:
        return unfolded
    try:
        decoded = str(make_header(decode_header(readable)))
        # UTF-7 and UTF-16 let half a surrogate pair through, which no event can carry
        decoded.encode()
    except (HeaderParseError, LookupError, ValueError):
        # an encoded word that lies about itself stays as it is
        return unfolded
    return decoded.replace(_NO_WORD, _WORD)


def _readable(value: str) -> str | None:
    """Give what `decode_header` reads in linear time.

    It looks for the end of every word that begins, up to the end of its line: many that never end take it
    the square of their length. Only what begins behind the last end never ends, in a value of one line.
    """
    if _NO_WORD[1] in value or len(value.splitlines()) > 1:
        return None
    ended = value.rfind(_WORD_END) + len(_WORD_END) if _WORD_END in value else 0
    return value[:ended] + value[ended:].replace(_WORD, _NO_WORD)
