"""The deployed receipt rules: mail to `notes@` and `encoded@` is in notifications, other mail in S3."""

from __future__ import annotations

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
    ours = [rule for rule in active["Rules"] if not rule["Name"].startswith("test-")]
    assert [(rule["Name"], rule["Recipients"], rule["TlsPolicy"]) for rule in ours] == [
        ("notes", ["notes@inbound.example.com"], "Optional"),
        ("encoded", ["encoded@inbound.example.com"], "Optional"),
        ("store", ["inbound.example.com"], "Optional"),
    ]


@pytest.mark.parametrize("name", ["notes", "encoded", "support"])
def test_mail_of_either_action_becomes_one_event_and_is_stored(system: System, name: str) -> None:
    recipient = f"{name}@inbound.example.com"

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
    stored = system.client("s3").get_object(Bucket=event["raw"]["bucket"], Key=event["raw"]["key"])
    assert b"Subject: =?utf-8?" in stored["Body"].read()


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
