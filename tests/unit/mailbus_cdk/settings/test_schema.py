from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailbus_cdk.settings import Settings
from mailbus_cdk.settings.receiving import Inbound, Rule
from tests.unit.mailbus_cdk.settings.stage_file import DOMAIN, FILE, receiving, rejected

if TYPE_CHECKING:
    from pathlib import Path

REJECTED = {
    "the error for a wrong type has both types": (
        ("max_attempts = 8", 'max_attempts = "eight"'),
        "mailbus.toml: max_attempts: must be an integer, not a string (it is 'eight')",
    ),
    "the error for a number out of range has the range": (
        ("max_attempts = 8", "max_attempts = 100"),
        "mailbus.toml: max_attempts: must be at least 1 and at most 90 (it is 100)",
    ),
    "the error for a number in a stage's table names that table": (
        ("raw_days = 28", "raw_days = 0"),
        (
            "mailbus.toml: [stages.dev.retention] raw_days: must be 28 to 3650: the notification "
            "of a mail waits up to 14 days in its queue and 14 in the dead-letter queue, and "
            "cannot be processed without the mail (it is 0)"
        ),
    ),
    "the error for a wrong word has all words and the nearest": (
        ('"x86_64"', '"x86"'),
        (
            "mailbus.toml: [stages.dev] architecture: must be one of arm64, x86_64, host; "
            "did you mean 'x86_64'? (it is 'x86')"
        ),
    ),
    "the error for a wrong number has all numbers and the nearest": (
        ("log_retention_days = 30", "log_retention_days = 100"),
        (
            "mailbus.toml: log_retention_days: must be one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, "
            "365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653; the nearest is 90 (it is 100)"
        ),
    ),
    "a number is not written as a string": (
        ("log_retention_days = 30", 'log_retention_days = "30"'),
        "mailbus.toml: log_retention_days: must be an integer, not a string (it is '30')",
    ),
    "an identity is a domain or an address": (
        ('"dev.example.com"', '"https://example.com"'),
        (
            "mailbus.toml: [stages.dev] identity: must be a domain in lower case, such as example.com, "
            "or an address (it is 'https://example.com')"
        ),
    ),
    "a domain is not an address": (
        ('"inbound.example.com"', '"me@example.com"'),
        "mailbus.toml: [inbound] domains #1: must be a domain in lower case",
    ),
    "domains are a list": (
        ('["inbound.example.com"]', '"inbound.example.com"'),
        (
            "mailbus.toml: [inbound] domains: must be an array, not a string; write a list: "
            'domains = ["inbound.example.com"]'
        ),
    ),
    "a region is written as by AWS": (
        ('"eu-west-1"', '"Ireland"'),
        "mailbus.toml: region: must be a region, such as us-east-1 (it is 'Ireland')",
    ),
    "a lane must have a share of the rate": (
        ("[tracking]", "[bulk]\nshare = 0.0\n\n[tracking]"),
        "mailbus.toml: [bulk] share: must be greater than 0 and at most 1 (it is 0.0)",
    ),
    "a lane cannot have more than the whole rate": (
        ("[tracking]", "[bulk]\nshare = 1.5\n\n[tracking]"),
        "mailbus.toml: [bulk] share: must be greater than 0 and at most 1 (it is 1.5)",
    ),
    "on_unknown is one of two": (
        ("[tracking]", '[sender]\non_unknown = "retry"\n\n[tracking]'),
        "mailbus.toml: [sender] on_unknown: must be one of resend, fail",
    ),
    "doubt lasts an hour at most": (
        ("[tracking]", "[sender]\ndoubt_seconds = 3601\n\n[tracking]"),
        "mailbus.toml: [sender] doubt_seconds: must be at most 3600 (it is 3601)",
    ),
    "the name of a message tag is one that SES takes": (
        ("max_attempts = 8", 'message_tag_name = "ses:campaign"'),
        "mailbus.toml: message_tag_name: must be 1 to 255 of A-Z a-z 0-9 _ - (it is 'ses:campaign')",
    ),
    "a source is a bucket's name, not its address": (
        ("max_attempts = 8", 'source_buckets = ["s3://example-invoices/"]'),
        (
            "mailbus.toml: source_buckets #1: must be the name of a bucket: 3 to 63 of a-z 0-9 . "
            "- (it is 's3://example-invoices/')"
        ),
    ),
    "an alarm's topic is named by its ARN": (
        ("[tracking]", '[alarms]\ntopic_arn = "alarms"\n\n[tracking]'),
        "mailbus.toml: [alarms] topic_arn: must be an SNS topic's ARN, such as arn:aws:sns:us-east-1:",
    ),
    "a policy is one of three": (
        ("max_attempts = 8", 'dmarc_policy = "rejected"'),
        (
            "mailbus.toml: dmarc_policy: must be one of none, quarantine, reject; did you mean 'reject'? "
            "(it is 'rejected')"
        ),
    ),
    "a hosted zone is named by its id": (
        ("max_attempts = 8", 'hosted_zone_id = "example.com"'),
        "mailbus.toml: hosted_zone_id: must be the id of a Route 53 hosted zone, such as Z0123",
    ),
    "another identity is a domain, an address or an ARN": (
        ("max_attempts = 8", 'other_identities = ["example.net", "Shop <shop@example.org>"]'),
        (
            "mailbus.toml: other_identities #2: must be a domain in lower case, an address, or "
            "the ARN of another account's identity, such as "
            "arn:aws:ses:us-east-1:111122223333:identity/example.com (it is 'Shop "
            "<shop@example.org>')"
        ),
    ),
    "another configuration set is named as SES names them": (
        ("max_attempts = 8", 'other_configuration_sets = ["the shop"]'),
        ("mailbus.toml: other_configuration_sets #1: must be 1 to 64 of A-Z a-z 0-9 _ - (it is 'the shop')"),
    ),
    "a role is named by its ARN": (
        ("[tracking]", '[session_params]\nrole_arn = "send-mail"\n\n[tracking]'),
        "mailbus.toml: [session_params] role_arn: must be a role's ARN, such as arn:aws:iam::",
    ),
    "received mail is kept for as long as its notification may wait": (
        ("raw_days = 28", "raw_days = 27"),
        (
            "mailbus.toml: [stages.dev.retention] raw_days: must be 28 to 3650: the notification "
            "of a mail waits up to 14 days in its queue and 14 in the dead-letter queue, and "
            "cannot be processed without the mail (it is 27)"
        ),
    ),
    "SES takes 200 rules": (
        (DOMAIN, DOMAIN + "".join(f'\n[[inbound.rules]]\nname = "rule-{n}"' for n in range(201))),
        (
            "mailbus.toml: [inbound] rules: must have at most 200 entries (it is [{'name': "
            "'rule-0'}, {'name': 'rule-1'}, {'name': 'rule-2'}, …)"
        ),
    ),
}

