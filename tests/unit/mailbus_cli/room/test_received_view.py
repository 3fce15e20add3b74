from __future__ import annotations

from typing import Any

import msgspec
import pytest

from mailbus.events import InboundEvent, StoredObject, parse
from mailbus_cli.room.content.mail import read
from mailbus_cli.room.received_view import envelope, event, is_elsewhere, row, verdicts, warning
from tests.unit.mailbus_cli.room.content.mails import with_picture
from tests.unit.mailbus_cli.room.mails import received

RAW = (
    b"From: Contoso Accounts Payable <accounts@contoso.example>\r\nTo: orders+4711@inbound.example.com\r\n"
    b"Reply-To: contoso.payments@freemail.example\r\nSubject: Purchase order 88213 (URGENT)\r\n\r\n"
    b"Dear sir or madam,\r\n\r\nplease find attached our purchase order.\r\n"
)


def test_a_mail_that_ses_objects_nothing_to_has_no_warning() -> None:
    assert warning(received()) is None


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (
            {"dmarc_verdict": "FAIL", "dmarc_policy": "reject"},
            "and the sender's domain asks for such mail to be rejected. SES scans and marks, it does",
        ),
        ({"dmarc_verdict": "FAIL"}, "DMARC failed: its From address may be another's."),
        (
            {"virus_verdict": "FAIL", "spam_verdict": "FAIL"},
            "SES found a virus in it. SES takes it for spam.",
        ),
        (
            {"spf_verdict": "FAIL", "dkim_verdict": "FAIL", "dmarc_verdict": "GRAY"},
            "SPF and DKIM failed: its sender may be another.",
        ),
        ({"spf_verdict": "FAIL", "dkim_verdict": "GRAY", "dmarc_verdict": "GRAY"}, "SPF failed:"),
    ],
)
def test_a_warning_says_what_ses_objects_to(verdict: dict[str, Any], words: str) -> None:
    assert words in (warning(received(**verdict)) or "")


@pytest.mark.parametrize(
    "verdict",
    [
        {"spf_verdict": "FAIL"},
        {"spf_verdict": "GRAY", "dmarc_verdict": "GRAY"},
        {"virus_verdict": "PROCESSING_FAILED"},
    ],
)
def test_what_proves_nothing_is_no_warning(verdict: dict[str, Any]) -> None:
    assert warning(received(**verdict)) is None


def test_each_verdict_is_a_pill() -> None:
    mail = received(
        dkim_verdict="GRAY",
        dmarc_verdict="FAIL",
        dmarc_policy="reject",
        virus_verdict=None,
        spam_verdict="DISABLED",
    )
    assert [(each.text, each.level) for each in verdicts(mail)] == [
        ("SPF pass", "pass"),
        ("DKIM none", "none"),
        ("DMARC fail, policy reject", "fail"),
        ("spam off", "none"),
    ]


@pytest.mark.parametrize(
    ("one", "other", "elsewhere"),
    [
        ("a@x.example", "b@x.example", False),
        ("a@bounce.X.example", "b@x.example", False),
        ("a@x.example", "b@y.example", True),
        ("a@evilx.example", "b@x.example", True),
        ("", "b@x.example", False),
        (None, None, False),
    ],
)
def test_domains_that_have_nothing_to_do_with_each_other(
    one: str | None, other: str | None, *, elsewhere: bool
) -> None:
    assert is_elsewhere(one, other) is elsewhere


def test_the_envelope_is_beside_the_headers_and_other_domains_are_marked() -> None:
    mail = received(
        envelope_sender="bounce-77120@bulk.mailer.example",
        envelope_recipients=("orders+4711@inbound.example.com",),
    )
    rows = envelope(mail, read(RAW))
    assert list(rows) == ["From", "Envelope", "For", "Reply-To"]
    assert (rows["From"][0].name, rows["From"][0].is_elsewhere) == ("Contoso Accounts Payable", False)
    assert rows["Envelope"][0].is_elsewhere
    assert rows["For"][0].detail == "4711"
    assert rows["Reply-To"][0].is_elsewhere


def test_a_row_has_sender_subject_and_the_beginning_of_the_text() -> None:
    found = row(received(), read(RAW))
    assert (found.sender, found.subject) == ("Contoso Accounts Payable", "Purchase order 88213 (URGENT)")
    assert found.snippet.startswith("Dear sir or madam, please find attached")
    assert found.contains("URGENT")
    assert found.contains("ada@EXAMPLE.org")
    assert not found.contains("receipt")


def test_a_mail_with_files_is_found_by_their_names() -> None:
    found = row(received(), read(with_picture("x")))
    assert found.has_attachments
    assert found.contains("fdp.exe")


def test_a_mail_that_could_not_be_read_says_why() -> None:
    mail = received(event_type="inbound_failed", description="S3 answers NoSuchKey for the mail", raw=None)
    found = row(mail, None)
    assert (found.is_failed, found.subject) == (True, "(cannot be read)")
    assert found.snippet == "inbound_failed: S3 answers NoSuchKey for the mail"


def test_a_mail_that_may_not_be_read_has_its_envelope() -> None:
    found = row(received(), None, "These credentials may not read the raw mail")
    assert (found.sender, found.snippet) == ("ada@example.org", "These credentials may not read the raw mail")


def test_the_event_is_what_a_consumer_gets() -> None:
    made = event(
        received(envelope_recipients=("orders+4711@inbound.example.com",)),
        read(with_picture("<img src=cid:logo>")),
    )
    assert made.message is not None
    assert made.message.recipient_details == {"orders+4711@inbound.example.com": "4711"}
    (attached,) = made.message.attachments
    assert attached.s3.key == "parts/in-1/2-details_fdp.exe"
    entry = {"source": "mailbus", "detail-type": "email.inbound", "detail": msgspec.to_builtins(made)}
    assert isinstance(parse(entry), InboundEvent)


def test_a_text_that_is_too_large_for_an_event_is_in_the_bucket_as_for_a_consumer() -> None:
    made = event(received(), read(RAW + b"x\r\n" * 200_000))
    assert made.message is not None
    assert (made.message.text, made.message.stripped_text) == (None, None)
    assert made.message.text_ref == StoredObject(bucket="inbound", key="parts/in-1/body.txt")


def test_the_event_of_a_failed_mail_has_no_message() -> None:
    made = event(received(event_type="inbound_failed", description="no"), None)
    assert (made.event_type, made.message, made.description) == ("inbound_failed", None, "no")
