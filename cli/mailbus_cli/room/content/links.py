"""Lists the links of a mail: their texts, where they lead, and what is wrong with them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import urlsplit

import msgspec

from mailbus_cli.room.content.markup import Tag, Text, tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

LINKS: Final = 500
TEXT_CHARACTERS: Final = 200
URL_CHARACTERS: Final = 4000

#: `web` and `address` (mailto, tel, sms) lead somewhere; `place` is an anchor of the mail itself.
Kind = Literal["web", "address", "place", "nowhere", "relative", "script", "data", "other"]

_IN_TEXT: Final = re.compile(r"\bhttps?://[^\s<>\"]{1,4000}", re.IGNORECASE)
_AFTER_URL: Final = ".,;:!?'*_"
_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
# browsers ignore blanks and controls around and line breaks within a URL:
# https://url.spec.whatwg.org/#concept-basic-url-parser
_IGNORED: Final = re.compile(r"[\t\n\r]")
_AROUND: Final = "".join(map(chr, range(0x21)))
_NAMED_HOST: Final = re.compile(
    r"\A(?:https?://)?((?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24})(?:[/:?#]|\Z)", re.IGNORECASE
)
_SCHEMES: Final[dict[str, Kind]] = {
    "http": "web",
    "https": "web",
    "mailto": "address",
    "tel": "address",
    "sms": "address",
    "javascript": "script",
    "vbscript": "script",
    "data": "data",
}


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A link with its first text; `count` is how often the mail has it.

    `named_host` is the host that its text names, if it leads to another one.
    """

    text: str
    url: str
    kind: Kind
    where: Literal["HTML", "text"]
    count: int = 1
    named_host: str | None = None


def links(html: str | None, text: str | None) -> tuple[Link, ...]:
    """Return the links of both bodies in order, each URL of a body once."""
    found: dict[tuple[str, str], Link] = {}
    bodies = (("HTML", _in_html(html or "")), ("text", _in_text(text or "")))
    for where, pairs in bodies:
        for label, url in pairs:
            known = found.get((where, url))
            if known is not None:
                found[where, url] = msgspec.structs.replace(known, count=known.count + 1)
            elif len(found) < LINKS:
                found[where, url] = Link(
                    text=label,
                    url=url,
                    kind=kind_of(url),
                    where="HTML" if where == "HTML" else "text",
                    named_host=_named_host(label, url),
                )
    return tuple(found.values())


def kind_of(url: str) -> Kind:
    """Return where a link leads."""
    plain = _IGNORED.sub("", url.strip(_AROUND))
    if plain in {"", "#"}:
        return "nowhere"
    if plain.startswith("#"):
        return "place"
    scheme = _SCHEME.match(plain)
    if scheme is not None:
        kind = _SCHEMES.get(scheme[1].lower(), "other")
        return "nowhere" if kind == "web" and not _host(plain) else kind
    return "relative"


def _in_html(html: str) -> Iterator[tuple[str, str]]:
    href: str | None = None
    label = ""
    for token in tokens(html):
        if isinstance(token, Text):
            label += token.text if href is not None and token.parent is None else ""
            continue
        if token.name in {"a", "area"}:
            if href is not None:
                yield _label(label), href
            href, label = _href(token), token.attributes.get("alt", "")
            if token.name == "area" and href is not None:
                yield _label(label), href
                href = None
        elif token.name == "img" and href is not None:
            label += token.attributes.get("alt", "") or "[picture]"
    if href is not None:
        yield _label(label), href


def _href(tag: Tag) -> str | None:
    """Return where a tag links to; None of an end, and of an anchor."""
    if tag.is_end or ("href" not in tag.attributes and "xlink:href" not in tag.attributes):
        return None
    url = tag.attributes.get("href", tag.attributes.get("xlink:href", ""))
    return _IGNORED.sub("", url.strip(_AROUND))[:URL_CHARACTERS]


def _label(text: str) -> str:
    return " ".join(text[: 4 * TEXT_CHARACTERS].split())[:TEXT_CHARACTERS]


def _in_text(text: str) -> Iterator[tuple[str, str]]:
    for found in _IN_TEXT.finditer(text[:1_000_000]):
        url = found[0].rstrip(_AFTER_URL)
        # a bracket around the link is not of it
        for opening, closing in ("()", "[]"):
            if url.endswith(closing) and opening not in url:
                url = url[:-1].rstrip(_AFTER_URL)
        yield "", url


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return ""


def _named_host(label: str, url: str) -> str | None:
    """Return the host that a link's text names, if the link leads to another one."""
    named = _NAMED_HOST.match(label.strip())
    if named is None or kind_of(url) != "web":
        return None
    host, actual = named[1].lower().removeprefix("www."), _host(url)
    related = host == actual or actual.endswith(f".{host}") or host.endswith(f".{actual}")
    return None if related else host
