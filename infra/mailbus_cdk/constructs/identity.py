"""The SES identity that mail is sent from, and the DNS records that authenticate it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import Stack
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_ses as ses
from constructs import Construct

from mailbus_cdk.dns_records import DnsRecord, dmarc_records, mail_from_records

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailbus_cdk.settings import Settings

TTL_SECONDS: Final = "1800"


class Identity(Construct):
    """The domain or address that mail is sent from; an existing identity is not changed.

    With a hosted zone its records are created there; otherwise `dns_records` has those to create by hand, by
    the prefix of their stack outputs. `other_arns` are further, existing identities that jobs may use, and
    `recipient_arns` those of recipients, which SES asks for in the sandbox.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(scope, construct_id)
        created = None if settings.identity_exists else self._identity(settings)
        self.arn = created.email_identity_arn if created else self._arn(settings, settings.identity)
        self.other_arns = [
            name if name.startswith("arn:") else self._arn(settings, name)
            for name in settings.other_identities
        ]
        self.recipient_arns = [self._arn(settings, name) for name in settings.sandbox_recipients]
        mail_from, policy = settings.mail_from_domain, settings.dmarc_policy
        records = {
            "DkimRecord": dkim_records(created) if created and settings.sends_from_domain else (),
            "MailFromRecord": mail_from_records(mail_from, settings.region) if mail_from else (),
            "DmarcRecord": dmarc_records(settings.identity, policy, settings.dmarc_rua) if policy else (),
        }
        zone = settings.hosted_zone_id
        if zone:
            self._publish(records, zone)
        self.dns_records: Mapping[str, tuple[DnsRecord, ...]] = {} if zone else records

    def _arn(self, settings: Settings, name: str) -> str:
        region = settings.session_params.region
        return Stack.of(self).format_arn(
            service="ses", region=region, resource="identity", resource_name=name
        )

    def _identity(self, settings: Settings) -> ses.EmailIdentity:
        name = settings.identity
        return ses.EmailIdentity(
            self,
            "Identity",
            identity=ses.Identity.domain(name) if settings.sends_from_domain else ses.Identity.email(name),
            dkim_signing=settings.sends_from_domain or None,
            mail_from_domain=settings.mail_from_domain,
        )

    def _publish(self, records: Mapping[str, tuple[DnsRecord, ...]], zone_id: str) -> None:
        for kind, of_kind in records.items():
            for number, record in enumerate(of_kind, start=1):
                route53.CfnRecordSet(
                    self,
                    f"{kind}{number}",
                    hosted_zone_id=zone_id,
                    name=record.name,
                    type=record.type,
                    resource_records=[record.value],
                    ttl=TTL_SECONDS,
                )


def dkim_records(identity: ses.EmailIdentity) -> tuple[DnsRecord, ...]:
    """Return the records by which receivers find the public keys of a domain's DKIM signatures."""
    return tuple(
        DnsRecord(name=record.name, type="CNAME", value=record.value) for record in identity.dkim_records
    )
