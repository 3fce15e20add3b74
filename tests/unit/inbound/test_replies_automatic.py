"""Which mails are automatic, and the labels of the addresses that a mail came to."""

from __future__ import annotations

from typing import Any

import pytest

from inbound import replies
from inbound.handler import process
from mailbus.environment import ENTRY_BYTES
from tests.unit.inbound.world import World, received, record

HEAD = "From: Ada <ada@example.org>\nTo: support@inbound.example.com\nMessage-ID: <3@example.org>\n"


REPLY = "Subject: Re: Your order\nIn-Reply-To: <2@example.com>\nReferences: <1@example.com> <2@example.com>\n"


def message(text: str, header: str = REPLY) -> dict[str, Any]:
    """The event's message of a mail with this text."""
    raw = f"{HEAD}{header}Content-Type: text/plain; charset=utf-8\n\n{text}"
    world = World(raw.encode())
    assert process([record(received())], world.wiring) == ()
    found: dict[str, Any] = world.detail["message"]
    return found


@pytest.mark.parametrize(
    "header",
    [
        "Auto-Submitted: auto-replied",
        "Auto-Submitted: auto-generated (failure)",
        "auto-submitted: AUTO-NOTIFIED; owner-email=a@example.org",
        "Precedence: bulk",
        "Precedence:  Junk",
        "Precedence: list",
        "Precedence: auto_reply",
        "List-Id: News <news.example.org>",
        "List-Unsubscribe: <https://example.org/u>",
        "X-Auto-Response-Suppress: All",
        "X-Auto-Response-Suppress: DR, OOF, AutoReply",
        "X-Autoreply: yes",
        "X-Autorespond: out of office",
        "Return-Path: <>",
        "Content-Type: multipart/report; report-type=disposition-notification; boundary=b",
        "Subject: x\nAuto-Submitted: no\nAuto-Submitted: auto-replied",
    ],
)
def test_a_machines_mail_is_automatic(header: str) -> None:
    assert _automatic(header) is True


@pytest.mark.parametrize(
    "header",
    [
        "Subject: x",
        "Auto-Submitted: no",
        "Auto-Submitted: No (a person)",
        "Auto-Submitted: no; by=hand",
        "Auto-Submitted:",
        "Precedence: first-class",
        "Precedence: normal",
        "X-Auto-Response-Suppress: DR, RN, NRN",
        "X-Auto-Response-Suppress: None",
        "X-Autoreply: no",
        "List-Id:",
        "Return-Path: <ada@example.org>",
        "X-List-Id: <news.example.org>",
        "Subject: Auto-Submitted: auto-replied",
    ],
)
def test_a_persons_mail_is_not_automatic(header: str) -> None:
    assert _automatic(header) is False


def _automatic(header: str) -> bool:
    world = World(f"From: ada@example.org\n{header}\n\nHello\n".encode())
    process([record(received())], world.wiring)
    automatic: bool = world.detail["message"]["automatic"]
    return automatic


@pytest.mark.parametrize(
    "sender", ["", "<>", "< >", "MAILER-DAEMON", "mailer-daemon@mx.example.org", "<MAILER-DAEMON@x>"]
)
def test_the_empty_return_path_must_not_be_answered(sender: str) -> None:
    assert replies.is_bounce_sender(sender)


@pytest.mark.parametrize(
    "sender", [None, "ada@example.org", "mailer-daemons@example.org", "a@mailer-daemon.example"]
)
def test_other_senders_may_be_answered(sender: str | None) -> None:
    assert not replies.is_bounce_sender(sender)


def test_an_automatic_mail_has_its_auto_submitted_keyword() -> None:
    found = message("away", "Auto-Submitted: auto-replied (vacation)\nSubject: x\n")
    assert found["automatic"] is True
    assert found["auto_submitted"] == "auto-replied"


def test_the_label_after_plus_is_returned_for_each_address_that_has_one() -> None:
    recipients = (
        "support+4711@inbound.example.com",
        "sales@inbound.example.com",
        "a+b+c@inbound.example.com",
    )
    assert replies.recipient_details(recipients) == {recipients[0]: "4711", recipients[2]: "b+c"}


@pytest.mark.parametrize(
    ("address", "details"),
    [
        ("support+@inbound.example.com", {"support+@inbound.example.com": ""}),
        ('"a+b c"@inbound.example.com', {'"a+b c"@inbound.example.com': "b c"}),
        ("support@plus+domain.example", {}),
        ("no-address+4711", {}),
        ("", {}),
    ],
)
def test_unusual_addresses_have_the_label_of_their_local_part(address: str, details: dict[str, str]) -> None:
    assert replies.recipient_details([address]) == details


def test_the_events_labels_are_those_of_the_envelope_and_not_of_the_header() -> None:
    world = World(b"To: support+4712@inbound.example.com\n\nHello\n")
    notification = received(receipt__recipients=["support+4711@inbound.example.com"])
    assert process([record(notification)], world.wiring) == ()
    assert world.detail["message"]["recipient_details"] == {"support+4711@inbound.example.com": "4711"}


def test_bounces_are_automatic_by_the_envelope_alone() -> None:
    world = World(b"From: ada@example.org\n\nHello\n")
    assert process([record(received(mail__source="<>"))], world.wiring) == ()
    assert world.detail["message"]["automatic"] is True


def test_labels_that_do_not_fit_are_cut_with_their_addresses() -> None:
    recipients = [f"support+{n:060}@inbound.example.com" for n in range(3000)]
    world = World(b"From: ada@example.org\n\n" + b"\x01" * 60_000)
    assert process([record(received(receipt__recipients=recipients))], world.wiring) == ()
    found = world.detail["message"]
    assert "addresses_cut" in found["defects"]
    assert 50 < len(found["recipient_details"]) < len(found["envelope_recipients"]) < 3000
    assert found["recipient_details"][recipients[0]] == f"{0:060}"
    assert len(world.events.taken[0]["Detail"].encode()) < ENTRY_BYTES
