"""Reads the headers of one-click unsubscribe from a raw mail, as strictly as a mail program may."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_URI = r"<[^<>\s]+>"
_LIST = re.compile(rf"{_URI}(?:\s*,\s*{_URI})*")
_ONLY_URI_CHARACTERS = re.compile(r"(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+")


def fields_of(raw: str) -> list[tuple[str, str]]:
    """Return the header fields, unfolded but not decoded; fail if a line is longer than RFC 5322 allows."""
    section = raw.partition("\r\n\r\n")[0]
    assert max(map(len, section.split("\r\n"))) <= 998
    lines = re.sub(r"\r\n(?=[ \t])", "", section).split("\r\n")
    return [(name, value.strip(" \t")) for name, _, value in (line.partition(":") for line in lines)]


def unsubscribe_uris(raw: str) -> list[str]:
    """Return the URIs of the only List-Unsubscribe by RFC 2369, which knows no encoded words."""
    [value] = [value for name, value in fields_of(raw) if name.lower() == "list-unsubscribe"]
    plain = re.sub(r"\s*\([^()]*\)\s*", "", value)
    assert _LIST.fullmatch(plain), value
    uris = re.findall(r"<([^<>]+)>", plain)
    assert all(map(_ONLY_URI_CHARACTERS.fullmatch, uris)), uris
    return uris


def one_click_uri(raw: str) -> str:
    """Return the URI that a mail program sends a POST to by RFC 8058; fail if it would not offer that."""
    posts = [value for name, value in fields_of(raw) if name.lower() == "list-unsubscribe-post"]
    assert posts == ["List-Unsubscribe=One-Click"]
    [uri] = [uri for uri in unsubscribe_uris(raw) if uri.startswith("https:")]
    assert re.fullmatch(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+", urlsplit(uri).hostname or "")
    return uri
