"""Addresses as SES accepts them: `local@domain` or `Name <local@domain>`, 7-bit ASCII.

The texts of its refusals are listed with their sources in docs/simulated-ses.md.
"""

from __future__ import annotations

import re
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.utils import getaddresses, parseaddr
from typing import Final

import msgspec

from mailbus_local.ses.errors import BAD_REQUEST, SesError

_DOMAIN: Final = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_LOCAL: Final = re.compile(r'"[^"\r\n]+"|[^\s@<>(),:;"\[\]\\]+')
_SPECIALS: Final = re.compile(r'[()<>@,:;"\[\].\\]')
_QUOTED: Final = re.compile(r'"[^"]*"')
_CONTROL_OR_SPACE: Final = re.compile(r"[\s\x00-\x1f\x7f]")


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """One mailbox."""

    name: str
    email: str

    @property
    def domain(self) -> str:
        """The part after the last `@`, in lower case."""
        return self.email.rpartition("@")[2].lower()

    @property
    def key(self) -> str:
        """The same for all spellings of a mailbox: the domain is case-insensitive, the rest is not."""
        return f"{self.email.rpartition('@')[0]}@{self.domain}"

    def display(self) -> str:
        """Return the address as in a header, with the name decoded."""
        if not self.name:
            return self.email
        quoted = f'"{self.name}"' if _SPECIALS.search(self.name) else self.name
        return f"{quoted} <{self.email}>"


def parse(text: str) -> Address:
    """Parse one address. Raise `SesError` with SES's text if it is not valid."""
    if "\r" in text or "\n" in text:
        raise SesError(BAD_REQUEST, "Local address contains control or whitespace")
    if not text.isascii():
        raise SesError(BAD_REQUEST, "There are non-ASCII characters in the email address.")
    name, email = parseaddr(text)
    # parseaddr is lenient: it joins `a@b c` and takes the first of several addresses.
    written, bracket, rest = text.rpartition("<")
    bare = rest.partition(">")[0].strip()
    reason = _error(written if bracket else "", bare)
    if reason is None and bare != email:
        reason = "Local address contains control or whitespace"
    if reason is not None:
        raise SesError(BAD_REQUEST, reason)
    return Address(name=decoded(name), email=email)


def _error(name: str, bare: str) -> str | None:
    """Return the first thing that SES does not accept about an address and the name before it."""
    local, at, domain = bare.rpartition("@") if "@" in bare else (bare, "", "")
    is_local = _LOCAL.fullmatch(local) is not None
    checks = (
        ("," in _QUOTED.sub("", name), "Illegal address"),
        (not is_local and _CONTROL_OR_SPACE.search(local), "Local address contains control or whitespace"),
        (local and not is_local, "Local address contains illegal character"),
        (not at, "Missing final '@domain'"),
        (not local, "Missing local name"),
        (not domain or domain.endswith("."), "Missing domain"),
        (_CONTROL_OR_SPACE.search(domain), "Domain contains control or whitespace"),
        (not _DOMAIN.fullmatch(domain), "Domain contains illegal character"),
    )
    return next((reason for wrong, reason in checks if wrong), None)


def decoded(text: str) -> str:
    """Decode the encoded words of a header (RFC 2047). Text that cannot be decoded is returned as it is."""
    if "=?" not in text:
        return text
    try:
        return str(make_header(decode_header(text)))
    except (HeaderParseError, LookupError, ValueError):
        return text


def mailboxes(header: str) -> tuple[Address, ...]:
    """Return the addresses of a header, parsed leniently; groups are flattened."""
    pairs = getaddresses([header])
    return tuple(Address(name=decoded(name), email=email) for name, email in pairs if email)
