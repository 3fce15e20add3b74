"""The deployed receipt rules refuse mail to `noreply@`; `notes@` and `encoded@` get it in notifications."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.e2e.system import System


def _mail(recipient: str) -> bytes:
    mail = EmailMessage()
    mail["From"] = "Ada Lovelace <ada@example.org>"
    mail["To"] = recipient
    mail["Subject"] = "Grüße"
    mail.set_content("Grüße aus Köln")
    return mail.as_bytes()


def test_the_configured_rules_are_active_in_their_order(system: System) -> None:
    active = system.client("ses").describe_active_receipt_rule_set()
    assert active["Metadata"]["Name"] == "mailbus-local"
    ours = [rule for rule in active["Rules"] if rule["Name"].startswith("mailbus-local.")]
    assert [(rule["Name"], rule["Recipients"], rule["TlsPolicy"]) for rule in ours] == [
        ("mailbus-local.noreply", ["noreply@inbound.example.com"], "Optional"),
        ("mailbus-local.notes", ["notes@inbound.example.com"], "Optional"),
        ("mailbus-local.encoded", ["encoded@inbound.example.com"], "Optional"),
        ("mailbus-local.store", ["inbound.example.com", "inbound.example.net"], "Optional"),
    ]


@pytest.mark.parametrize(
    "recipient",
    [
        "notes@inbound.example.com",
        "encoded@inbound.example.com",
        "support@inbound.example.com",
        "support@inbound.example.net",
    ],
)
def test_mail_of_either_action_becomes_one_event_and_is_stored(system: System, recipient: str) -> None:
    message_id = system.receive(_mail(recipient), recipient)
    (event,) = system.wait(1, message_id=message_id)

    message = event["message"]
    assert (event["event_type"], message["envelope_recipients"]) == ("inbound", [recipient])
    assert (message["subject"], message["text"].strip(), message["defects"]) == (
        "Grüße",
        "Grüße aus Köln",
        [],
    )
    assert event["raw"]["key"] == f"raw/{message_id}"
    assert b"Subject: =?utf-8?" in system.raw_mail(event)


def test_mail_to_noreply_is_refused_in_the_smtp_conversation(system: System) -> None:
    recipient = "noreply@inbound.example.com"
    with (
        smtplib.SMTP(system.outputs["smtp_host"], system.outputs["smtp_port"]) as smtp,
        pytest.raises(smtplib.SMTPDataError) as refused,
    ):
        smtp.sendmail("ada@example.org", [recipient], _mail(recipient))
    assert (refused.value.smtp_code, refused.value.smtp_error) == (550, b"5.1.1 Mailbox does not exist")


def test_a_label_does_not_bypass_the_rule_of_an_address(system: System) -> None:
    recipient = "notes+milk@inbound.example.com"
    large = b"Subject: large\r\n\r\n" + b"a line of text\r\n" * 10_000

    reply = system.simulator.post(
        "inbound", params={"mail_from": "ada@example.org", "rcpt_to": recipient}, content=large
    )

    assert reply.json()["smtp_reply"].startswith("552")


def test_after_a_rule_that_stops_no_other_rule_takes_the_mail(system: System) -> None:
    recipients = ("notes@inbound.example.com", "support@inbound.example.com")

    message_id = system.receive(_mail(recipients[0]), *recipients)
    (event,) = system.wait(1, message_id=message_id)

    assert event["message"]["envelope_recipients"] == ["notes@inbound.example.com"]
