from __future__ import annotations

import json

import pytest

from mailbus.errors import InvalidNotification, WiringError
from tests.unit.tracking.notifications import (
    TOPIC,
    envelope,
    normalized,
    only,
    payload,
)


@pytest.mark.parametrize("tags", [None, {}, {"mailbus-job-id": []}, {"mailbus-job-id": None}, "x"])
def test_a_message_that_mailbus_did_not_send_has_no_job_id(tags: object) -> None:
    delivered = payload("event_delivery")
    delivered["mail"]["tags"] = tags
    assert only(delivered).job_id is None


@pytest.mark.parametrize(
    "message",
    [
        "Successfully validated SNS topic for Amazon SES event publishing.",
        "Successfully validated SNS topic for Amazon SES event publishing.\n",
        json.dumps({"notificationType": "Received", "mail": {"messageId": "AMAZON_SES_SETUP_NOTIFICATION"}}),
        json.dumps({"mail": {"messageId": "AMAZON_SES_SETUP_NOTIFICATION"}, "content": "set up"}),
    ],
)
def test_sess_setup_messages_are_ignored(message: str) -> None:
    assert normalized(message).events == ()


@pytest.mark.parametrize("mail", [{"messageId": "d6iitobk75ur44p8kdnnp7g2n800"}, None])
def test_received_mail_on_the_tracking_topic_is_a_wiring_error_that_names_the_topic(mail: object) -> None:
    received = {"notificationType": "Received", "mail": mail, "receipt": {"action": {"type": "S3"}}}
    with pytest.raises(WiringError, match=f"{TOPIC}.*inbound topic"):
        normalized(received)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("Hello from SNS!", "not SES's JSON"),
        ("", "not SES's JSON"),
        ("[]", "not SES's JSON: no object"),
        ('"Bounce"', "not SES's JSON: no object"),
        ('{"eventType": "Bounce"', "not SES's JSON"),
        ('{"a":' * 100_000, "not SES's JSON"),
        ("{}", "neither eventType nor notificationType"),
        ('{"mail": {}}', "neither eventType nor notificationType"),
        ('{"eventType": 3, "mail": {}}', "neither eventType nor notificationType"),
        ('{"eventType": "Bounce"}', "no mail object"),
        ('{"eventType": "Bounce", "mail": null}', "no mail object"),
        ('{"notificationType": "Delivery", "mail": "text", "delivery": {}}', "no mail object"),
    ],
)
def test_anything_but_sess_json_is_invalid_and_the_reason_quotes_none_of_it(
    message: str, reason: str
) -> None:
    with pytest.raises(InvalidNotification, match=reason) as raised:
        normalized(message)
    assert not isinstance(raised.value, WiringError)
    assert "Hello" not in str(raised.value)


def test_resources_have_only_arns_that_are_known() -> None:
    sent = payload("event_send")
    del sent["mail"]["sourceArn"]
    assert normalized(sent).resources == (
        "arn:aws:ses:eu-west-1:210987654321:configuration-set/mailbus-dev",
        TOPIC,
    )
    sent["mail"]["sourceArn"] = "shop.example.com"
    sent["mail"]["tags"] = {"ses:configuration-set": []}
    assert normalized(sent).resources == (TOPIC,)


def test_a_delegated_identity_is_in_another_account_than_the_configuration_set() -> None:
    sent = payload("event_send")
    sent["mail"]["sourceArn"] = "arn:aws-cn:ses:cn-north-1:111122223333:identity/partner.example"
    assert normalized(sent).resources == (
        "arn:aws-cn:ses:cn-north-1:111122223333:identity/partner.example",
        "arn:aws-cn:ses:cn-north-1:210987654321:configuration-set/mailbus-dev",
        TOPIC,
    )


def test_the_envelope_of_these_tests_is_one_that_sns_sends() -> None:
    assert json.loads(envelope("{}"))["TopicArn"] == TOPIC
