"""SNS notifications are parsed; anything else is refused without being quoted."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbus.aws.sns import Notification, parse_notification
from mailbus.errors import InvalidNotification

TOPIC = "arn:aws:sns:eu-west-1:210987654321:mailbus-dev-tracking"


def body(**changes: Any) -> str:
    envelope = {
        "Type": "Notification",
        "MessageId": "3b1f6a0e-6f38-5b0c-8d4b-08f5c7a1f9d2",
        "TopicArn": TOPIC,
        "Subject": "Amazon SES Email Event Notification",
        "Message": '{"eventType":"Send"}',
        "Timestamp": "2026-11-20T09:14:05.123Z",
        "SignatureVersion": "2",
        "Signature": "dGhlIHNpZ25hdHVyZQ==",
        "SigningCertURL": "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem",
        "UnsubscribeURL": f"https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe&SubscriptionArn={TOPIC}:1",
    }
    return json.dumps({key: value for key, value in (envelope | changes).items() if value is not ...})


def test_an_envelope_has_message_id_topic_and_time() -> None:
    assert parse_notification(body()) == Notification(
        message_id="3b1f6a0e-6f38-5b0c-8d4b-08f5c7a1f9d2",
        topic_arn=TOPIC,
        message='{"eventType":"Send"}',
        timestamp=datetime(2026, 11, 20, 9, 14, 5, 123000, tzinfo=UTC),
    )


def test_a_timestamp_with_an_offset_is_converted_to_utc() -> None:
    parsed = parse_notification(body(Timestamp="2026-11-20T10:14:05+01:00"))
    assert parsed.timestamp == datetime(2026, 11, 20, 9, 14, 5, tzinfo=UTC)
    assert parsed.timestamp.tzinfo is UTC


@pytest.mark.parametrize("key", ["Message", "MessageId", "TopicArn", "Timestamp"])
@pytest.mark.parametrize("value", [..., None, 7, {}])
def test_an_envelope_without_a_required_field_is_invalid(key: str, value: object) -> None:
    with pytest.raises(InvalidNotification, match=r"not an SNS notification: .*deliver to this queue"):
        parse_notification(body(**{key: value}))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no JSON",
        "[]",
        "null",
        '{"Type": "Notification"',
        '{"eventType":"Send","mail":{}}',
        "\ud800",
        '{"Message":"\\ud800"}',
        '{"Message":' + "[" * 100_000,
    ],
)
def test_other_text_is_invalid(text: str) -> None:
    with pytest.raises(InvalidNotification, match="not an SNS notification"):
        parse_notification(text)


@pytest.mark.parametrize("kind", ["SubscriptionConfirmation", "UnsubscribeConfirmation"])
def test_other_sns_types_are_refused_by_name_and_topic(kind: str) -> None:
    with pytest.raises(InvalidNotification, match=f"{kind}.*{TOPIC}"):
        parse_notification(body(Type=kind))


@pytest.mark.parametrize(
    "changes",
    [
        {"Type": "for ada@example.org" * 10_000},
        {"Type": "SubscriptionConfirmation", "TopicArn": "for ada@example.org" * 10_000},
        {"Type": "SubscriptionConfirmation", "TopicArn": f"{TOPIC}\nada@example.org"},
        {"Timestamp": "2026-11-20T09:14:05", "TopicArn": "ada@example.org"},
        {"Timestamp": "0001-01-01T00:00:00+14:00", "TopicArn": "ada@example.org"},
    ],
    ids=["type", "topic", "topic of two lines", "topic, time of no zone", "topic, time out of range"],
)
def test_an_envelope_that_is_refused_is_not_quoted(changes: dict[str, str]) -> None:
    with pytest.raises(InvalidNotification) as refused:
        parse_notification(body(**changes))
    assert "ada@example.org" not in str(refused.value)


@pytest.mark.parametrize("moment", ["2026-11-20T09:14:05", "0001-01-01T00:00:00+14:00"])
def test_an_invalid_timestamp_is_refused_with_its_topic(moment: str) -> None:
    with pytest.raises(InvalidNotification, match=f"SNS Timestamp.*{TOPIC}"):
        parse_notification(body(Timestamp=moment))


@given(st.text(st.characters(codec=None)))
def test_any_text_is_a_notification_or_invalid(text: str) -> None:
    with pytest.raises(InvalidNotification):
        parse_notification(text)
