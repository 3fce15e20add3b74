from __future__ import annotations

from typing import Any

import pytest

from mailbus_cdk.settings import Settings
from mailbus_cli.setup.wanted_records import Wanted, before, of_outputs

VALUES = {
    "stage": "prod",
    "region": "eu-west-1",
    "identity": "shop.test",
    "mail_from_domain": "bounces.shop.test",
    "dmarc_policy": "none",
}
SENDING = [
    ("bounces.shop.test", "MX", "10 feedback-smtp.eu-west-1.amazonses.com"),
    ("bounces.shop.test", "TXT", "v=spf1 include:amazonses.com ~all"),
    ("_dmarc.shop.test", "TXT", "v=DMARC1; p=none"),
]
DKIM = [
    (f"<token{number}>._domainkey.shop.test", "CNAME", f"<token{number}>.dkim.amazonses.com")
    for number in (1, 2, 3)
]
OTHERS = [
    ("links.shop.test", "CNAME", "r.eu-west-1.awstrack.me"),
    ("in.shop.test", "MX", "10 inbound-smtp.eu-west-1.amazonaws.com"),
]


def _texts(records: tuple[Wanted, ...]) -> list[tuple[str, str, str]]:
    return [(record.name, record.type, record.value) for record in records]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, [*DKIM, *SENDING]),
        ({"identity_exists": True, "mail_from_domain": None, "dmarc_policy": None}, []),
        ({"identity": "ann@shop.test", "mail_from_domain": None, "dmarc_policy": None}, []),
        (
            {
                "tracking": {"custom_redirect_domain": "links.shop.test"},
                "inbound": {"domains": ["in.shop.test"]},
            },
            [*DKIM, *SENDING, *OTHERS],
        ),
        ({"hosted_zone_id": "Z0123456789ABCDEFGHIJ", "inbound": {"domains": ["in.shop.test"]}}, OTHERS[1:]),
    ],
)
def test_the_records_to_come_are_those_of_the_settings(
    change: dict[str, Any], expected: list[tuple[str, str, str]]
) -> None:
    assert _texts(before(Settings.checked({**VALUES, **change}))) == expected


def test_the_records_of_a_deployed_stage_are_its_outputs_in_order() -> None:
    outputs = {
        "MxRecord1": "in.shop.test MX 10 inbound-smtp.eu-west-1.amazonaws.com",
        "DmarcRecord1": '_dmarc.shop.test TXT "v=DMARC1; p=none"',
        "DkimRecord2": "b._domainkey.shop.test CNAME b.dkim.amazonses.com",
        "DkimRecord1": "a._domainkey.shop.test CNAME a.dkim.amazonses.com",
        "RecordOfNothing": "x",
        "SendQueueUrl": "https://sqs.eu-west-1.amazonaws.com/1/q",
    }
    assert _texts(of_outputs(outputs)) == [
        ("a._domainkey.shop.test", "CNAME", "a.dkim.amazonses.com"),
        ("b._domainkey.shop.test", "CNAME", "b.dkim.amazonses.com"),
        ("_dmarc.shop.test", "TXT", "v=DMARC1; p=none"),
        ("in.shop.test", "MX", "10 inbound-smtp.eu-west-1.amazonaws.com"),
    ]
