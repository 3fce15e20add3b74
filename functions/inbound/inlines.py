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
    from collections.abc import Callable, Iterator, Sequence

    from inbound.structure import Part

# In lower case, as the body is searched: a pattern that ignores case takes ten times as long.
_CID: Final = re.compile(rb"cid:([^\s\"'<>()\[\]\\]{1,1000})")
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
    ids = _used(_CID, body) if any(part.content_id for part in candidates) else frozenset()
    addresses = _used(_ADDRESS, body) if any(part.content_location for part in candidates) else frozenset()
    used = (
        part.start
        for part in candidates
        if _key(part.content_id) in ids or _key(part.content_location) in addresses
    )
    return frozenset((*used, *_between_texts(parts, is_body)))


def _used(pattern: re.Pattern[bytes], body: bytes) -> frozenset[bytes]:
    """Return the references in a body, as they are written and decoded, in lower case."""
    found = {next(filter(None, match.groups())).strip() for match in pattern.finditer(body.lower())}
    plain = {reference.replace(b"&amp;", b"&") for reference in found}
    return frozenset(each.lower() for each in (*plain, *map(urllib.parse.unquote_to_bytes, plain)))


def _key(reference: str | None) -> bytes:
    return (reference or "").encode().lower()


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
