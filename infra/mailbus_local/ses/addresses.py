"""Addresses as SES accepts them: `local@domain` or `Name <local@domain>`, 7-bit ASCII."""

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
    bare = text[text.rfind("<") + 1 :].partition(">")[0].strip()
    if email and bare != email:
        raise SesError(BAD_REQUEST, "Local address contains control or whitespace")
    local, at, domain = email.rpartition("@")
    if not at or not domain or not local:
        raise SesError(BAD_REQUEST, "Missing final '@domain'")
    if not _LOCAL.fullmatch(local):
        raise SesError(BAD_REQUEST, "Local address contains control or whitespace")
    if not _DOMAIN.fullmatch(domain):
        raise SesError(BAD_REQUEST, "Domain contains illegal character")
    return Address(name=decoded(name), email=email)


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
