from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailbus_cdk.regions import RECEIVING_REGIONS, ses_regions
from mailbus_cdk.settings import Settings
from tests.unit.mailbus_cdk.settings.stage_file import FILE, rejected

if TYPE_CHECKING:
    from pathlib import Path

REJECTED = {
    "a region where SES does not receive mail is refused with those where it does": (
        ('"eu-west-1"', '"ca-west-1"'),
        (
            "mailbus.toml: region: SES does not receive mail in ca-west-1; remove inbound.domains "
            "or use one of af-south-1, ap-northeast-1, ap-northeast-2, ap-northeast-3, "
            "ap-south-1, "
        ),
    ),
    "a region that is misspelt is refused with the nearest": (
        ('"eu-west-1"', '"eu-wset-1"'),
        (
            "mailbus.toml: region: AWS has no region eu-wset-1, or the installed botocore is older; did you "
            "mean eu-west-1?"
        ),
    ),
    "a region of another partition that is misspelt is refused with the nearest": (
        ('"eu-west-1"', '"eusc-de-esat-1"'),
        (
            "mailbus.toml: region: AWS has no region eusc-de-esat-1, or the installed botocore is older; did "
            "you mean eusc-de-east-1?"
        ),
    ),
    "a region without SES is refused with those that have it": (
        ('"eu-west-1"', '"mx-central-1"'),
        (
            "mailbus.toml: region: SES is not in mx-central-1, or the installed botocore is older; write one "
            "of af-south-1, "
        ),
    ),
    "the region of the SES that mail is sent through is checked too": (
        (
            "[stages.dev]",
            ('[session_params]\nregion = "us-esat-1"\n\n[stages.dev]'),
        ),
        (
            "mailbus.toml: [session_params] region: AWS has no region us-esat-1, or the installed botocore "
            "is older; did you mean us-east-1?"
        ),
    ),
    "a doubt that could end before its report arrives is refused with the sum": (
        ("[tracking]", "[sender]\ndoubt_seconds = 60\n\n[tracking]"),
        (
            "mailbus.toml: [sender] doubt_seconds: must be at least 112, or a mail whose report is late is "
            "sent twice (it is 60): 20 until a call to SES begins, 18 for the call (client_params), 10 "
            "until SES's report is on the tracking queue, 2 × 22 until it is delivered again after its "
            "worker died or was throttled, 20 to process it"
        ),
    ),
    "a doubt lasts as long as a slow call to SES and its report": (
        ("[tracking]", "[client_params]\nread_timeout = 60\n\n[tracking]"),
        "mailbus.toml: [sender] doubt_seconds: must be at least 157, or a mail whose report is late is sent ",
    ),
    "the message tags of Mailbus itself cannot be used": (
        ("max_attempts = 8", 'message_tag_name = "mailbus-job-id"'),
        ("mailbus.toml: message_tag_name: mailbus-job-id is used by Mailbus itself; choose another name"),
    ),
    "an alarm cannot notify a topic of another region": (
        ("[tracking]", '[alarms]\ntopic_arn = "arn:aws:sns:us-east-1:111122223333:ops"\n\n[tracking]'),
        (
            "mailbus.toml: [alarms] topic_arn: alarms in eu-west-1 can only notify topics of that "
            "region (the topic is in us-east-1)"
        ),
    ),
    "a topic is named as SNS names it in its partition": (
        ("[tracking]", '[webhook]\ntopic_arns = ["arn:aws:sns:eusc-de-east-1:111122223333:m"]\n\n[tracking]'),
        (
            "mailbus.toml: [webhook] topic_arns: topics in eusc-de-east-1 begin with arn:aws-eusc: (it is "
            "arn:aws:sns:eusc-de-east-1:111122223333:m)"
        ),
    ),
    "a topic is in a region that AWS has": (
        ("[tracking]", '[webhook]\ntopic_arns = ["arn:aws:sns:frankfurt:111122223333:m"]\n\n[tracking]'),
        "mailbus.toml: [webhook] topic_arns: AWS has no region frankfurt (it is arn:aws:sns:frankfurt:",
    ),
    "defaults must fit into the function's environment": (
        ("[tracking]", f'[send_defaults]\nhtml = "{"<p>" * 700}"\n\n[tracking]'),
        (
            "mailbus.toml: send_defaults: take 2111 bytes as JSON; the function's environment has "
            "room for 1800: move long texts into the jobs"
        ),
    ),
    "buckets must fit into the function's environment": (
        ("max_attempts = 8", f"source_buckets = {[f'example-invoices-of-the-shop-{n}' for n in range(99)]}"),
        "mailbus.toml: source_buckets: take ",
    ),
    "the MAIL FROM domain is below the sender's": (
        ("max_attempts = 8", 'mail_from_domain = "bounces.example.org"'),
        (
            "mailbus.toml: mail_from_domain: must be a domain below that of identity, such as "
            "bounces.dev.example.com (it is bounces.example.org)"
        ),
    ),
    "the MAIL FROM domain cannot receive mail": (
        (
            '[stages.dev]\nidentity = "dev.example.com"',
            '[stages.dev]\nmail_from_domain = "inbound.example.com"',
        ),
        (
            "mailbus.toml: [stages.dev] mail_from_domain: receives SES's feedback, so it cannot "
            "be one of inbound.domains too (inbound.example.com is both)"
        ),
    ),
    "an existing identity is not changed": (
        ("max_attempts = 8", 'mail_from_domain = "b.dev.example.com"\nidentity_exists = true'),
        (
            "mailbus.toml: mail_from_domain: can only be set on an identity that this deployment "
            "creates; set it in SES"
        ),
    ),
    "a DMARC policy needs a domain": (
        ('"dev.example.com"', '"shop@example.com"\ndmarc_policy = "reject"'),
        "mailbus.toml: [stages.dev] dmarc_policy: needs a domain as identity, not an address",
    ),
    "bulk mail leaves urgent mail its workers": (
        ("[stages.prod]", "[stages.dev.bulk]\nmax_concurrency = 501\n\n[stages.prod]"),
        (
            "mailbus.toml: [stages.dev.bulk] max_concurrency: 501 workers of bulk mail could take all that "
            "Lambda runs at a time for an account from urgent mail: at most 500, unless "
            "reserve_concurrency = true"
        ),
    ),
    "a rate whose workers of bulk mail are too many says what to set": (
        ("max_attempts = 8", "expected_rate = 17858"),
        (
            "mailbus.toml: expected_rate: 501 workers of bulk mail could take all that Lambda runs at a "
            "time for an account from urgent mail (so many follow from 17858 mails a second): set "
            "reserve_concurrency = true, or bulk.max_concurrency to at most 500"
        ),
    ),
    "DMARC reports need a record": (
        ('"dev.example.com"', '"dev.example.com"\ndmarc_rua = ["dmarc@example.com"]'),
        (
            "mailbus.toml: [stages.dev] dmarc_rua: needs dmarc_policy: without it there is no record to name "
            "the addresses"
        ),
    ),
    "a hosted zone needs a record to create": (
        ("max_attempts = 8", 'hosted_zone_id = "Z0123456789ABCDEFGHIJ"\nidentity_exists = true'),
        (
            "mailbus.toml: hosted_zone_id: there are no records to create: they are those of a "
            "domain that this deployment creates, of mail_from_domain, and of dmarc_policy"
        ),
    ),
    "an existing configuration set needs its name": (
        ("max_attempts = 8", "configuration_set_exists = true"),
        (
            "mailbus.toml: configuration_set_exists: needs configuration_set_name, the name of "
            "the existing set"
        ),
    ),
    "an existing configuration set is not changed": (
        (
            "[stages.dev.retention]\nraw_days = 28\n\n[stages.prod]",
            (
                'configuration_set_name = "shop"\nconfiguration_set_exists = true\n\n'
                '[stages.dev.tracking]\ncustom_redirect_domain = "links.example.com"\n\n[stages.prod]'
            ),
        ),
        (
            "mailbus.toml: [stages.dev.tracking] custom_redirect_domain: can only be set on a "
            "configuration set that this deployment creates; set it in SES"
        ),
    ),
    "another identity is in SES's own region": (
        (
            "max_attempts = 8",
            'other_identities = ["arn:aws:ses:us-east-1:111122223333:identity/example.net"]',
        ),
        (
            "mailbus.toml: other_identities: SES can only use identities of its own region, "
            "eu-west-1 (it is arn:aws:ses:us-east-1:111122223333:identity/example.net)"
        ),
    ),
    "the deployment's own identity is not another one": (
        (
            '[stages.dev]\nidentity = "dev.example.com"',
            '[stages.dev]\nidentity = "dev.example.com"\nother_identities = ["dev.example.com"]',
        ),
        (
            "mailbus.toml: [stages.dev] other_identities: dev.example.com is the deployment's "
            "own, which jobs can use anyway: remove it here"
        ),
    ),
    "the deployment's own configuration set is not another one, by its default name too": (
        ("max_attempts = 8", 'other_configuration_sets = ["shop", "mailbus-dev"]'),
        (
            "mailbus.toml: other_configuration_sets: mailbus-dev is the deployment's own, which "
            "jobs can use anyway: remove it here"
        ),
    ),
    "another configuration set is named once": (
        ("max_attempts = 8", 'other_configuration_sets = ["shop", "news", "shop"]'),
        "mailbus.toml: other_configuration_sets: shop is named twice",
    ),
    "what the sender may use must fit into its policy": (
        ("max_attempts = 8", f"other_configuration_sets = {[f'shop-{number}' for number in range(99)]}"),
        (
            "mailbus.toml: other_configuration_sets: other_identities, other_configuration_sets and "
            "sandbox_recipients together take 7613 characters of the sender's policy, which "
            "has room for 5000: name fewer; a domain includes all domains below it"
        ),
    ),
    "an assumed role has rights of its own": (
        (
            "log_retention_days = 30",
            (
                'identity_exists = true\nconfiguration_set_name = "shop"\nconfiguration_set_exists = true\n'
                'other_identities = ["example.net"]\n'
                '[session_params]\nrole_arn = "arn:aws:iam::111122223333:role/send"'
            ),
        ),
        (
            "mailbus.toml: other_identities: session_params.role_arn names a role with rights of "
            "its own: name them in its policy"
        ),
    ),
    "SES elsewhere needs an existing identity and configuration set": (
        ("[tracking]", '[session_params]\nregion = "us-west-2"\n\n[tracking]'),
        "mailbus.toml: session_params: SES of another account or region has its own identities",
    ),
    "rules need the domains that turn receiving on": (
        ('domains = ["inbound.example.com"]', 'rules = [{ name = "store" }]'),
        "mailbus.toml: [inbound] rules: need inbound.domains, which turns receiving on",
    ),
    "a receiving domain is named once": (
        ('domains = ["inbound.example.com"]', 'domains = ["a.example.org", "a.example.org"]'),
        "mailbus.toml: [inbound] domains: a.example.org is named twice",
    ),
    "an identity is either created or there": (
        (
            'domains = ["inbound.example.com"]',
            'domains = ["in.dev.example.com"]\nexisting_identities = ["dev.example.com"]',
        ),
        (
            "mailbus.toml: [inbound] existing_identities: dev.example.com is identity, which this deployment "
            "creates; set identity_exists = true if it exists, or remove it here"
        ),
    ),
    "the set of a stage cannot be shared, since it is deleted with that stage": (
        (
            'domains = ["inbound.example.com"]',
            'domains = ["inbound.example.com"]\nrule_set_name = "mailbus-prod"',
        ),
        (
            "mailbus.toml: [inbound] rule_set_name: mailbus-prod is named as the set of a stage, which is "
            "deleted with that stage and with all rules in it; create a set that belongs to no stage"
        ),
    ),
    "a shared set displaces no other": (
        (
            'domains = ["inbound.example.com"]',
            'domains = ["a.example.org"]\nrule_set_name = "all"\ndisplace_active_rule_set = true',
        ),
        "mailbus.toml: [inbound] rule_set_name: is a set that others use too, which displaces no other; ",
    ),
}


@pytest.mark.parametrize(("change", "message"), REJECTED.values(), ids=REJECTED)
def test_a_wrong_setting_is_one_line(stage_file: Path, change: tuple[str, str], message: str) -> None:
    old, new = change
    assert old in FILE
    assert rejected(stage_file, FILE.replace(old, new)).startswith(message)


@pytest.mark.parametrize("region", sorted(ses_regions()))
def test_sending_alone_works_in_any_region_with_ses(stage_file: Path, region: str) -> None:
    stage_file.write_text(FILE.replace('domains = ["inbound.example.com"]', "").replace("eu-west-1", region))
    settings = Settings.load(stage_file, "prod")
    assert (settings.region, settings.inbound.domains) == (region, ())


def test_every_receiving_region_is_a_region(stage_file: Path) -> None:
    for region in RECEIVING_REGIONS:
        stage_file.write_text(FILE.replace("eu-west-1", region))
        assert Settings.load(stage_file, "prod").region == region
