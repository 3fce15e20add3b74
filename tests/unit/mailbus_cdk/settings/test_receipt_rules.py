from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.mailbus_cdk.settings.stage_file import DOMAIN, FILE, receiving, rejected

if TYPE_CHECKING:
    from pathlib import Path

ALERTS = '[[inbound.rules]]\nname = "alerts"\nrecipients = ["alerts@inbound.example.com"]\naction = "sns"\n'

REJECTED_RULES = {
    "two rules have two names": (
        'name = "store"\n[[inbound.rules]]\nname = "store"',
        "#2 name: store is the name of another rule",
    ),
    "an encoding is of mail in notifications": (
        'name = "store"\nencoding = "UTF-8"',
        '#1 encoding: is for mail in notifications, which action = "sns" selects; remove it',
    ),
    "a recipient is of the domain that receives": (
        'name = "store"\nrecipients = ["me@example.com"]',
        "#1 recipients: me@example.com is not of inbound.domain (inbound.example.com) or a domain below it",
    ),
    "a domain that merely ends alike is another": (
        'name = "store"\nrecipients = ["notinbound.example.com"]',
        "#1 recipients: notinbound.example.com is not of inbound.domain ",
    ),
    "a recipient is named once": (
        'name = "store"\nrecipients = ["inbound.example.com", "inbound.example.com"]',
        "#1 recipients: inbound.example.com is named twice",
    ),
    "a mail is not stored by SES and in the notification too": (
        (
            'name = "alerts"\nrecipients = ["alerts@inbound.example.com"]\naction = "sns"\n'
            'encoding = "UTF-8"\n'
            '[[inbound.rules]]\nname = "store"'
        ),
        (
            "#2 action: rule alerts before it has another action (sns, UTF-8, here s3) and does "
            "not stop: of a mail to both, each would overwrite what "
        ),
    ),
    "a mail is not in notifications of both encodings": (
        (
            'name = "all"\naction = "sns"\nencoding = "Base64"\n'
            '[[inbound.rules]]\nname = "notes"\nrecipients = ["notes@inbound.example.com"]\naction = "sns"\n'
            'encoding = "UTF-8"'
        ),
        (
            "#2 action: rule all before it has another action (sns, Base64, here sns, UTF-8) and "
            "does not stop: of a mail to both, each would "
        ),
    ),
    "one mail may be to the recipients of two rules": (
        (
            'name = "alerts"\nrecipients = ["alerts@inbound.example.com"]\naction = "sns"\n'
            'encoding = "UTF-8"\n'
            '[[inbound.rules]]\nname = "rest"\nrecipients = ["me@inbound.example.com"]'
        ),
        (
            "#2 action: rule alerts before it has another action (sns, UTF-8, here s3) and does "
            "not stop: of a mail to both, each would overwrite what "
        ),
    ),
    "a rule of a subdomain may overlap with one of all subdomains": (
        (
            'name = "eu"\nrecipients = ["eu.inbound.example.com"]\n'
            '[[inbound.rules]]\nname = "below"\nrecipients = [".inbound.example.com"]\naction = "sns"\n'
            'encoding = "Base64"'
        ),
        (
            "#2 action: rule eu before it has another action (s3, here sns, Base64) and does not "
            "stop: of a mail to both, each would overwrite what "
        ),
    ),
    "a rule after one that takes all and stops gets no mail": (
        (
            'name = "store"\nstop = true\n'
            '[[inbound.rules]]\nname = "notes"\nrecipients = ["me@inbound.example.com"]'
        ),
        ("#2 recipients: rule store before it takes all of this mail and stops; move it after this one"),
    ),
    "nor one for a subdomain after a rule for all subdomains": (
        (
            'name = "store"\nstop = true\nrecipients = [".inbound.example.com"]\n'
            '[[inbound.rules]]\nname = "notes"\n'
            'recipients = ["me@eu.inbound.example.com", ".us.inbound.example.com"]'
        ),
        "#2 recipients: rule store before it takes all of this mail and stops",
    ),
    "nor one for an address with a label after a rule for the address": (
        (
            'name = "all"\nstop = true\nrecipients = ["x@inbound.example.com"]\n'
            '[[inbound.rules]]\nname = "one"\nrecipients = ["x+1@inbound.example.com"]'
        ),
        ("#2 recipients: rule all before it takes all of this mail and stops; move it after this one"),
    ),
    "a recipient is not a pattern": (
        'name = "store"\nrecipients = ["*@inbound.example.com"]',
        (
            "#1 recipients: *@inbound.example.com would match only that very address: SES has no "
            "patterns; name inbound.example.com"
        ),
    ),
}


@pytest.mark.parametrize(("rule", "message"), REJECTED_RULES.values(), ids=REJECTED_RULES)
def test_a_wrong_receipt_rule_is_one_line(stage_file: Path, rule: str, message: str) -> None:
    text = FILE.replace(DOMAIN, f"{DOMAIN}\n[[inbound.rules]]\n{rule}")
    assert rejected(stage_file, text).startswith(f"mailbus.toml: [[inbound.rules]] {message}")


@pytest.mark.parametrize(
    "rest",
    [
        'stop = false\n[[inbound.rules]]\nname = "notes"\nrecipients = ["me@inbound.example.com"]',
        'stop = true\nenabled = false\n[[inbound.rules]]\nname = "notes"',
        'stop = true\n[[inbound.rules]]\nname = "notes"\nrecipients = ["me@eu.inbound.example.com"]',
        'stop = true\n[[inbound.rules]]\nname = "notes"\nrecipients = [".inbound.example.com"]',
        'stop = true\nrecipients = [".inbound.example.com"]\n[[inbound.rules]]\nname = "notes"',
        'stop = true\nrecipients = ["me@inbound.example.com"]\n[[inbound.rules]]\nname = "notes"',
        (
            'stop = true\nrecipients = ["x+1@inbound.example.com"]\n'
            '[[inbound.rules]]\nname = "notes"\nrecipients = ["x@inbound.example.com"]'
        ),
    ],
)
def test_a_rule_may_follow_one_that_does_not_match_all_of_its_mail(stage_file: Path, rest: str) -> None:
    assert len(receiving(stage_file, f'[[inbound.rules]]\nname = "store"\n{rest}').rules) == 2


@pytest.mark.parametrize(
    "rules",
    [
        f'{ALERTS}encoding = "UTF-8"\nstop = true\n[[inbound.rules]]\nname = "store"',
        f'{ALERTS}encoding = "UTF-8"\nenabled = false\n[[inbound.rules]]\nname = "store"',
        f'{ALERTS}encoding = "UTF-8"\n[[inbound.rules]]\nname = "store"\nenabled = false',
        f'{ALERTS}encoding = "Base64"\n[[inbound.rules]]\nname = "u"\nrecipients = ["u@inbound.example.com"]',
        f'{ALERTS}encoding = "UTF-8"\n[[inbound.rules]]\nname = "all"\naction = "sns"\nencoding = "UTF-8"',
    ],
    ids=["stop", "disabled before", "disabled after", "the same bytes to others", "one way"],
)
def test_rules_may_have_other_actions_if_no_mail_is_stored_twice(stage_file: Path, rules: str) -> None:
    assert len(receiving(stage_file, rules).rules) == 2
