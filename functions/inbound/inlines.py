"""Finds the parts of a mail that are shown within its body: those that the body uses.

A mark alone does not make an inline: Apple Mail marks all files that it can show, PDFs too
(https://github.com/pazz/alot/issues/243, https://github.com/Cocoanetics/SwiftMail/issues/142), and many
programs give each file a Content-ID.
"""

from __future__ import annotations

import re
import urllib.parse
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from inbound.structure import Part

# In lower case, as the body is searched: a pattern that ignores case takes ten times as long.
_CID: Final = re.compile(rb"cid:([^\s\"'<>()\[\]\\]{1,1000})")
# Some programs make the id of a file name, with blanks and brackets.
_QUOTED_CID: Final = re.compile(rb"\"cid:([^\"]{1,1000})\"|'cid:([^']{1,1000})'|\[cid:([^\[\]]{1,1000})\]")
# RFC 2557: a part that the HTML names by its address
_ADDRESS: Final = re.compile(
    rb"\b(?:src|href|background|data|poster)\s*=\s*(?:\"([^\"]{1,2000})\"|'([^']{1,2000})'|([^\s\"'>]{1,2000}))"
    rb"|\burl\(\s*[\"']?([^\"')]{1,2000})"
)


def inlines(parts: Sequence[Part], is_body: Callable[[Part], bool], body: bytes) -> frozenset[int]:
    """Return the start offsets of the parts that a mail's body (UTF-8: the HTML, else the text) uses.

    It uses them by their Content-ID or Content-Location. Apple Mail also shows a picture where it stands
    between two texts. A part that is marked as an attachment is one.
    """
    candidates = [part for part in parts if part.disposition in {None, "inline"} and not is_body(part)]
    ids = {part.start: _key(part.content_id) for part in candidates if part.content_id}
    addresses = {part.start: _key(part.content_location) for part in candidates if part.content_location}
    in_lower_case = body.lower() if ids or addresses else b""
    by_id = _used(ids, _CID.findall(in_lower_case)) if ids else frozenset()
    if len(by_id) < len(ids):
        by_id |= _used(ids, _whole(_QUOTED_CID, in_lower_case))
    by_address = _used(addresses, _whole(_ADDRESS, in_lower_case)) if addresses else ()
    return frozenset((*by_id, *by_address, *_between_texts(parts, is_body)))


def _whole(pattern: re.Pattern[bytes], body: bytes) -> list[bytes]:
    return [b"".join(groups).strip() for groups in pattern.findall(body)]


def _used(keys: Mapping[int, bytes], references: Sequence[bytes]) -> frozenset[int]:
    """Return the parts whose key is one of the references, as they are written or decoded."""
    wanted = frozenset(keys.values())
    known = wanted.intersection(references)
    if known != wanted:
        plain = {
            each.replace(b"&amp;", b"&").replace(b"&#64;", b"@")
            for each in references
            if b"%" in each or b"&" in each
        }
        decoded = (urllib.parse.unquote_to_bytes(each).lower() for each in plain)
        known = wanted.intersection((*known, *plain, *decoded))
    return frozenset(start for start, key in keys.items() if key in known)


def _key(reference: str) -> bytes:
    return reference.encode().lower()


def _between_texts(parts: Sequence[Part], is_body: Callable[[Part], bool]) -> Iterator[int]:
    """Yield the pictures that are marked inline and followed by a text of the same multipart."""
    after: Part | None = None
    for part in reversed(parts):
        is_next = after is not None and (part.parent, part.position + 1) == (after.parent, after.position)
        if is_body(part):
            after = part
        elif is_next and part.disposition == "inline" and part.content_type.startswith("image/"):
            after = part
            yield part.start
        else:
            after = None
