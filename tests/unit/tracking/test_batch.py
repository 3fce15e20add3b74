from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
from botocore.exceptions import EndpointConnectionError

from mailbus.aws.event_bus import ATTEMPTS
from tests.unit.fakes.clients import FakeEvents, FakeSqs, refusal
from tests.unit.tracking.notifications import (
    NAMES,
    TOPIC,
    envelope,
    expected,
    opened,
    sent,
    text,
)
from tests.unit.tracking.world import MAX_RECEIVES, SENT_BEFORE, World
from tracking import batch
from tracking.normalize import EVENTS_BYTES, normalize
from tracking.tracker import RETRY_SECONDS

if TYPE_CHECKING:
    import pytest

    from mailbus.aws.sqs import Record

DELIVERY = envelope(text("event_delivery"))
BOUNCE = envelope(text("event_bounce"))
INVALID = "no envelope"


def test_a_batch_of_every_kind_of_notification_is_published() -> None:
    world = World()
    assert world.run(*(envelope(text(name)) for name in NAMES)) == []
    published = [event["event_id"] for event in world.details]
    assert published == [event["event_id"] for name in NAMES for event in expected(name)["events"]]
    assert world.sqs.sent == []
    assert {entry["DetailType"] for entry in world.events.taken} == {
        f"email.{event['event_type']}" for event in world.details
    }
    assert world.events.taken[0]["Resources"] == tuple(expected(NAMES[0])["resources"])
    # one call for ten events, not one per record
    assert len(world.events.calls) == -(-len(published) // 10)


def test_an_invalid_record_is_dead_lettered_with_its_reason_and_delays_no_other() -> None:
    world = World()
    invalid = '{"Records": "no envelope"}'
    assert world.run(DELIVERY, invalid, envelope('{"eventType": "Bounce"}')) == []
    assert [event["event_type"] for event in world.details] == ["delivered"]
    assert world.dead_lettered == [("record-1", "InvalidNotification"), ("record-2", "InvalidNotification")]
    assert world.sqs.sent[0]["body"] == invalid
    assert "raw delivery off" in world.sqs.sent[0]["attributes"]["Reason"]
    assert "no mail object" in world.sqs.sent[1]["attributes"]["Reason"]


def test_received_mail_on_the_tracking_topic_is_dead_lettered_as_a_wiring_error() -> None:
    world = World()
    inbound_topic = "arn:aws:sns:eu-west-1:210987654321:mailbus-dev-inbound"
    received = json.dumps(
        {"notificationType": "Received", "receipt": {}, "mail": {"messageId": "d6iitobk75ur"}}
    )
    assert world.run(envelope(received, topic=inbound_topic)) == []
    assert world.dead_lettered == [("record-0", "WiringError")]
    assert inbound_topic in world.sqs.sent[0]["attributes"]["Reason"]
    assert TOPIC in world.sqs.sent[0]["attributes"]["Reason"]


def test_sess_setup_message_is_neither_published_nor_dead_lettered() -> None:
    world = World()
    setup = "Successfully validated SNS topic for Amazon SES event publishing."
    assert world.run(envelope(setup)) == []
    assert (world.details, world.dead_lettered) == ([], [])


def test_sess_first_notification_to_an_identitys_topic_is_neither_published_nor_dead_lettered() -> None:
    world = World()
    subscribed = {
        "notificationType": "AmazonSnsSubscriptionSucceeded",
        "message": f"You have successfully subscribed your Amazon SNS topic '{TOPIC}' to receive 'Bounce'"
        " notifications from Amazon SES for identity 'example.net'.",
    }
    assert world.run(envelope(json.dumps(subscribed))) == []
    assert (world.details, world.dead_lettered) == ([], [])


def test_a_record_is_requeued_only_for_its_own_events() -> None:
    def stuck(entry: dict[str, Any]) -> str | None:
        return "InternalFailure" if "grace@example.net" in json.loads(entry["Detail"])["recipient"] else None

    world = World(events=FakeEvents(stuck))
    assert world.run(DELIVERY, BOUNCE, DELIVERY) == ["record-1"]
    assert [event["recipient"] for event in world.details] == ["ada@example.org"] * 3
    assert world.dead_lettered == []


def test_everything_is_requeued_while_the_bus_is_unreachable() -> None:
    unreachable = EndpointConnectionError(endpoint_url="https://events.eu-west-1.amazonaws.com")
    world = World(events=FakeEvents(outages=(unreachable,) * ATTEMPTS))
    assert world.run(DELIVERY, BOUNCE) == ["record-0", "record-1"]
    assert world.dead_lettered == []


def test_a_record_delivered_too_often_is_dead_lettered_with_its_last_error() -> None:
    unreachable = EndpointConnectionError(endpoint_url="https://events.eu-west-1.amazonaws.com")
    world = World(events=FakeEvents(outages=(unreachable,) * ATTEMPTS))
    assert world.run(DELIVERY, receive_count=MAX_RECEIVES) == []
    assert world.dead_lettered == [("record-0", "PublishError")]
    assert world.sqs.sent[0]["attributes"]["Code"] == "EndpointConnectionError"
    assert world.sqs.sent[0]["body"] == DELIVERY


def test_a_retry_comes_soon_and_each_further_one_later() -> None:
    world = World(events=FakeEvents(lambda _: "InternalFailure"))
    for receive_count in range(1, 8):
        assert world.run(DELIVERY, receive_count=receive_count) == ["record-0"]
    assert [seconds for _, _, seconds in world.sqs.delayed] == [5, 10, 20, 40, 80, 120, 120]


def test_a_record_is_retried_for_half_an_hour_however_often_it_was_delivered() -> None:
    world = World(events=FakeEvents(lambda _: "InternalFailure"))
    world.now = SENT_BEFORE + RETRY_SECONDS - 1
    assert world.run(DELIVERY, receive_count=10 * MAX_RECEIVES) == ["record-0"]
    world.now = SENT_BEFORE + RETRY_SECONDS
    assert world.run(DELIVERY, receive_count=MAX_RECEIVES) == []
    assert world.dead_lettered == [("record-0", "PublishError")]


def test_an_event_that_the_bus_refuses_permanently_is_dead_lettered() -> None:
    world = World(
        events=FakeEvents(
            lambda entry: "MalformedDetail" if entry["DetailType"] == "email.delivered" else None
        )
    )
    assert world.run(DELIVERY, BOUNCE) == []
    assert world.dead_lettered == [("record-0", "PublishError")]
    assert world.sqs.sent[0]["attributes"]["Code"] == "MalformedDetail"


def test_a_record_that_cannot_be_dead_lettered_is_requeued() -> None:
    world = World(sqs=FakeSqs(outage=refusal("ServiceUnavailable")))
    assert world.run(INVALID, DELIVERY) == ["record-0"]
    assert [event["event_type"] for event in world.details] == ["delivered"]
    refused = World(
        events=FakeEvents(lambda _: "MalformedDetail"), sqs=FakeSqs(outage=refusal("ServiceUnavailable"))
    )
    assert refused.run(DELIVERY) == ["record-0"]


def test_a_bug_fails_only_its_record(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    real = normalize

    def broken(envelope: Any, **options: Any) -> Any:
        if "Bounce" in envelope.message:
            raise ZeroDivisionError(envelope.message)
        return real(envelope, **options)

    monkeypatch.setattr(batch, "normalize", broken)
    assert world.run(BOUNCE, DELIVERY) == ["record-0"]
    assert [event["event_type"] for event in world.details] == ["delivered"]
    lines = [json.loads(line) for line in world.stream.getvalue().splitlines()]
    assert [(line["sqs_message_id"], line["error"]) for line in lines if line["level"] == "WARNING"] == [
        ("record-0", "ZeroDivisionError")
    ]


def test_an_event_that_cannot_be_encoded_fails_only_its_record(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    real = normalize

    def broken(envelope: Any, **options: Any) -> Any:
        normalized = real(envelope, **options)
        events = normalized.events
        if "Bounce" in envelope.message:
            events = tuple(msgspec.structs.replace(event, description="\ud800") for event in events)
        return msgspec.structs.replace(normalized, events=events)

    monkeypatch.setattr(batch, "normalize", broken)
    assert world.run(BOUNCE, DELIVERY) == ["record-0"]
    assert [event["event_type"] for event in world.details] == ["delivered"]


def test_the_log_counts_and_names_records_but_quotes_no_mail() -> None:
    world = World()
    world.run(BOUNCE, "invalid <ada@example.org>", envelope("for ada@example.org: setup"))
    lines = [json.loads(line) for line in world.stream.getvalue().splitlines()]
    last = lines[-1]
    assert (last["message"], last["records"], last["events"], last["requeued"]) == ("batch done", 3, 2, 0)
    assert [line["sqs_message_id"] for line in lines[:-1]] == ["record-1", "record-2"]
    assert "example.org" not in world.stream.getvalue()
    assert "order" not in world.stream.getvalue()


def test_a_notification_of_more_recipients_than_ses_allows_is_dead_lettered_with_its_reason() -> None:
    world = World()
    hostile = opened(recipients=5_000)
    assert world.run(hostile, DELIVERY) == []
    assert [event["event_type"] for event in world.details] == ["delivered"]
    assert world.dead_lettered == [("record-0", "InvalidNotification")]
    assert world.sqs.sent[0]["body"] == hostile
    assert f"more than {EVENTS_BYTES}" in world.sqs.sent[0]["attributes"]["Reason"]
    assert "example.org" not in world.sqs.sent[0]["attributes"]["Reason"]


def test_the_largest_notification_that_ses_can_send_is_published_whole() -> None:
    world = World()
    assert world.run(opened(recipients=50, padding=240_000)) == []
    assert len(world.details) == 50
    assert all(event["esp_event"] for event in world.details)


def test_the_error_of_an_invalid_notification_keeps_none_of_it_in_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    errors: list[Exception] = []
    world = World()
    send = world.tracker.dead_letters.send

    def keep(record: Record, error: Any) -> None:
        errors.append(error)
        send(record, error)

    monkeypatch.setattr(world.tracker.dead_letters, "send", keep)
    world.run(opened(recipients=5_000), envelope('{"eventType": "Bounce"'), INVALID)
    assert [(e.__traceback__, e.__cause__, e.__context__) for e in errors] == [(None, None, None)] * 3


def test_a_batch_of_very_many_events_is_processed_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "EVENTS_AT_ONCE", 20)
    world = World(index_messages=True)
    bodies = [opened(recipients=7), INVALID, *(sent(number) for number in range(30)), DELIVERY]
    assert world.run(*bodies) == []
    assert [event["event_type"] for event in world.details][:7] == ["opened"] * 7
    assert world.details[-1]["event_type"] == "delivered"
    assert world.dead_lettered == [("record-1", "InvalidNotification")]
    assert [name for name, _ in world.dynamodb.calls].count("BatchGetItem") > 1
