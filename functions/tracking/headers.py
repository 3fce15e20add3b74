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

_FOLD: Final = re.compile(r"\r?\n(?=[ \t])")
_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_SCALAR: Final[msgspec.json.Decoder[MetadataValue]] = msgspec.json.Decoder(MetadataValue)


def metadata(headers: Iterable[Header]) -> dict[str, MetadataValue]:
    """Read `X-Metadata`: the scalars of a JSON object; empty where it is broken or was cut off."""
    for value in _values(headers, METADATA_HEADER):
        try:
            members = _MEMBERS.decode(value)
        except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
            continue
        return dict(_scalars(members))
    return {}


def names_metadata(headers: Iterable[Header]) -> bool:
    """Tell whether `X-Metadata` is there at all, readable or not."""
    return any(header.name is not None and header.name.lower() == METADATA_HEADER for header in headers)


def tags(headers: Iterable[Header]) -> tuple[str, ...]:
    """Read every `X-Tag`, in order."""
    return tuple(_values(headers, TAG_HEADER))


def _scalars(members: dict[str, msgspec.Raw]) -> Iterator[tuple[str, MetadataValue]]:
    for name, raw in members.items():
        try:
            yield name, _SCALAR.decode(raw)
        except msgspec.MsgspecError:
            continue


def _values(headers: Iterable[Header], wanted: str) -> Iterator[str]:
    for header in headers:
        if header.name is not None and header.value is not None and header.name.lower() == wanted:
            yield _text(header.value)


def _text(value: str) -> str:
    unfolded = _FOLD.sub("", value)
    if "=?" not in unfolded or not unfolded.isascii():
        return unfolded
    try:
        decoded = str(make_header(decode_header(unfolded)))
        # UTF-7 and UTF-16 let half a surrogate pair through, which no event can carry
        decoded.encode()
    except (HeaderParseError, LookupError, ValueError):
        # an encoded word that lies about itself stays as it is
        return unfolded
    return decoded
