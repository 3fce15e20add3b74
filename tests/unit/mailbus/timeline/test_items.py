from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbus.events import RawMessage
from mailbus.timeline import items
from mailbus.timeline.mails import ReceivedMail, TimelineEvent, mail_of, merged
from tests.unit.mailbus.timeline.timelines import KEEP, NINE, Timeline, event, unsent

EVENT_TYPES = ("queued", "sent", "deferred", "delivered", "opened", "clicked", "bounced", "complained")


def stored(*events: Any) -> dict[str, Any]:
    timeline = Timeline()
    for one in events:
        mail = mail_of(one)
        assert mail is not None
        timeline.update(mail)
    (item,) = timeline.client.items.values()
    return item


@given(st.permutations([event(kind, minute) for minute, kind in enumerate(EVENT_TYPES)]), st.integers(1, 8))  # type: ignore[arg-type] # the types
def test_updates_in_any_order_store_the_mail_that_the_events_give(events: list[Any], count: int) -> None:
    chosen = events[:count]
    mails = [mail for one in chosen if (mail := mail_of(one))]
    read = items.read_mail(stored(*chosen, *chosen))
    expected = merged(mails)
    assert (read.status, read.seen) == (expected.status, expected.seen)
    assert read.created == mails[0].created


def test_one_update_of_several_events_is_as_good_as_one_each() -> None:
    events = [event("queued"), event("sent", 1), event("bounced", 2, mta_response="550 5.1.1 user unknown")]
    mails = [mail for one in events if (mail := mail_of(one))]
    timeline = Timeline()
    timeline.update(merged(mails))
    assert list(timeline.client.items.values()) == [stored(*events)]


def test_a_mail_before_acceptance_is_an_item_of_its_job() -> None:
    item = stored(unsent())
    assert (item["pk"], item["sk"]) == ({"S": "job#order-1001"}, {"S": "mail#ann@example.com"})
    assert items.read_mail(item).status == "not_sent"


def test_a_message_of_a_merge_is_stored_with_its_place_in_it() -> None:
    item = stored(event("queued"), event("sent", 1, message_tags={"mailbus-entry": ("7",)}))
    assert items.read_mail(item).entry == "7"
    assert items.read_mail(stored(event("sent"))).entry is None


def test_a_recipient_is_one_whatever_the_case_of_the_domain_and_shown_as_it_came_first() -> None:
    item = stored(event("queued", recipient="Ann@Example.COM"), event("sent", recipient="Ann@example.com"))
    assert (item["address"], item["recipient"]) == ({"S": "Ann@example.com"}, {"S": "Ann@Example.COM"})


@pytest.mark.parametrize("missing", ["recipient", "job_id"])
def test_a_mail_is_in_no_index_of_what_it_does_not_have(missing: str) -> None:
    item = stored(event("sent", 0, **{missing: None}))
    assert missing not in item
    assert {"shard", "created"} <= item.keys()
    assert item["sk"]["S"].startswith("mail#")


def test_kinds_of_a_newer_version_are_ignored() -> None:
    item = stored(event("sent")) | {"teleported": {"M": {"at": {"S": "?"}}}}
    assert items.read_mail(item).status == "sent"


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (NINE, "2026-11-29T09:00:00.000000Z"),
        (NINE + timedelta(microseconds=5), "2026-11-29T09:00:00.000005Z"),
        (datetime(2026, 11, 29, 11, tzinfo=timezone(timedelta(hours=2))), "2026-11-29T09:00:00.000000Z"),
        (datetime(212, 1, 1, tzinfo=UTC), "0212-01-01T00:00:00.000000Z"),
    ],
)
def test_times_are_texts_of_one_length_that_sort_as_times_do(at: datetime, text: str) -> None:
    assert items.instant(at) == text


json_values: Any = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.dictionaries(st.text(), json_values), st.none() | st.emails())
def test_an_event_is_read_as_it_was_stored(entry: dict[str, Any], recipient: str | None) -> None:
    event_ = TimelineEvent(event_id="0f" * 16, at=NINE, recipient=recipient, entry=entry)
    item = items.event_item(event_, "message#0100", KEEP)
    assert items.read_event(item) == event_
    assert item["expires_at"] == {"N": str(KEEP)}


def test_a_received_mail_is_read_as_it_was_stored_and_found_by_its_sender() -> None:
    mail = ReceivedMail(
        message_id="o3vrnil0e2ic28tr",
        received=NINE,
        event_type="inbound",
        envelope_sender="Bob@EXAMPLE.com",
        envelope_recipients=("help@shop.example.com",),
        spam_verdict="PASS",
        raw=RawMessage(bucket="mail", key="raw/o3vrnil0e2ic28tr", size=1200),
    )
    item = items.received_item(mail, KEEP)
    assert items.read_received(item) == mail
    assert item["address"] == {"S": "Bob@example.com"}
    assert item["shard"]["S"] in items.RECEIVED_SHARDS
    assert "address" not in items.received_item(msgspec.structs.replace(mail, envelope_sender=None), KEEP)
