"""Which verified identity covers an address.

A domain covers its addresses and its subdomains; an address identity takes precedence
(https://docs.aws.amazon.com/ses/latest/dg/creating-identities.html). An identity that exists counts
as verified, as if its DNS records were published.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailbus_local.ses.refusals import MESSAGE_REJECTED, Refusal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from mailbus_local.ses.addresses import Address


def covering(email: str, identities: Collection[str]) -> str | None:
    """Find the identity for an address: itself, its domain, or the nearest parent domain."""
    known = {identity.lower(): identity for identity in identities}
    if (own := known.get(email.lower())) is not None:
        return own
    labels = email.rpartition("@")[2].lower().split(".")
    parents = (".".join(labels[start:]) for start in range(len(labels)))
    return next((known[parent] for parent in parents if parent in known), None)


def owns(domain: str, identities: Collection[str]) -> bool:
    """Tell whether a domain belongs to a verified domain identity."""
    domains = [identity for identity in identities if "@" not in identity]
    return covering(f"@{domain}", domains) is not None


def require(addresses: Iterable[Address], identities: Collection[str], region: str) -> None:
    """Refuse with SES's text, which names every address that no identity covers."""
    failed = [address.email for address in addresses if covering(address.email, identities) is None]
    if failed:
        names = ", ".join(dict.fromkeys(failed))
        raise Refusal(
            MESSAGE_REJECTED,
            "Email address is not verified. The following identities failed the check in region "
            f"{region.upper()}: {names}",
        )
