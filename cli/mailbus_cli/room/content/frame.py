"""Makes the document that shows a mail's HTML in its frame.

The frame's sandbox and its content security policy keep scripts from running and requests from leaving. They
do not stop everything: Chromium opens a connection for an `<iframe src>`, and for a link that is clicked in
the frame, before it applies the policy, and no directive covers `<link rel=preconnect>`
(https://github.com/whatwg/html/issues/9035). So elements that load something other than an image are renamed,
and links lose their address. Names of elements and attributes are never escaped and never split, so a search
finds every one of them, however malformed the mail is.
"""

from __future__ import annotations

import re
from base64 import b64encode
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

import msgspec

from mailbus_cli.room.content.markup import Tag, Text, tokens

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The policy of the document, sent as a header.
POLICY: Final = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'self'"
)
#: Bytes of pictures that are put into one document.
PICTURE_BYTES: Final = 24 * 1024 * 1024
_PICTURES: Final = re.compile(r"image/[a-z0-9.+-]{1,60}")

# Below the mail's own styles: without an address a browser does not draw links as such.
_HEAD: Final = (
    '<!doctype html><meta charset="utf-8"><base target="_blank">'
    "<style>a{color:#00e;text-decoration:underline;cursor:pointer}</style>"
)
# those of SVG could give a link an address
_LOADING: Final = re.compile(
    r"<(/?)(animate|animatemotion|animatetransform|applet|base|embed|fencedframe|frame|frameset|iframe|link|meta"
    r"|object|portal|set)(?=[\s/>\0]|$)",
    re.IGNORECASE,
)
# An equals sign that is escaped is one in a text and in a value, and part of the name of an attribute.
# A place within the mail may stay: in SVG it leads to what is drawn.
_ADDRESS: Final = re.compile(r"(href\s*)=(?!\s*[\"']?#)", re.IGNORECASE)
_STYLE: Final = re.compile(r"<(/?)style\b", re.IGNORECASE)
# as specific, and true of a link without an address
_OF_LINKS: Final = re.compile(r":(?:any-)?link\b", re.IGNORECASE)
_ANY: Final = ":not(.mail-none)"
_DOCTYPE: Final = re.compile(r"\A[\s\ufeff]*<!doctype[^>]*>", re.IGNORECASE)
# possessive, since a mail may have a million spaces in these places
_REFERENCE: Final = re.compile(
    r"(=\s*+[\"']?+\s*+|url\(\s*+[\"']?+\s*+)cid:([^\s\"'<>()\\]{1,1000})", re.IGNORECASE
)
_URL: Final = re.compile(r"url\(\s*+[\"']?+\s*+((?:https?:)?//[^\s\"')]{1,2000})", re.IGNORECASE)
_REMOTE: Final = re.compile(r"\s*(?:https?:)?//", re.IGNORECASE)
_IMAGE_ATTRIBUTES: Final = ("src", "background", "poster", "href", "xlink:href")
_IMAGE_TAGS: Final = frozenset(
    ("body", "feimage", "image", "img", "input", "source", "table", "td", "th", "tr", "video")
)


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """An inline picture of the mail."""

    content_type: str
    content: bytes


def document(html: str, pictures: Mapping[str, Picture]) -> str:
    """Return the document for the frame; `pictures` are the mail's own, by Content-ID."""
    known = {content_id.lower(): picture for content_id, picture in pictures.items()}
    room = PICTURE_BYTES

    def picture_of(reference: re.Match[str]) -> str:
        nonlocal room
        picture = known.get(unquote(reference[2]).replace("&amp;", "&").lower())
        if picture is None or not _PICTURES.fullmatch(picture.content_type) or len(picture.content) > room:
            return reference[0]
        room -= len(picture.content)
        return f"{reference[1]}data:{picture.content_type};base64,{b64encode(picture.content).decode()}"

    styled = _with_styles_of_links(_DOCTYPE.sub("", html, count=1))
    harmless = _ADDRESS.sub(r"\1&#61;", _LOADING.sub(r"<\1mail-\2", styled))
    return _HEAD + _REFERENCE.sub(picture_of, harmless)


def _with_styles_of_links(html: str) -> str:
    """Return a document whose styles of links are those of links without an address too."""
    pieces: list[str] = []
    done, is_style = 0, False
    for mark in _STYLE.finditer(html):
        piece = html[done : mark.start()]
        pieces.append(_OF_LINKS.sub(_ANY, piece) if is_style else piece)
        done, is_style = mark.start(), mark[1] == ""
    return "".join((*pieces, html[done:]))


def remote_images(html: str) -> int:
    """Return how many different pictures of other hosts the mail would load."""
    found: set[str] = set()
    for token in tokens(html):
        if isinstance(token, Text):
            if token.parent == "style":
                found.update(_URL.findall(token.text))
        elif not token.is_end:
            found.update(_remote(token))
    return len(found)


def _remote(tag: Tag) -> set[str]:
    urls = set(_URL.findall(tag.attributes.get("style", "")))
    if tag.name not in _IMAGE_TAGS:
        return urls
    values = [tag.attributes.get(name, "") for name in _IMAGE_ATTRIBUTES]
    # of the candidates for several widths a program loads one
    values.append(tag.attributes.get("srcset", "").strip().split(" ")[0] if not values[0] else "")
    return urls | {value.strip() for value in values if _REMOTE.match(value)}
