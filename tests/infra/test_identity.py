"""The SES identity and its DNS records."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tests.infra.templates import (
    SES_ARN,
    Templates,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailbus_cdk.settings import Settings


def test_a_domain_is_signed_with_dkim_and_its_records_are_outputs(prod: Templates) -> None:
    identity = prod.one("AWS::SES::EmailIdentity")
    assert identity.properties == {
        "EmailIdentity": "example.com",
        "DkimAttributes": {"SigningEnabled": True},
    }
    assert prod.text("mail", prod.outputs("mail")["DkimRecord1"]) == (
        "<Mail/Identity/Identity> CNAME <Mail/Identity/Identity>"
    )


MADE_BY_HAND = {
    "mail_from_domain": "bounces.example.com",
    "dmarc_policy": "quarantine",
    "dmarc_rua": ("dmarc@example.com",),
}


def test_the_records_of_mail_from_and_dmarc_are_outputs(
    synthesize: Callable[[Settings], Templates], settings: Settings
) -> None:
    templates = synthesize(msgspec.structs.replace(settings, **MADE_BY_HAND))
    identity = templates.one("AWS::SES::EmailIdentity").properties
    assert identity["MailFromAttributes"] == {"MailFromDomain": "bounces.example.com"}
    outputs = templates.outputs("mail")
    assert outputs["MailFromRecord1"] == ("bounces.example.com MX 10 feedback-smtp.us-east-1.amazonses.com")
    assert outputs["MailFromRecord2"] == 'bounces.example.com TXT "v=spf1 include:amazonses.com ~all"'
    assert (
        outputs["DmarcRecord1"]
        == '_dmarc.example.com TXT "v=DMARC1; p=quarantine; rua=mailto:dmarc@example.com"'
    )


def test_a_hosted_zone_gets_the_records_that_are_otherwise_outputs(
    synthesize: Callable[[Settings], Templates], settings: Settings
) -> None:
    zone = "Z0123456789ABCDEFGHIJ"
    templates = synthesize(msgspec.structs.replace(settings, **MADE_BY_HAND, hosted_zone_id=zone))
    records = templates.of_type("AWS::Route53::RecordSet")
    assert {record.properties["HostedZoneId"] for record in records} == {zone}
    assert [
        (templates.text("mail", record.properties["Name"]), record.properties["Type"]) for record in records
    ] == [
        *[("<Mail/Identity/Identity>", "CNAME")] * 3,
        ("bounces.example.com", "MX"),
        ("bounces.example.com", "TXT"),
        ("_dmarc.example.com", "TXT"),
    ]
    assert not [name for name in templates.outputs("mail") if "Record" in name]


def test_an_existing_identity_is_used_and_not_changed(
    synthesize: Callable[[Settings], Templates], settings: Settings
) -> None:
    templates = synthesize(msgspec.structs.replace(settings, identity_exists=True))
    assert "AWS::SES::EmailIdentity" not in {resource.type for resource in templates.resources}
    assert not [name for name in templates.outputs("mail") if "Record" in name]
    assert ("ses:SendEmail", f"{SES_ARN}:identity/example.com") in templates.rights(
        templates.one("AWS::IAM::Policy", "Sending/Sender")
    )
