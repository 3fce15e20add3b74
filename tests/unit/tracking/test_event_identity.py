"""Event ids: the same for the same happening, however it is reported; different otherwise."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.tracking.reports import NAMES, payload, report

TIMED = {"event_open": "open", "event_click": "click", "event_delivery_delay": "deliveryDelay"}
MOMENTS = st.datetimes().map(lambda moment: moment.isoformat(timespec="milliseconds") + "Z")


def ids(message: object, sns_id: str = "3b1f6a0e-6f38-5b0c-8d4b-08f5c7a1f9d2") -> list[str]:
    return [event.event_id for event in report(json.dumps(message), sns_id=sns_id).events]


@pytest.mark.parametrize("name", NAMES)
def test_a_report_that_comes_again_has_the_same_ids(name: str) -> None:
    again = report(json.dumps(payload(name)), sns_id="f0c1", time="2026-11-22T00:00:00Z")
    assert [event.event_id for event in again.events] == ids(payload(name))


@pytest.mark.parametrize("kind", ["bounce", "complaint", "delivery"])
def test_event_publishing_and_feedback_notifications_give_the_same_ids(kind: str) -> None:
    assert ids(payload(f"event_{kind}")) == ids(payload(f"notification_{kind}"))


def test_ids_of_different_happenings_differ() -> None:
    happenings = [found for name in NAMES if name.startswith("event_") for found in ids(payload(name))]
    assert len(set(happenings)) == len(happenings)


@pytest.mark.parametrize("name", list(TIMED))
@given(one=MOMENTS, other=MOMENTS)
def test_two_of_a_kind_at_different_times_differ(name: str, one: str, other: str) -> None:
    first, second = payload(name), payload(name)
    first[TIMED[name]]["timestamp"], second[TIMED[name]]["timestamp"] = one, other
    assert (ids(first) == ids(second)) == (one == other)


def test_the_precision_of_a_time_makes_no_difference() -> None:
    opened = payload("event_open")
    opened["open"]["timestamp"] = "2026-11-20T09:31:57Z"
    same = payload("event_open")
    same["open"]["timestamp"] = "2026-11-20T10:31:57.000+01:00"
    assert ids(opened) == ids(same)


def test_opens_by_two_readers_in_the_same_instant_differ() -> None:
    other = payload("event_open")
    other["open"]["ipAddress"] = "192.0.2.52"
    assert ids(other) != ids(payload("event_open"))


def test_opens_without_a_time_differ_by_their_sns_message() -> None:
    opened = payload("event_open")
    del opened["open"]["timestamp"]
    assert ids(opened, sns_id="one") == ids(opened, sns_id="one")
    assert ids(opened, sns_id="one") != ids(opened, sns_id="two")


def test_messages_without_an_id_are_not_taken_for_one() -> None:
    sent = payload("event_send")
    del sent["mail"]["messageId"]
    assert not set(ids(sent, sns_id="one")) & set(ids(sent, sns_id="two"))


def test_a_domains_case_makes_no_difference_a_mailboxs_does() -> None:
    sent = payload("event_send")
    sent["mail"]["destination"] = ["Ada <ada@EXAMPLE.org>"]
    plain = payload("event_send")
    plain["mail"]["destination"] = ["ada@example.org"]
    assert ids(sent) == ids(plain)
    plain["mail"]["destination"] = ["Ada@example.org"]
    assert ids(sent) != ids(plain)


@given(st.lists(st.emails(), min_size=1, max_size=50, unique=True))
def test_every_recipient_has_an_id_of_its_own(addresses: list[str]) -> None:
    sent = payload("event_send")
    sent["mail"]["destination"] = addresses
    found = report(sent).events
    assert [event.recipient for event in found] == addresses
    lowered = {address.rpartition("@")[0] + "@" + address.rpartition("@")[2].lower() for address in addresses}
    assert len({event.event_id for event in found}) == len(lowered)
