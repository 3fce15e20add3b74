from __future__ import annotations

import pytest

from mailbus.jobs.parsing import parse_document
from tests.unit.mailbus.django.mail import Mail, message, with_attributes


def test_one_string_may_hold_several_addresses_as_for_smtp(django: Mail) -> None:
    job = django.send(message(to=['"Lee, Ann" <ann@example.net>, bob@example.net', ""]))
    assert job["to"] == ['"Lee, Ann" <ann@example.net>', "bob@example.net"]


@pytest.mark.parametrize(
    "name", ['Ann "the boss" Lee', "Lee, Ann", "back\\slash", "Ann (Sales)", "=?utf-8?q?Z=C3=AB?="]
)
def test_a_display_name_is_kept(django: Mail, name: str) -> None:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    job = django.send(message(to=[f'"{escaped}" <ann@example.net>']))
    (read,) = parse_document(job, "job").to
    assert (read.name, read.address) == (name, "ann@example.net")


def test_a_from_header_is_shown_and_from_email_gets_the_bounces(django: Mail) -> None:
    job = django.send(
        message(from_email="Bounces <bounces@example.com>", headers={"from": "Shop <shop@example.com>"})
    )
    assert job["from_email"] == ['"Shop" <shop@example.com>']
    assert job["envelope_sender"] == "bounces@example.com"
    assert "headers" not in job


def test_an_envelope_sender_of_its_own_goes_before(django: Mail) -> None:
    job = django.send(
        with_attributes(
            message(from_email="bounces@example.com", headers={"From": "shop@example.com"}),
            envelope_sender="Returns <returns@example.com>",
        )
    )
    assert job["envelope_sender"] == "returns@example.com"


def test_a_to_header_is_shown_and_receives_nothing(django: Mail) -> None:
    job = django.send(message(headers={"To": "Our readers <list@example.com>"}))
    assert job["to"] == ['"Jürgen Müller" <juergen@example.net>']
    assert job["headers"] == {"To": "Our readers <list@example.com>"}


def test_a_to_header_that_hides_the_recipients_makes_them_blind_ones(django: Mail) -> None:
    hidden = message(bcc=["bob@example.net"], headers={"To": "undisclosed-recipients:;"})
    job = django.send(hidden)
    assert not {"to", "headers"} & job.keys()
    assert job["bcc"] == ['"Jürgen Müller" <juergen@example.net>', "bob@example.net"]
    assert hidden.anymail_status.recipients.keys() == {"juergen@example.net", "bob@example.net"}  # type: ignore[attr-defined] # Anymail's attribute


@pytest.mark.parametrize(("own", "expected"), [(None, "bounces@example.com"), ("own@example.com",) * 2])
def test_a_return_path_header_is_the_envelopes_sender(django: Mail, own: str | None, expected: str) -> None:
    returning = with_attributes(
        message(headers={"Return-Path": "<bounces@example.com>"}), envelope_sender=own
    )
    job = django.send(returning)
    assert (job["envelope_sender"], "headers" in job) == (expected, False)


@pytest.mark.parametrize("name", ["Reply-To", "reply-to"])
def test_a_reply_to_header_goes_before_the_attribute(django: Mail, name: str) -> None:
    job = django.send(message(reply_to=["a@example.com"], headers={name: "b@example.com, c@example.com"}))
    assert job["reply_to"] == ["b@example.com", "c@example.com"]


def test_a_cc_header_that_says_what_cc_says_is_no_header(django: Mail) -> None:
    job = django.send(message(cc=["Ann <ann@example.net>"], headers={"Cc": "ann@EXAMPLE.net"}))
    assert ("headers" in job, job["cc"]) == (False, ['"Ann" <ann@example.net>'])


def test_a_cc_header_that_says_anything_else_is_refused(django: Mail) -> None:
    assert django.refusal(message(headers={"Cc": "ann@example.net"})).path == "$.headers.Cc"


def test_headers_that_say_what_the_attributes_say_are_no_headers(django: Mail) -> None:
    headers = {
        "From": "Shop <shop@example.com>",
        "To": "juergen@example.net",
        "Bcc": "archive@example.org",
        "Subject": "Your order 1001",
    }
    job = django.send(message(bcc=["archive@example.org"], headers=headers))
    assert not {"headers", "envelope_sender"} & job.keys()


def test_a_header_that_is_overwritten_is_ignored_with_a_line_in_the_log(
    django: Mail, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "mailbus.django")
    headers = {"Message-ID": "<1001@example.com>", "date": "Sun, 29 Nov 2026 08:00:00 +0000", "X": "1"}
    assert django.send(message(headers=headers))["headers"] == {"X": "1"}
    assert [text.partition(" is ")[0] for text in caplog.messages] == [
        "The header Message-ID",
        "The header date",
    ]


def test_from_email_may_name_several(django: Mail) -> None:
    job = django.send(message(from_email="Ann <ann@example.com>, Bob <bob@example.com>"))
    assert job["from_email"] == ['"Ann" <ann@example.com>', '"Bob" <bob@example.com>']
