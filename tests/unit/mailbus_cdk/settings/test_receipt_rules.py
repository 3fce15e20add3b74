from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailbus_cdk.settings import Settings
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
        "#1 recipients: me@example.com is not of inbound.domains (inbound.example.com) or a domain below one",
    ),
    "a domain that merely ends alike is another": (
        'name = "store"\nrecipients = ["notinbound.example.com"]',
        "#1 recipients: notinbound.example.com is not of inbound.domains ",
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
    "a rule after one that bounces all of its mail gets no mail": (
        (
            'name = "nobody"\naction = "bounce"\n'
            '[[inbound.rules]]\nname = "notes"\nrecipients = ["me@inbound.example.com"]'
        ),
        "#2 recipients: rule nobody before it takes all of this mail and stops; move it after this one",
    ),
    "mail that bounces is not received before": (
        (
            'name = "store"\n'
            '[[inbound.rules]]\nname = "noreply"\nrecipients = ["noreply@inbound.example.com"]\n'
            'action = "bounce"'
        ),
        "#2 action: rule store before it receives some of the mail that bounces here; move this one ",
    ),
    "an SMTP reply is of mail that bounces": (
        'name = "store"\nmessage = "No"',
        '#1 message: is for mail that bounces, which action = "bounce" selects; remove it',
    ),
    "an encoding is not of mail that bounces": (
        'name = "noreply"\naction = "bounce"\nencoding = "UTF-8"',
        '#1 encoding: is for mail in notifications, which action = "sns" selects; remove it',
    ),
    "both codes of a bounce are of one class": (
        'name = "noreply"\naction = "bounce"\nsmtp_reply_code = "450"',
        "#1 status_code: must begin with 4, as smtp_reply_code does (450)",
    ),
    "a bounce is from a verified address": (
        'name = "noreply"\naction = "bounce"\nsender = "daemon@elsewhere.example"',
        "#1 sender: must be verified in SES: an address of identity, other_identities, inbound.domains or ",
    ),
    "a reply is on one line": (
        'name = "noreply"\naction = "bounce"\nmessage = "No\\nway"',
        "#1 message: must be 1 to 400 characters of ASCII, on one line",
    ),
    "a name in SES has the stage before it": (
        f'name = "{"r" * 53}"',
        f"#1 name: must have at most 52 characters: SES knows it as mailbus-dev.{'r' * 53}",
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


@pytest.mark.parametrize(
    ("domains", "recipients", "without"),
    [
        (
            '"inbound.example.com", "example.org"',
            '"inbound.example.com"',
            "#2: no rule takes mail of example.org",
        ),
        ('"example.org", "eu.example.org"', '"example.org"', "#2: no rule takes mail of eu.example.org"),
        ('"example.org", "eu.example.org"', '"me@example.org", ".example.org"', None),
        ('"example.org", "example.net"', '"example.net", "me@eu.example.org"', None),
    ],
)
def test_each_domain_has_a_rule(stage_file: Path, domains: str, recipients: str, without: str | None) -> None:
    rules = f'domains = [{domains}]\n[[inbound.rules]]\nname = "store"\nrecipients = [{recipients}]'
    text = FILE.replace(DOMAIN, rules)
    if without:
        message = f"mailbus.toml: [inbound] domains {without}; add one, or remove it here"
        assert rejected(stage_file, text).startswith(message)
    else:
        stage_file.write_text(text)
        assert len(Settings.load(stage_file, "dev").inbound.receipt_rules) == 1


def test_a_rule_that_bounces_takes_no_mail(stage_file: Path) -> None:
    bounce = '[[inbound.rules]]\nname = "no"\nrecipients = ["a@inbound.example.com"]\naction = "bounce"\n'
    message = "mailbus.toml: [inbound] domains #1: no rule takes mail of inbound.example.com;"
    assert rejected(stage_file, FILE.replace(DOMAIN, f"{DOMAIN}\n{bounce}")).startswith(message)
    assert len(receiving(stage_file, f'{bounce}[[inbound.rules]]\nname = "store"').rules) == 2


def test_a_rule_without_recipients_takes_mail_of_every_domain(stage_file: Path) -> None:
    stage_file.write_text(FILE.replace(DOMAIN, 'domains = ["inbound.example.com", "example.org"]'))
    (store,) = Settings.load(stage_file, "dev").inbound.receipt_rules
    assert (store.recipients, store.sender) == (("inbound.example.com", "example.org"), None)


@pytest.mark.parametrize(
    ("recipients", "own", "sender"),
    [
        ('recipients = ["no@inbound.example.com"]', "", "mailer-daemon@inbound.example.com"),
        ('recipients = ["no@eu.inbound.example.com"]', "", "mailer-daemon@eu.inbound.example.com"),
        ('recipients = [".inbound.example.com"]', "", "mailer-daemon@inbound.example.com"),
        (
            'recipients = ["no@inbound.example.com"]',
            'sender = "post@dev.example.com"',
            "post@dev.example.com",
        ),
    ],
)
def test_a_bounce_is_from_the_domain_that_it_is_for(
    stage_file: Path, recipients: str, own: str, sender: str
) -> None:
    rule = f'[[inbound.rules]]\nname = "noreply"\naction = "bounce"\n{recipients}\n{own}'
    bounce, _ = receiving(stage_file, f'{rule}\n[[inbound.rules]]\nname = "store"').receipt_rules
    assert (bounce.sender, bounce.stops, bounce.stop) == (sender, True, False)
    assert (bounce.smtp_reply_code, bounce.status_code, bounce.message) == (
        "550",
        "5.1.1",
        "Mailbox does not exist",
    )
