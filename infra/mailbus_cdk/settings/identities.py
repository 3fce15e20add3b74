"""The SES identities that verify the receiving domains: those that exist, and those to create."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailbus_cdk.settings.schema import StageSettings


def covers(identity: str, name: str) -> bool:
    """Return True if an identity verifies a domain or an address: itself, or what is below a domain.

    https://docs.aws.amazon.com/ses/latest/dg/creating-identities.html
    """
    return name == identity or f".{name.rpartition('@')[2]}".endswith(f".{identity}")


def covered(name: str, identities: Iterable[str]) -> bool:
    """Return True if one of the identities verifies a domain or an address."""
    return any(covers(identity, name) for identity in identities)


def present(settings: StageSettings) -> tuple[str, ...]:
    """Return the identities of this account and region that receiving finds there.

    Those that mail is sent from are of the SES that it is sent through. An ARN names one of another account,
    which verifies nothing here.
    """
    others = (name for name in settings.other_identities if not name.startswith("arn:"))
    sending = () if settings.ses_is_elsewhere else (settings.identity, *others)
    return (*sending, *settings.inbound.existing_identities)


def to_create(settings: StageSettings) -> tuple[str, ...]:
    """Return the receiving domains that nothing verifies, without those below another one of them."""
    there = present(settings)
    new = [domain for domain in settings.inbound.domains if not covered(domain, there)]
    return tuple(domain for domain in new if not covered(domain, (other for other in new if other != domain)))
