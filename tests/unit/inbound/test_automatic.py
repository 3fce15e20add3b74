"""Which mails are automatic."""

from __future__ import annotations

import pytest

from inbound import automatic
from inbound.handler import process
from tests.unit.inbound.world import World, received, record


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
        "Precedence: auto-reply",
        "List-Id: News <news.example.org>",
        "List-Unsubscribe: <https://example.org/u>",
        "X-Auto-Response-Suppress: All",
        "X-Auto-Response-Suppress: DR, OOF, AutoReply",
        "X-Autoreply: yes",
        "X-Autorespond: out of office",
        "X-Auto-Reply: yes",
        "X-Auto-Reply-From: ada@example.org",
        "X-AutoReply-From: <ada@example.org>",
        "X-Mail-Autoreply: vacation",
        "X-Auto-Generated: true",
        "X-FC-MachineGenerated: true",
        "X-POST-MessageClass: 9; Autoresponder",
        "Delivered-To: Autoresponder",
        "X-Failed-Recipients: b@example.net",
        "X-MS-Exchange-Message-Is-Ndr:",
        "X-MS-Exchange-Generated-Message-Source: Mailbox Rules Agent",
        "From: MAILER-DAEMON@example.org (Mail Delivery System)",
        "From: Mail Delivery Subsystem <mailer-daemon@example.org>",
        "From: MAILER-DAEMON",
        "Sender: <Mailer-Daemon@mx.example.org>",
        "Return-Path: <MAILER-DAEMON@mx.example.org>",
        "Return-Path: MAILER-DAEMON",
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
        "X-Auto-Response-Suppress: OOF",
        "X-Auto-Response-Suppress: DR, OOF",
        "X-Auto-Reply: no",
        "X-Auto-Generated: false",
        "X-Failed-Recipients:",
        "Feedback-ID: 1.eu-west-1.abc=:AmazonSES",
        "Delivered-To: ada@example.org",
        "From: Ada <ada@mailer-daemon.example>",
        "From: mailer-daemons@example.org",
        "Reply-To: MAILER-DAEMON@example.org",
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
    found: bool = world.detail["message"]["automatic"]
    return found


@pytest.mark.parametrize(
    "sender", ["", "<>", "< >", "MAILER-DAEMON", "mailer-daemon@mx.example.org", "<MAILER-DAEMON@x>"]
)
def test_the_empty_return_path_must_not_be_answered(sender: str) -> None:
    assert automatic.is_bounce_sender(sender)


@pytest.mark.parametrize(
    "sender", [None, "ada@example.org", "mailer-daemons@example.org", "a@mailer-daemon.example"]
)
def test_other_senders_may_be_answered(sender: str | None) -> None:
    assert not automatic.is_bounce_sender(sender)


def test_bounces_are_automatic_by_the_envelope_alone() -> None:
    world = World(b"From: ada@example.org\n\nHello\n")
    assert process([record(received(mail__source="<>"))], world.wiring) == ()
    assert world.detail["message"]["automatic"] is True


def test_an_automatic_mail_has_its_auto_submitted_keyword() -> None:
    world = World(b"Auto-Submitted: auto-replied (vacation)\nSubject: x\n\naway\n")
    assert process([record(received())], world.wiring) == ()
    found = world.detail["message"]
    assert (found["automatic"], found["auto_submitted"]) == (True, "auto-replied")
