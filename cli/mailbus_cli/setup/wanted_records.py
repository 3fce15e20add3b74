"""The DNS records that a stage needs: of its settings before it is deployed, of its outputs afterwards."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from mailbus_cdk.dns_records import dmarc_records, mail_from_records, mx_record, redirect_records
from mailbus_cli.dns import Type

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mailbus_cdk.dns_records import DnsRecord
    from mailbus_cdk.settings import Settings

DKIM_RECORDS: Final = 3
_OUTPUT: Final = re.compile(r"(?:Dkim|MailFrom|Dmarc|Redirect|InboundDkim|Mx)Record\d+")
_TEXT: Final = re.compile(r"(?P<name>\S+) (?P<type>CNAME|MX|TXT) (?P<value>.+)")


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A record to create. The value of a TXT record is without quotes."""

    name: str
    type: Type
    value: str


def before(settings: Settings) -> tuple[Wanted, ...]:
    """Return the records of a stage that is not deployed; the names of DKIM's are not known yet."""
    zone = settings.hosted_zone_id
    created = settings.sends_from_domain and not settings.identity_exists
    sending: list[DnsRecord] = []
    if settings.mail_from_domain:
        sending += mail_from_records(settings.mail_from_domain, settings.region)
    if settings.dmarc_policy:
        sending += dmarc_records(settings.identity, settings.dmarc_policy, settings.dmarc_rua)
    redirect = settings.tracking.custom_redirect_domain
    others = [
        *(redirect_records(redirect, settings.region) if redirect else ()),
        *(mx_record(domain, settings.region) for domain in settings.inbound.domains),
    ]
    dkim = [_dkim(number, settings.identity) for number in range(1, DKIM_RECORDS + 1)]
    return (
        *(dkim if created and not zone else ()),
        *_read(str(record) for record in [*(() if zone else sending), *others]),
    )


def of_outputs(outputs: Mapping[str, str]) -> tuple[Wanted, ...]:
    """Return the records of a stage that is deployed; those of a hosted zone are not among its outputs."""
    names = sorted(name for name in outputs if _OUTPUT.fullmatch(name))
    order = ("Dkim", "MailFrom", "Dmarc", "Redirect", "InboundDkim", "Mx")
    names.sort(key=lambda name: order.index(name.partition("Record")[0]))
    return _read(outputs[name] for name in names)


def _dkim(number: int, domain: str) -> Wanted:
    token = f"<token{number}>"
    return Wanted(name=f"{token}._domainkey.{domain}", type="CNAME", value=f"{token}.dkim.amazonses.com")


def _read(texts: Iterable[str]) -> tuple[Wanted, ...]:
    found = (_TEXT.fullmatch(text) for text in texts)
    return tuple(
        Wanted(
            name=record["name"],
            type=record["type"],  # type: ignore[arg-type]  # one of those in the pattern
            # several strings of one record are one text
            value=record["value"].strip('"').replace('" "', ""),
        )
        for record in found
        if record
    )
