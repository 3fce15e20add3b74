from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbus.bus_entries import bus_entry
from mailbus.events import EmailEvent, InboundEvent, InboundMessage, event_id

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MAIN_FIELDS = [
    "schema_version",
    "event_type",
    "event_id",
    "timestamp",
    "esp_name",
    "message_id",
    "job_id",
    "recipient",
    "recipient_ambiguous",
    "metadata",
    "tags",
    "message_tags",
    "reject_reason",
    "error_code",
    "description",
    "mta_response",
    "user_agent",
    "ip_address",
    "click_url",
    "link_tags",
    "bot",
    "bounce",
    "complaint",
    "delivery",
    "delay",
    "subscription",
    "esp_event",
    "esp_event_ref",
]
INBOUND_FIELDS = [
    "schema_version",
    "event_type",
    "event_id",
    "timestamp",
    "esp_name",
    "message_id",
    "description",
    "message",
    "spam_detected",
    "spam_verdict",
    "virus_verdict",
    "spf_verdict",
    "dkim_verdict",
    "dmarc_verdict",
    "dmarc_policy",
    "raw",
]
MESSAGE_FIELDS = [
    "envelope_sender",
    "envelope_recipients",
    "recipients",
    "recipient_details",
    "from_email",
    "to",
    "cc",
    "bcc",
    "reply_to",
    "subject",
    "date",
    "message_id_header",
    "in_reply_to",
    "references",
    "text",
    "stripped_text",
    "html",
    "text_ref",
    "html_ref",
    "headers",
    "attachments",
    "inlines",
    "auto_submitted",
    "automatic",
    "defects",
]
PARTS = st.lists(st.none() | st.text(st.characters(codec=None), max_size=8), max_size=4).map(tuple)


def test_an_event_always_has_every_field() -> None:
    detail = json.loads(bus_entry(EmailEvent(event_type="sent", event_id="0" * 32, timestamp=NOON)).detail)
    assert sorted(detail) == sorted(MAIN_FIELDS)
    assert {name: value for name, value in detail.items() if value not in (None, [], {}, False)} == {
        "schema_version": 1,
        "event_type": "sent",
        "event_id": "0" * 32,
        "timestamp": "2026-11-20T12:00:00Z",
        "esp_name": "Amazon SES",
    }


def test_an_inbound_event_always_has_every_field() -> None:
    event = InboundEvent(event_type="inbound", event_id="m", timestamp=NOON, message=InboundMessage())
    detail = json.loads(bus_entry(event).detail)
    assert sorted(detail) == sorted(INBOUND_FIELDS)
    assert sorted(detail["message"]) == sorted(MESSAGE_FIELDS)


def test_an_entry_carries_type_time_and_resources() -> None:
    event = EmailEvent(event_type="opened", event_id="0" * 32, timestamp=NOON)
    wrapped = bus_entry(event, ("arn:aws:ses:eu-west-1:210987654321:identity/shop.example.com",))
    assert wrapped.detail_type == "email.opened"
    assert wrapped.time == NOON
    assert wrapped.resources == ("arn:aws:ses:eu-west-1:210987654321:identity/shop.example.com",)


def test_ses_json_is_json_in_the_event() -> None:
    event = EmailEvent(event_type="sent", event_id="0" * 32, timestamp=NOON)
    whole = msgspec.structs.replace(event, esp_event=msgspec.Raw(b'{"eventType": "Send",\n "send": {}}'))
    assert json.loads(bus_entry(whole).detail)["esp_event"] == {"eventType": "Send", "send": {}}


def test_an_event_cannot_be_changed() -> None:
    event = EmailEvent(event_type="sent", event_id="0" * 32, timestamp=NOON)
    with pytest.raises(AttributeError):
        event.recipient = "mallory@example.com"  # type: ignore[misc] # that it cannot is the point


@given(PARTS | st.lists(st.none() | st.text(st.characters(max_codepoint=0x7F))).map(tuple))
def test_an_event_id_is_the_hash_of_its_parts_json(parts: tuple[str | None, ...]) -> None:
    assert event_id(*parts) == hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


@given(PARTS, PARTS)
def test_event_ids_are_equal_exactly_when_their_parts_are(
    one: tuple[str | None, ...], other: tuple[str | None, ...]
) -> None:
    assert (event_id(*one) == event_id(*other)) == (one == other)


@pytest.mark.parametrize(
    ("one", "other"),
    [(("a", "b"), ("ab",)), (("a\x1fb",), ("a", "b")), ((None,), ("",)), (("a", None), ("a",))],
)
def test_parts_do_not_run_into_each_other(one: tuple[str | None, ...], other: tuple[str | None, ...]) -> None:
    assert event_id(*one) != event_id(*other)


def test_event_ids_are_the_same_in_every_process() -> None:
    assert event_id("opened", "0102019a-000000", "ada@example.org", None) == (
        "3a069883b321c1e39ca39813eb072857"
    )
