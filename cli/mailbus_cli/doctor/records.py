"""The syntax of the TXT records of DKIM, SPF and DMARC."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

_VERSION_OF_SPF: Final = re.compile(r"v=spf1(?: |$)", re.IGNORECASE)
# https://www.rfc-editor.org/rfc/rfc7489#section-6.3: the version comes first, in this case
_VERSION_OF_DMARC: Final = re.compile(r"v\s*=\s*DMARC1\s*(?:;|$)")
_TAG: Final = re.compile(r"\s*([A-Za-z][A-Za-z0-9_]*)\s*=\s*(.*?)\s*", re.DOTALL)
POLICIES: Final = ("none", "quarantine", "reject")
_MODES: Final = {"r", "s"}
_URI: Final = re.compile(r"mailto:[^@\s,!;]+@([^@\s,!;]+)(?:![0-9]+[kmgt]?)?", re.IGNORECASE)
# https://www.rfc-editor.org/rfc/rfc7208#section-4.6
_TERM: Final = re.compile(
    r"[-+?~]?(?:all|(?:include|exists):\S+|(?:a|mx)(?::[^/\s]+)?(?:/\d+)?(?://\d+)?|ptr(?::\S+)?"
    r"|ip4:[0-9.]+(?:/\d+)?|ip6:[0-9a-f:.]+(?:/\d+)?)|[a-z][a-z0-9_.-]*=\S*",
    re.IGNORECASE,
)
_LOOKS_UP: Final = re.compile(r"[-+?~]?(?:include:|exists:|redirect=|(?:a|mx|ptr)(?:[:/]|$))", re.IGNORECASE)
_ELSEWHERE: Final = re.compile(r"[-+?~]?(?:include:|redirect=)(\S+)", re.IGNORECASE)


def is_key(value: str) -> bool:
    """Return whether a TXT record is a public key of DKIM that is not revoked."""
    tags = {found[1]: found[2] for part in value.split(";") if (found := _TAG.fullmatch(part))}
    return bool(tags.get("p")) and tags.get("v", "DKIM1") == "DKIM1"


def spf_records(values: Iterable[str]) -> list[str]:
    """Return those TXT records that are of SPF."""
    return [value for value in values if _VERSION_OF_SPF.match(value)]


def unknown_terms(record: str) -> list[str]:
    """Return the terms of an SPF record that make it a permanent error."""
    return [term for term in record.split()[1:] if not _TERM.fullmatch(term)]


def lookups(record: str) -> int:
    """Return how many of an SPF record's terms look something up in DNS."""
    return sum(bool(_LOOKS_UP.match(term)) for term in record.split()[1:])


def references(record: str) -> list[str]:
    """Return the domains whose SPF records an SPF record includes, without those that depend on the mail."""
    found = (_ELSEWHERE.fullmatch(term) for term in record.split()[1:])
    return [match[1] for match in found if match and "%" not in match[1]]


def includes(record: str, domain: str) -> bool:
    """Return whether an SPF record includes a domain's, or is that domain's."""
    return domain in (name.lower().rstrip(".") for name in references(record))


class Dmarc(msgspec.Struct, frozen=True, kw_only=True):
    """A DMARC record: its tags, and what is wrong with them.

    `fatal` are errors for which receivers ignore the record, `faults` those for which they ignore a tag.
    """

    tags: Mapping[str, str]
    fatal: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()

    def policy(self, *, of_subdomain: bool) -> str:
        """Return the policy of the domain itself, or of one below it."""
        own = self.tags.get("p", "none").lower()
        return self.tags.get("sp", own).lower() if of_subdomain else own

    @property
    def strict_spf(self) -> bool:
        """True if the MAIL FROM domain must be the same as that of From, not one below it."""
        return self.tags.get("aspf", "r").lower() == "s"

    @property
    def report_domains(self) -> list[str]:
        """The domains of the addresses that receive aggregate reports."""
        uris = (_URI.fullmatch(uri.strip()) for uri in self.tags.get("rua", "").split(","))
        return [*dict.fromkeys(uri[1].lower() for uri in uris if uri)]


def dmarc_records(values: Iterable[str]) -> list[str]:
    """Return those TXT records that are, or were meant to be, of DMARC."""
    return [value for value in values if re.match(r"\s*v\s*=\s*dmarc", value, re.IGNORECASE)]


def parse_dmarc(record: str) -> Dmarc:
    """Parse a DMARC record.

    https://www.rfc-editor.org/rfc/rfc7489#section-6.3
    """
    fatal, faults = [], []
    if not _VERSION_OF_DMARC.match(record):
        fatal.append('it must begin with "v=DMARC1;"')
    tags: dict[str, str] = {}
    for part in filter(str.strip, record.split(";")):
        found = _TAG.fullmatch(part)
        if found is None:
            faults.append(f"{part.strip()!r} is no tag=value")
        elif found[1].lower() in tags:
            faults.append(f"{found[1].lower()} is there twice")
        else:
            tags[found[1].lower()] = found[2]
    if "p" not in tags:
        fatal.append("it has no policy: p=none, p=quarantine or p=reject")
    elif tags["p"].lower() not in POLICIES:
        fatal.append(f"p={tags['p']} is no policy; write p=none, p=quarantine or p=reject")
    if "sp" in tags and tags["sp"].lower() not in POLICIES:
        fatal.append(f"sp={tags['sp']} is no policy")
    faults += [
        f"{tag}={tags[tag]} must be r or s"
        for tag in ("adkim", "aspf")
        if tags.get(tag, "r").lower() not in _MODES
    ]
    faults += [
        f"{tag}: {uri.strip()} is no mailto: address"
        for tag in ("rua", "ruf")
        for uri in (tags[tag].split(",") if tags.get(tag) else ())
        if not _URI.fullmatch(uri.strip())
    ]
    return Dmarc(tags=tags, fatal=tuple(fatal), faults=tuple(faults))