REJECTED_RULES = {
    "a rule has a name": (
        'action = "sns"',
        "#1 name: is missing",
    ),
    "a rule is named as SES names them": (
        'name = "all mail"',
        (
            "#1 name: must be 1 to 64 of A-Z a-z 0-9 . _ -, beginning and ending with a letter or a digit "
            "(it is 'all mail')"
        ),
    ),
    "the name of a rule begins with a letter or a digit": (
        'name = "-store"',
        "#1 name: must be 1 to 64 ",
    ),
    "a rule does one of two things": (
        'name = "store"\n[[inbound.rules]]\nname = "notes"\naction = "SNS"',
        "#2 action: must be one of s3, sns, bounce; did you mean 'sns'? (it is 'SNS')",
    ),
    "an encoding is one of two": (
        'name = "notes"\naction = "sns"\nencoding = "base64"',
        "#1 encoding: must be one of UTF-8, Base64; did you mean 'Base64'? (it is 'base64')",
    ),
    "whether a rule scans is yes or no": (
        'name = "store"\nscan = "yes"',
        "#1 scan: must be a boolean, not a string (it is 'yes')",
    ),
    "recipients are a list": (
        'name = "store"\nrecipients = "me@inbound.example.com"',
        "#1 recipients: must be an array, not a string (it is 'me@inbound.example.com')",
    ),
    "a recipient is an address or a domain": (
        'name = "store"\nrecipients = ["me@inbound.example.com", "<you@inbound.example.com>"]',
        (
            "#1 recipients #2: must be an address with its domain in lower case, such as "
            "me@inbound.example.com, or a domain: inbound.example.com for "
        ),
    ),
    "SES takes 500 recipients a rule": (
        f'name = "store"\nrecipients = {[f"user{n}@inbound.example.com" for n in range(501)]}',
        (
            "#1 recipients: must have at most 500 entries (it is ['user0@inbound.example.com', "
            "'user1@inbound.example.com', 'u…)"
        ),
    ),
}


@pytest.mark.parametrize(("change", "message"), REJECTED.values(), ids=REJECTED)
def test_a_wrong_setting_is_one_line(stage_file: Path, change: tuple[str, str], message: str) -> None:
    old, new = change
    assert old in FILE
    assert rejected(stage_file, FILE.replace(old, new)).startswith(message)


@pytest.mark.parametrize(("rule", "message"), REJECTED_RULES.values(), ids=REJECTED_RULES)
def test_a_wrong_receipt_rule_is_one_line(stage_file: Path, rule: str, message: str) -> None:
    text = FILE.replace(DOMAIN, f"{DOMAIN}\n[[inbound.rules]]\n{rule}")
    assert rejected(stage_file, text).startswith(f"mailbus.toml: [[inbound.rules]] {message}")


def test_the_default_encoding_of_notifications_keeps_every_byte(stage_file: Path) -> None:
    (rule,) = receiving(stage_file, '[[inbound.rules]]\nname = "alerts"\naction = "sns"').rules
    assert rule.encoding == "Base64"


def test_a_rule_without_recipients_takes_all_mail_of_the_domain(stage_file: Path) -> None:
    everything = Rule(name="store", recipients=("inbound.example.com",))
    assert receiving(stage_file, '[[inbound.rules]]\nname = "store"').receipt_rules == (everything,)


def test_without_rules_one_stores_all_mail_of_the_domain(stage_file: Path) -> None:
    assert Settings.load(stage_file, "dev").inbound.receipt_rules == (
        Rule(name="store", recipients=("inbound.example.com",)),
    )


def test_without_a_domain_there_are_no_rules_and_nothing_is_encrypted() -> None:
    assert Inbound(encrypt=True).receipt_rules == ()
    assert not Inbound(encrypt=True).encrypted


@pytest.mark.parametrize(
    "name",
    [
        "example.net",
        "billing@example.org",
        "arn:aws:ses:eu-west-1:111122223333:identity/example.net",
        "arn:aws:ses:eu-west-1:111122223333:identity/o'hara+shop@example.net",
    ],
)
def test_jobs_may_be_from_other_identities(stage_file: Path, name: str) -> None:
    stage_file.write_text(FILE.replace("max_attempts = 8", f'other_identities = ["{name}"]'))
    assert Settings.load(stage_file, "prod").other_identities == (name,)
