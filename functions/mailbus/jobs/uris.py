"""Encodes URIs in ASCII: hosts by UTS 46, the rest in percent-encoded UTF-8 (RFC 3986, RFC 3987).

What is a URI already stays as it is, so that signed links stay valid. Errors have the path and the reason,
never the URI.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from mailbus.characters import named
from mailbus.domains import InvalidDomain, ascii_domain
from mailbus.jobs.json_paths import refuse

if TYPE_CHECKING:
    from typing import Final

_SCHEME: Final = re.compile(r"(?P<name>[A-Za-z][A-Za-z0-9+.-]*):(?P<rest>.*)", re.DOTALL)
_WITH_AUTHORITY: Final = re.compile(
    r"//(?P<user>[^/?#@]*@)?(?P<host>\[[^\]/?#@]*\]|[^/?#@:]*)(?P<port>:[^/?#@]*)?(?P<rest>(?:[/?#].*)?)",
    re.DOTALL,
)
# Square brackets are not allowed in a query, but programs write and read them there (?id[]=1).
_ALLOWED: Final = "-._~:/?#[]@!$&'()*+,;=%"
# nearly all URIs are read by this alone
_USUAL: Final = re.compile(
    r"https?://[A-Za-z0-9.-]+(?:[/?#](?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*+)?"
)
_LONE_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_NOT_IN_A_HOST: Final = re.compile(r"[^A-Za-z0-9._~!$&'()*+,;=%\[\]:-]")
_WEB: Final = frozenset({"http", "https"})


def encode_uri(text: str, path: str) -> str:
    """Return a URI in ASCII. Raises `InvalidJob` at `path` if it has no such form."""
    if _USUAL.fullmatch(text):
        return text
    if "{{" in text:
        reason = (
            "has a URI with a placeholder, {{…}}, which SES does not replace in a header; write the whole "
            "URI, in a merge for each recipient in merge_headers"
        )
        refuse(path, reason)
    found = _SCHEME.fullmatch(text.strip(" \t"))
    if found is None:
        whole = "mailto:name@example.com" if "@" in text else "https://www.example.com/unsubscribe"
        refuse(path, f"has a URI without its scheme; write it whole, such as {whole}")
    scheme, rest = found["name"], found["rest"]
    if scheme.lower() == "mailto":
        return f"{scheme}:{_mailto(rest, path)}"
    authority = _WITH_AUTHORITY.fullmatch(rest)
    if authority is None or not authority["host"]:
        if scheme.lower() in _WEB:
            refuse(path, f"has a URI without a host; write it as {scheme}://www.example.com/unsubscribe")
        return f"{scheme}:{_escaped(rest)}"
    user, port = _escaped(authority["user"] or ""), _escaped(authority["port"] or "")
    return f"{scheme}://{user}{_host(authority['host'], path)}{port}{_escaped(authority['rest'])}"


def encode_domain(domain: str, path: str) -> str:
    """Return a domain name in ASCII. Raises `InvalidJob` at `path` if it has no such form."""
    try:
        return ascii_domain(domain)
    except InvalidDomain as error:
        refuse(path, str(error))


def _mailto(rest: str, path: str) -> str:
    """Return the part of a mailto URI behind its scheme (RFC 6068)."""
    to, mark, fields = rest.partition("?")
    addresses: list[str] = []
    for address in to.split(","):
        local, at, domain = address.strip(" \t").rpartition("@")
        addresses.append(f"{_escaped(local)}{at}{_host(domain, path)}" if at else _escaped(domain))
    return ",".join(addresses) + mark + _escaped(fields)


def _host(host: str, path: str) -> str:
    encoded = encode_domain(host, path)
    wrong = _NOT_IN_A_HOST.search(encoded)
    if wrong is not None:
        refuse(path, f"has a URI with {named(wrong[0])} in its host; correct it")
    return encoded


def _escaped(text: str) -> str:
    # the standard library's function has a percent sign of an escape as a character that is safe
    return quote(_LONE_PERCENT.sub("%25", text), safe=_ALLOWED)
