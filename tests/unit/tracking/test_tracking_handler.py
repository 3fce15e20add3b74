from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from botocore.exceptions import EndpointConnectionError

from mailbus.aws.event_bus import ATTEMPTS
from mailbus.errors import ConfigurationError
from tests.unit.fakes.clients import BUS, DEAD_LETTERS, FakeEvents, FakeSqs, refusal
from tests.unit.fakes.dynamodb import TABLE
from tests.unit.fakes.lambda_context import FakeLambdaContext
from tests.unit.tracking.notifications import NAMES, TOPIC, envelope, expected, payload, text
from tests.unit.tracking.world import EVENTS_BUCKET, MAX_RECEIVES, QUEUE, World
from tracking import batch, handler

DELIVERY = envelope(text("event_delivery"))
BOUNCE = envelope(text("event_bounce"))


def test_a_batch_of_every_kind_of_report_is_on_the_bus(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    assert world.run(monkeypatch, *(envelope(text(name)) for name in NAMES)) == []
    published = [event["event_id"] for event in world.details]
    assert published == [event["event_id"] for name in NAMES for event in expected(name)["events"]]
    assert world.sqs.sent == []
    assert {entry["DetailType"] for entry in world.events.taken} == {
        f"email.{event['event_type']}" for event in world.details
    }
    assert world.events.taken[0]["Resources"] == tuple(expected(NAMES[0])["resources"])
    # one edge call for ten events, not one for each record
    assert len(world.events.calls) == -(-len(published) // 10)


def test_a_header_that_decodes_to_half_a_character_takes_no_batch_along(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    report = json.loads(text("event_delivery"))
    report["mail"]["headers"] = [{"name": "X-Tag", "value": "=?utf-7?q?+2AA-?="}]
    world = World()
    assert world.run(monkeypatch, envelope(json.dumps(report)), BOUNCE) == []
    assert [event["tags"] for event in world.details if event["event_type"] == "delivered"] == [
        ["=?utf-7?q?+2AA-?="]
    ]
    assert "bounced" in {event["event_type"] for event in world.details}


def test_a_poisoned_record_is_kept_with_its_reason_and_holds_up_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    poison = '{"Records": "no envelope"}'
    assert world.run(monkeypatch, DELIVERY, poison, envelope('{"eventType": "Bounce"}')) == []
    assert [event["event_type"] for event in world.details] == ["delivered"]
    assert world.kept == [("record-1", "InvalidNotification"), ("record-2", "InvalidNotification")]
    assert world.sqs.sent[0]["body"] == poison
    assert "raw delivery off" in world.sqs.sent[0]["attributes"]["Reason"]
    assert "no mail object" in world.sqs.sent[1]["attributes"]["Reason"]


def test_received_mail_on_the_tracking_topic_is_kept_as_a_wiring_mistake(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    foreign = "arn:aws:sns:eu-west-1:210987654321:mailbus-dev-inbound"
    received = json.dumps(
        {"notificationType": "Received", "receipt": {}, "mail": {"messageId": "d6iitobk75ur"}}
    )
    assert world.run(monkeypatch, envelope(received, topic=foreign)) == []
    assert world.kept == [("record-0", "WiringError")]
    assert foreign in world.sqs.sent[0]["attributes"]["Reason"]
    assert TOPIC in world.sqs.sent[0]["attributes"]["Reason"]


def test_sess_set_up_message_leaves_nothing_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    hello = "Successfully validated SNS topic for Amazon SES event publishing."
    assert world.run(monkeypatch, envelope(hello)) == []
    assert (world.details, world.kept) == ([], [])


def test_sess_greeting_to_an_identitys_topic_leaves_nothing_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    greeting = {
        "notificationType": "AmazonSnsSubscriptionSucceeded",
        "message": f"You have successfully subscribed your Amazon SNS topic '{TOPIC}' to receive 'Bounce'"
        " notifications from Amazon SES for identity 'example.net'.",
    }
    assert world.run(monkeypatch, envelope(json.dumps(greeting))) == []
    assert (world.details, world.kept) == ([], [])


def test_a_record_goes_back_only_for_its_own_events(monkeypatch: pytest.MonkeyPatch) -> None:
    def stuck(entry: dict[str, Any]) -> str | None:
        return "InternalFailure" if "grace@example.net" in json.loads(entry["Detail"])["recipient"] else None

    world = World(events=FakeEvents(stuck))
    assert world.run(monkeypatch, DELIVERY, BOUNCE, DELIVERY) == ["record-1"]
    assert [event["recipient"] for event in world.details] == ["ada@example.org"] * 3
    assert world.kept == []


def test_while_the_bus_is_away_everything_waits_in_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    away = EndpointConnectionError(endpoint_url="https://events.eu-west-1.amazonaws.com")
    world = World(events=FakeEvents(outages=(away,) * ATTEMPTS))
    assert world.run(monkeypatch, DELIVERY, BOUNCE) == ["record-0", "record-1"]
    assert world.kept == []


def too_large() -> str:
    large = payload("event_bounce")
    large["mail"]["headers"].append({"name": "X-Trace", "value": "x" * 300_000})
    return json.dumps(large)


def test_an_event_too_large_for_the_bus_refers_to_sess_json_in_s3(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    message = too_large()
    assert world.run(monkeypatch, envelope(message), DELIVERY) == []
    light = [event for event in world.details if event["event_type"] == "bounced"]
    assert [(event["recipient"], event["esp_event"]) for event in light] == [
        ("ada@example.org", None),
        ("grace@example.net", None),
    ]
    assert [event["event_id"] for event in light] == [
        event["event_id"] for event in expected("event_bounce")["events"]
    ]
    # once for both recipients, and under the same key whenever the record comes again
    assert len(world.s3.writes) == 1
    [ref] = {tuple(event["esp_event_ref"].values()) for event in light}
    assert world.s3.objects == {ref: message.encode()}
    assert (ref[0], ref[1].startswith("esp-events/")) == (EVENTS_BUCKET, True)
    world.run(monkeypatch, envelope(message, sns_id="another"))
    assert list(world.s3.objects) == [ref]
    assert world.kept == []


def test_while_s3_is_away_a_large_event_waits_and_the_others_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.s3.errors = [refusal("SlowDown")] * 2
    assert world.run(monkeypatch, envelope(too_large()), DELIVERY) == ["record-0"]
    assert [event["event_type"] for event in world.details] == ["delivered"]


def test_what_came_too_often_is_kept_with_what_stood_in_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    away = EndpointConnectionError(endpoint_url="https://events.eu-west-1.amazonaws.com")
    world = World(events=FakeEvents(outages=(away,) * ATTEMPTS))
    assert world.run(monkeypatch, DELIVERY, receive_count=MAX_RECEIVES) == []
    assert world.kept == [("record-0", "PublishError")]
    assert world.sqs.sent[0]["attributes"]["Code"] == "EndpointConnectionError"
    assert world.sqs.sent[0]["body"] == DELIVERY


def test_an_event_too_large_even_bare_is_kept_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    large = payload("event_click")
    large["click"]["link"] = "https://shop.example.com/?q=" + "x" * 300_000
    world = World()
    body = envelope(json.dumps(large))
    assert world.run(monkeypatch, body) == []
    assert world.details == []
    assert world.kept == [("record-0", "PublishError")]
    assert world.sqs.sent[0]["attributes"]["Code"] == "EntryTooLarge"
    assert world.sqs.sent[0]["body"] == body


def test_an_event_that_the_bus_refuses_for_good_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(
        events=FakeEvents(
            lambda entry: "MalformedDetail" if entry["DetailType"] == "email.delivered" else None
        )
    )
    assert world.run(monkeypatch, DELIVERY, BOUNCE) == []
    assert world.kept == [("record-0", "PublishError")]
    assert world.sqs.sent[0]["attributes"]["Code"] == "MalformedDetail"


def test_what_cannot_be_kept_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(sqs=FakeSqs(outage=refusal("ServiceUnavailable")))
    assert world.run(monkeypatch, "poison", DELIVERY) == ["record-0"]
    assert [event["event_type"] for event in world.details] == ["delivered"]
    refused = World(
        events=FakeEvents(lambda _: "MalformedDetail"), sqs=FakeSqs(outage=refusal("ServiceUnavailable"))
    )
    assert refused.run(monkeypatch, DELIVERY) == ["record-0"]


def test_an_error_of_our_own_costs_only_its_record(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    real = batch.normalize

    def broken(envelope: Any, **asked: Any) -> Any:
        if "Bounce" in envelope.message:
            raise ZeroDivisionError(envelope.message)
        return real(envelope, **asked)

    monkeypatch.setattr(batch, "normalize", broken)
    assert world.run(monkeypatch, BOUNCE, DELIVERY) == ["record-0"]
    assert [event["event_type"] for event in world.details] == ["delivered"]
    lines = [json.loads(line) for line in world.stream.getvalue().splitlines()]
    assert [(line["sqs_message_id"], line["error"]) for line in lines if line["level"] == "WARNING"] == [
        ("record-0", "ZeroDivisionError")
    ]


def test_an_event_that_cannot_be_written_costs_only_its_record(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    real = batch.normalize

    def broken(envelope: Any, **asked: Any) -> Any:
        report = real(envelope, **asked)
        events = report.events
        if "Bounce" in envelope.message:
            events = tuple(msgspec.structs.replace(event, description="\ud800") for event in events)
        return msgspec.structs.replace(report, events=events)

    monkeypatch.setattr(batch, "normalize", broken)
    assert world.run(monkeypatch, BOUNCE, DELIVERY) == ["record-0"]
    assert [event["event_type"] for event in world.details] == ["delivered"]


def test_the_log_counts_and_names_records_but_quotes_no_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.run(monkeypatch, BOUNCE, "poison <ada@example.org>", envelope("for ada@example.org: hello"))
    lines = [json.loads(line) for line in world.stream.getvalue().splitlines()]
    last = lines[-1]
    assert (last["message"], last["records"], last["events"], last["requeued"]) == ("batch done", 3, 2, 0)
    assert [line["sqs_message_id"] for line in lines[:-1]] == ["record-1", "record-2"]
    assert "example.org" not in world.stream.getvalue()
    assert "order" not in world.stream.getvalue()


def test_an_event_that_is_not_from_a_queue_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handler, "wire", lambda: World().within)
    with pytest.raises(ConfigurationError):
        handler.lambda_handler({"Records": [{"EventSource": "aws:sns", "Sns": {}}]}, FakeLambdaContext(30.0))  # type: ignore[arg-type] # as Lambda's


def test_the_wiring_is_made_once_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_DEFAULT_REGION": "eu-west-1",
        "EVENT_BUS_NAME": BUS,
        "DEAD_LETTER_QUEUE_URL": DEAD_LETTERS,
        "TRACKING_TOPIC_ARN": TOPIC,
        "TRACKING_QUEUE_URL": QUEUE,
        "LEDGER_TABLE_NAME": TABLE,
        "MAX_RECEIVES": "10",
        "EVENTS_BUCKET_NAME": EVENTS_BUCKET,
        "ESP_EVENTS_PREFIX": "esp-events/",
    }.items():
        monkeypatch.setenv(name, value)
    handler.wire.cache_clear()
    try:
        assert handler.wire() is handler.wire()
        assert handler.wire()(30.0).settings.tracking_topic_arn == TOPIC
    finally:
        handler.wire.cache_clear()
