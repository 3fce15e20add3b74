from __future__ import annotations

import pytest

from tests.unit.tracking.notifications import (
    events,
    only,
    payload,
)


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("ada@example.org", "ada@example.org"),
        ("Ada Lovelace <ada@example.org>", "ada@example.org"),
        ('"Lovelace, Ada" <ada@example.org>', "ada@example.org"),
        ('"Ada <the first>" <ada@example.org>', "ada@example.org"),
        ("=?utf-8?q?Ad=C3=A9?= <ada@example.org>", "ada@example.org"),
        (" <ada@example.org> ", "ada@example.org"),
        ("ada@bücher.example", "ada@bücher.example"),
        ("undisclosed", "undisclosed"),
        ("<>", "<>"),
    ],
)
def test_a_recipient_is_a_bare_address(written: str, address: str) -> None:
    sent = payload("event_send")
    sent["mail"]["destination"] = [written]
    assert only(sent).recipient == address
    delivered = payload("event_delivery")
    delivered["delivery"]["recipients"] = [written]
    assert only(delivered).recipient == address
    bounced = payload("event_bounce")
    bounced["bounce"]["bouncedRecipients"] = [{"emailAddress": written}]
    assert only(bounced).recipient == address


def test_a_recipient_listed_twice_gets_one_event() -> None:
    sent = payload("event_send")
    sent["mail"]["destination"] = ["ada@example.org", "Ada <ada@example.org>", "grace@example.net"]
    assert [e.recipient for e in events(sent)] == ["ada@example.org", "grace@example.net"]
    bounced = payload("event_bounce")
    bounced["bounce"]["bouncedRecipients"] *= 2
    assert [e.recipient for e in events(bounced)] == ["ada@example.org", "grace@example.net"]


@pytest.mark.parametrize("replacement", [..., None, [], [None], [""], 7])
@pytest.mark.parametrize("name", ["event_send", "event_reject", "event_open", "event_click"])
def test_without_a_destination_there_is_one_event_without_a_recipient(name: str, replacement: object) -> None:
    changed = payload(name)
    del changed["mail"]["destination"]
    if replacement is not ...:
        changed["mail"]["destination"] = replacement
    event = only(changed)
    assert (event.recipient, event.recipient_ambiguous) == (None, False)


@pytest.mark.parametrize("replacement", [..., None, [], {}, 7])
@pytest.mark.parametrize(
    ("name", "own", "key"),
    [
        ("event_bounce", "bounce", "bouncedRecipients"),
        ("event_complaint", "complaint", "complainedRecipients"),
        ("event_delivery_delay", "deliveryDelay", "delayedRecipients"),
        ("event_delivery", "delivery", "recipients"),
    ],
)
def test_without_a_recipient_list_the_only_recipient_of_the_mail_is_meant(
    name: str, own: str, key: str, replacement: object
) -> None:
    changed = payload(name)
    del changed[own][key]
    if replacement is not ...:
        changed[own][key] = replacement
    changed["mail"]["destination"] = ["Ada <ada@example.org>", "ada@EXAMPLE.org"]
    assert [(e.recipient, e.recipient_ambiguous) for e in events(changed)] == [("ada@example.org", False)]
    changed["mail"]["destination"] = ["ada@example.org", "grace@example.net"]
    assert [(e.recipient, e.recipient_ambiguous) for e in events(changed)] == [(None, False)]
    del changed["mail"]["destination"]
    assert only(changed).recipient is None


def test_an_event_has_the_same_id_whether_ses_names_the_only_recipient_or_not() -> None:
    bounce = payload("event_bounce")
    bounce["mail"]["destination"] = ["ada@example.org"]
    bounce["bounce"]["bouncedRecipients"] = [{"emailAddress": "ada@example.org"}]
    named = only(bounce)
    bounce["bounce"]["bouncedRecipients"] = []
    assert only(bounce).event_id == named.event_id


def test_what_ses_reports_on_a_recipient_without_an_address_is_of_the_only_recipient() -> None:
    bounce = payload("event_bounce")
    bounce["mail"]["destination"] = ["ada@example.org"]
    bounce["bounce"]["bouncedRecipients"] = [{"status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 unknown"}]
    event = only(bounce)
    assert (event.recipient, event.mta_response) == ("ada@example.org", "smtp; 550 5.1.1 unknown")
