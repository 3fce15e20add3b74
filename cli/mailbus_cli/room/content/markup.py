"""Splits HTML into tags and texts, for looking at it: in linear time, and whatever it is.

The standard library's parser takes quadratic time for some malformed documents
(https://github.com/python/cpython/issues/135462). What is shown is not made from these tags: the browser
parses the mail itself, in its sandbox.
"""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Characters of a document that are looked at. More is never seen: Gmail shows 102 KB.
CHARACTERS: Final = 2_000_000
VALUE_CHARACTERS: Final = 4_000
ATTRIBUTES: Final = 200

_NAME: Final = re.compile(r"<(/?)([A-Za-z][^\s/>]*+)")
_ATTRIBUTE: Final = re.compile(r"[\s/]*+(?:(>)|([^\s/>][^\s/>=]*+)(\s*+=\s*+)?+)")
_UNQUOTED: Final = re.compile(r"[^\s>]*+")
# https://html.spec.whatwg.org/multipage/parsing.html#parsing-html-fragments
_RAW_TEXT: Final = frozenset(("iframe", "noembed", "noframes", "script", "style", "textarea", "title", "xmp"))


class Tag(msgspec.Struct, frozen=True, kw_only=True):
    """A tag with its attributes, names in lower case; `at` and `end` are offsets."""

    name: str
    is_end: bool
    attributes: dict[str, str]
    at: int
    end: int


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """Text between two tags, decoded; `parent` is the element whose content is no markup, such as `style`."""

    text: str
    parent: str | None = None


def tokens(html: str) -> Iterator[Tag | Text]:
    """Yield tags and texts in order. What is open at the end of the document is dropped, as browsers do."""
    html = html[:CHARACTERS]
    position = done = 0
    while (at := html.find("<", position)) >= 0:
        if html.startswith(("<!", "<?"), at):
            yield from _text(html[done:at])
            position = done = _end_of_comment(html, at)
            continue
        name = _NAME.match(html, at)
        if name is None:
            position = at + 1
            continue
        yield from _text(html[done:at])
        attributes, end = _attributes(html, name.end())
        if end < 0:
            return
        tag = Tag(name=name[2].lower(), is_end=name[1] == "/", attributes=attributes, at=at, end=end)
        yield tag
        position = done = end
        if tag.name in _RAW_TEXT and not tag.is_end:
            position = done = _end_of_raw_text(html, tag)
            yield Text(text=html[end:done], parent=tag.name)
    yield from _text(html[done:])


def _text(text: str) -> Iterator[Text]:
    if text:
        yield Text(text=unescape(text) if "&" in text else text)


def _end_of_comment(html: str, at: int) -> int:
    closing = "-->" if html.startswith("<!--", at) else ">"
    found = html.find(closing, at + 2)
    return len(html) if found < 0 else found + len(closing)


def _end_of_raw_text(html: str, tag: Tag) -> int:
    found = re.compile(rf"</{re.escape(tag.name)}(?=[\s/>])", re.IGNORECASE).search(html, tag.end)
    return len(html) if found is None else found.start()


def _attributes(html: str, position: int) -> tuple[dict[str, str], int]:
    """Return the attributes of a tag and the offset behind it, -1 if the tag does not end."""
    attributes: dict[str, str] = {}
    while (found := _ATTRIBUTE.match(html, position)) is not None:
        position = found.end()
        if found[1]:
            return attributes, position
        value = ""
        if found[3]:
            quotation = html[position : position + 1]
            if quotation in {'"', "'"}:
                end = html.find(quotation, position + 1)
                if end < 0:
                    return attributes, -1
                value, position = html[position + 1 : end], end + 1
            else:
                unquoted = _UNQUOTED.match(html, position)
                value = unquoted[0] if unquoted else ""
                position += len(value)
        if len(attributes) < ATTRIBUTES:
            # of two attributes of one name the first one counts
            attributes.setdefault(found[2].lower(), unescape(value[:VALUE_CHARACTERS]))
    return attributes, -1
