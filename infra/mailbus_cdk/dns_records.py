"""The DNS records of a deployment that do not depend on AWS's answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

# https://www.rfc-editor.org/rfc/rfc1035#section-3.3
TXT_CHARACTERS: Final = 255


class DnsRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A record to create by hand, or in the hosted zone; TXT values include their quotes."""

    name: str
    type: str
    value: str

    def __str__(self) -> str:
        return f"{self.name} {self.type} {self.value}"


def mail_from_records(domain: str, region: str) -> tuple[DnsRecord, ...]:
    """Return the records of a MAIL FROM domain: with them, SPF is of the sender's own domain.

    https://docs.aws.amazon.com/ses/latest/dg/mail-from.html#mail-from-set
    """
    return (
        DnsRecord(name=domain, type="MX", value=f"10 feedback-smtp.{region}.amazonses.com"),
        DnsRecord(name=domain, type="TXT", value='"v=spf1 include:amazonses.com ~all"'),
    )


def dmarc_records(domain: str, policy: str, reports: Sequence[str] = ()) -> tuple[DnsRecord, ...]:
    """Return the record that says what receivers do with mail that passes neither SPF nor DKIM.

    They send daily reports to the addresses `reports`, which are URIs in the record:
    https://www.rfc-editor.org/rfc/rfc7489#section-6.2
    https://docs.aws.amazon.com/ses/latest/dg/send-email-authentication-dmarc.html
    """
    rua = ",".join(f"mailto:{quote(address, safe='@')}" for address in reports)
    text = f"v=DMARC1; p={policy}; rua={rua}" if rua else f"v=DMARC1; p={policy}"
    return (DnsRecord(name=f"_dmarc.{domain}", type="TXT", value=_quoted(text)),)


def _quoted(text: str) -> str:
    """Return a TXT record's value, in strings of the length that DNS has for one."""
    strings = (text[start : start + TXT_CHARACTERS] for start in range(0, len(text), TXT_CHARACTERS))
    return " ".join(f'"{string}"' for string in strings)


def redirect_records(domain: str, region: str) -> tuple[DnsRecord, ...]:
    """Return the record that leads opens and clicks on a custom domain to SES.

    https://docs.aws.amazon.com/ses/latest/dg/configure-custom-open-click-domains.html
    """
    return (DnsRecord(name=domain, type="CNAME", value=f"r.{region}.awstrack.me"),)


def mx_record(domain: str, region: str) -> DnsRecord:
    """Return the record that routes a domain's mail to SES in a region.

    https://docs.aws.amazon.com/ses/latest/dg/receiving-email-mx-record.html
    """
    return DnsRecord(name=domain, type="MX", value=f"10 inbound-smtp.{region}.amazonaws.com")
