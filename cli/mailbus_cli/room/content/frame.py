"""Makes the document that shows a mail's HTML in its frame.

The frame's sandbox and its content security policy keep scripts from running and requests from leaving. They
do not stop everything: Chromium opens a connection for an `<iframe src>` before it applies the policy, and no
directive covers `<link rel=preconnect>` (https://github.com/whatwg/html/issues/9035). Elements that load
something other than an image are renamed, so that the browser does not know them. An element's name is never
escaped and never split, so a search finds every one of them, however malformed the mail is.
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

# `<base target=_blank>`: a link opens no window in the sandbox, so a click does nothing.
_HEAD: Final = '<!doctype html><meta charset="utf-8"><base target="_blank">'
_LOADING: Final = re.compile(
    r"<(/?)(applet|base|embed|fencedframe|frame|frameset|iframe|link|meta|object|portal)(?=[\s/>\0]|$)",
    re.IGNORECASE,
)
_DOCTYPE: Final = re.compile(r"\A[\s\ufeff]*<!doctype[^>]*>", re.IGNORECASE)
_REFERENCE: Final = re.compile(
    r"(=\s*[\"']?\s*|url\(\s*[\"']?\s*)cid:([^\s\"'<>()\\]{1,1000})", re.IGNORECASE
)
_URL: Final = re.compile(r"url\(\s*[\"']?\s*((?:https?:)?//[^\s\"')]{1,2000})", re.IGNORECASE)
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

    harmless = _LOADING.sub(r"<\1mail-\2", _DOCTYPE.sub("", html, count=1))
    return _HEAD + _REFERENCE.sub(picture_of, harmless)


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
