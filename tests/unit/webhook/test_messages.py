"""Only the three types of SNS's messages are accepted, with all their fields."""

from __future__ import annotations

import base64
import json
from http import HTTPStatus
from typing import Any

import pytest

from tests.unit.webhook.world import (
    TOPIC,
    World,
    event,
    notification,
    signed,
    subscription_message,
    without,
)

MALFORMED = HTTPStatus.BAD_REQUEST


ABSENT: Any = object()


WRONG_TYPES: tuple[Any, ...] = (None, 7, True, [], {}, ["Notification"])


@pytest.mark.parametrize(
    "field",
    [
        "Type",
        "MessageId",
        "TopicArn",
        "Message",
        "Timestamp",
        "SignatureVersion",
        "Signature",
        "SigningCertURL",
    ],
)
@pytest.mark.parametrize("value", [ABSENT, *WRONG_TYPES], ids=["missing", *map(str, WRONG_TYPES)])
def test_every_field_must_exist_and_be_text(field: str, value: Any) -> None:
    world = World()
    whole = signed(notification())
    message = without(whole, field) if value is ABSENT else whole | {field: value}
    assert world.send(event(json.dumps(message))).status == MALFORMED
    assert world.refusal_reason().startswith("not a message of SNS")
    assert world.fetched == []


@pytest.mark.parametrize("field", ["Token", "SubscribeURL"])
@pytest.mark.parametrize("kind", ["SubscriptionConfirmation", "UnsubscribeConfirmation"])
@pytest.mark.parametrize("value", [ABSENT, *WRONG_TYPES, "", "two\nlines"])
def test_a_confirmation_must_have_its_token_and_url(kind: str, field: str, value: Any) -> None:
    world = World()
    whole = signed(subscription_message(kind))
    message = without(whole, field) if value is ABSENT else whole | {field: value}
    assert world.post(message).status == MALFORMED


@pytest.mark.parametrize(
    "changes",
    [
        {"Type": "notification"},
        {"Type": "Notification "},
        {"Type": ""},
        {"Type": "N" * 100_000},
        {"SignatureVersion": "3"},
        {"SignatureVersion": ""},
        {"SignatureVersion": "2.0"},
        {"Subject": 7},
        {"MessageId": "two\nlines"},
        {"MessageId": "x\n"},
        {"MessageId": ""},
        {"TopicArn": f"{TOPIC}\nType\nNotification"},
        {"Timestamp": "yesterday"},
        {"Timestamp": ""},
        {"Timestamp": "2026-11-22T11:59:58.123"},
        {"Timestamp": "2026-11-22T11:59:58.123+00:00"},
        {"Timestamp": "2026-11-22 11:59:58Z"},
        {"Timestamp": "2026-13-22T11:59:58Z"},
        {"Timestamp": "2026-11-22T25:59:58Z"},
        {"Timestamp": "2026-11-22T11:59:58.123Z\n"},
        {"Timestamp": "٢٠٢٦-11-22T11:59:58Z"},
    ],
    ids=str,
)
def test_a_field_with_a_value_that_sns_does_not_send_is_refused(changes: dict[str, Any]) -> None:
    world = World()
    assert world.send(event(json.dumps(signed(notification()) | changes))).status == MALFORMED
    assert len(world.refusal_reason()) < 400
    assert world.fetched == []


@pytest.mark.parametrize(
    "field", ["Type", "SignatureVersion", "Timestamp", "MessageId", "TopicArn", "Subject"]
)
@pytest.mark.parametrize(
    "problem", ["ada@example.org, my password is", "ada@example.org` - at `$.Nowhere`\n"]
)
def test_a_refusal_names_the_field_and_quotes_nothing(field: str, problem: str) -> None:
    world = World()
    value = [problem] if field == "Subject" else problem
    answer = world.send(event(json.dumps(signed(notification()) | {field: value})))
    assert answer.status == MALFORMED
    reason = f"{answer}{world.log}"
    assert "ada@example.org" not in reason
    assert "Nowhere" not in reason
    if field != "Timestamp":
        assert f"$.{field}" in world.refusal_reason()


@pytest.mark.parametrize(
    "body",
    [
        None,
        "",
        "Successfully validated SNS topic",
        "null",
        "7",
        '"Notification"',
        "[]",
        "{}",
        "[" * 100_000,
        '{"Type":' * 50_000,
        "\ufeff{}",
        json.dumps(signed(notification()))[:-1],
        json.dumps(signed(notification())) + "x",
        json.dumps([signed(notification())]),
        json.dumps({"Records": [{"Sns": signed(notification())}]}),
        '{"Type":"Notification","Message":"\\ud800"}',
        "\ud800",
    ],
    ids=lambda body: repr(body)[:30],
)
def test_a_body_that_is_not_a_message_is_refused(body: str | None) -> None:
    world = World()
    assert world.send(event(body)).status == MALFORMED
    assert world.refusal_reason()


@pytest.mark.parametrize("body", ["not base64!", "QUJ", base64.b64encode(b"\xff\xfe{}").decode(), "Grüße"])
def test_an_encoded_body_that_is_not_text_is_refused(body: str) -> None:
    world = World()
    assert world.send(event(body, isBase64Encoded=True)).status == MALFORMED
    assert world.refusal_reason().startswith("the body is not text in UTF-8")


@pytest.mark.parametrize("header", ["SubscriptionConfirmation", "Anything", ""])
def test_a_header_that_contradicts_the_type_is_refused(header: str) -> None:
    world = World()
    other = event(json.dumps(signed(notification())), headers={"X-Amz-Sns-Message-Type": header})
    assert world.send(other).status == MALFORMED
    assert [line["reason"] for line in world.log if "reason" in line] == [
        "the header x-amz-sns-message-type contradicts the message's Type"
    ]


def test_raw_delivery_is_refused_with_what_to_change() -> None:
    world = World()
    proxied = event('{"eventType":"Bounce"}', headers={"x-amz-sns-rawdelivery": "true"})
    assert world.send(proxied).status == MALFORMED
    assert "turn RawMessageDelivery off" in world.refusal_reason()
