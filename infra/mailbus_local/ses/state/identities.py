"""Finds the verified identity that covers an address.

A domain covers its addresses and its subdomains; an address identity takes precedence
(https://docs.aws.amazon.com/ses/latest/dg/creating-identities.html). Every identity counts as
verified, as if its DNS records were published.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailbus_local.ses.errors import MESSAGE_REJECTED, SesError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from mailbus_local.ses.addresses import Address


def covering_identity(email: str, identities: Collection[str]) -> str | None:
    """Return the identity of an address: itself, its domain, or the nearest parent domain."""
    known = {identity.lower(): identity for identity in identities}
    if (own := known.get(email.lower())) is not None:
        return own
    labels = email.rpartition("@")[2].lower().split(".")
    parents = (".".join(labels[start:]) for start in range(len(labels)))
    return next((known[parent] for parent in parents if parent in known), None)


def is_verified_domain(domain: str, identities: Collection[str]) -> bool:
    """Return whether a domain identity covers a domain."""
    domains = [identity for identity in identities if "@" not in identity]
    return covering_identity(f"@{domain}", domains) is not None


def require_verified(addresses: Iterable[Address], identities: Collection[str], region: str) -> None:
    """Raise SES's error with every address that no identity covers, as it is written."""
    failed = [
        address.display() for address in addresses if covering_identity(address.email, identities) is None
    ]
    if failed:
        names = ", ".join(dict.fromkeys(failed))
        raise SesError(
            MESSAGE_REJECTED,
            "Email address is not verified. The following identities failed the check in region "
            f"{region.upper()}: {names}",
        )
