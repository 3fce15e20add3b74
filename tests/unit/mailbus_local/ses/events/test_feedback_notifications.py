from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.mailbus_local.simulated_ses import NOTIFICATION_TYPES, SesEnvironment

DOCUMENTED = sorted(
    (Path(__file__).parents[5].parent / "shared/corpus/ses/amazon-ses-developer-guide").glob(
        "notification-examples__*.json"
    )
)


def send(env: SesEnvironment, sender: str, *to: str, **more: Any) -> str:
    message_id: str = env.sesv2.send_email(
        FromEmailAddress=f"Shop <{sender}>",
        Destination={"ToAddresses": list(to)},
        Content={
            "Simple": {
                "Subject": {"Data": "Your order"},
                "Body": {"Text": {"Data": "It is on its way."}},
                "Headers": [{"Name": "X-Metadata", "Value": '{"order": 4711}'}],
            }
        },
        EmailTags=[{"Name": "campaign", "Value": "autumn"}],
        **more,
    )["MessageId"]
    return message_id


def notified(env: SesEnvironment, count: int) -> list[dict[str, Any]]:
    """Wait for this number of notifications of the topic. Return them sorted by type."""
    notifications = [json.loads(text) for text in env.messages(count)]
    assert len(notifications) == count
    return sorted(notifications, key=lambda message: str(message.get("notificationType")))


@pytest.mark.parametrize(
    ("mailbox", "notification_types"),
    [
        ("success", ["Delivery"]),
        ("bounce", ["Bounce"]),
        ("suppressionlist", ["Bounce"]),
        ("complaint", ["Complaint", "Delivery"]),
    ],
)
def test_notifications_need_no_configuration_set(
    env: SesEnvironment, domain: str, mailbox: str, notification_types: list[str]
) -> None:
    env.publish_notifications(domain, *NOTIFICATION_TYPES)
    message_id = send(env, f"shop@{domain}", f"{mailbox}@simulator.amazonses.com")
    notifications = notified(env, len(notification_types))
    assert [message["notificationType"] for message in notifications] == notification_types
    assert {message["mail"]["messageId"] for message in notifications} == {message_id}
    for message in notifications:
        assert message[message["notificationType"].lower()]


def test_a_notification_has_the_caller_and_its_address_but_no_tags(env: SesEnvironment, domain: str) -> None:
    env.publish_notifications(domain, "Delivery")
    message_id = send(env, f"shop@{domain}", "success@simulator.amazonses.com")
    (notification,) = notified(env, 1)
    assert "eventType" not in notification
    mail = notification["mail"]
    assert mail.pop("timestamp").endswith("Z")
    assert mail == {
        "source": f"Shop <shop@{domain}>",
        "sourceArn": f"arn:aws:ses:us-east-1:000000000000:identity/{domain}",
        "sourceIp": "127.0.0.1",
        "callerIdentity": "test",
        "sendingAccountId": "000000000000",
        "messageId": message_id,
        "destination": ["success@simulator.amazonses.com"],
    }


def test_headers_are_included_only_if_enabled(env: SesEnvironment, domain: str) -> None:
    env.publish_notifications(domain, "Delivery")
    env.publish_notifications(domain, "Complaint", headers=True)
    send(env, f"shop@{domain}", "complaint@simulator.amazonses.com")
    complaint, delivery = notified(env, 2)
    assert {"headers", "commonHeaders", "headersTruncated"}.isdisjoint(delivery["mail"])
    assert {"name": "X-Metadata", "value": '{"order": 4711}'} in complaint["mail"]["headers"]
    assert complaint["mail"]["commonHeaders"]["subject"] == "Your order"
    assert complaint["mail"]["headersTruncated"] is False


def test_a_bounce_is_an_event_and_a_notification_with_the_same_content(
    env: SesEnvironment, domain: str
) -> None:
    env.publish_events("BOUNCE", "SEND")
    env.publish_notifications(domain, "Bounce")
    message_id = send(
        env, f"shop@{domain}", "bounce@simulator.amazonses.com", ConfigurationSetName=env.configuration_set
    )
    # The topic also gets the validation message of the event destination.
    published = [json.loads(text) for text in env.messages(4) if text.startswith("{")]
    (event,) = [message for message in published if message.get("eventType") == "Bounce"]
    (notification,) = [message for message in published if message.get("notificationType") == "Bounce"]
    assert {message["mail"]["messageId"] for message in published} == {message_id}
    assert notification["bounce"] == event["bounce"]


def test_a_requested_event_is_a_notification_too(env: SesEnvironment, domain: str) -> None:
    env.publish_notifications(domain, *NOTIFICATION_TYPES)
    message_id = send(env, f"shop@{domain}", "alice@customer.example")
    notified(env, 1)
    response = env.http.post(f"/events/{message_id}", json={"event_type": "Complaint"}).json()
    assert (response["topics"], response["notification_topic"]) == ([], env.topic)
    (complaint,) = notified(env, 1)
    assert complaint["complaint"] == response["event"]["complaint"]


@pytest.mark.parametrize("event_type", ["Open", "Click", "DeliveryDelay", "Reject", "Send"])
def test_other_events_are_no_notifications(env: SesEnvironment, domain: str, event_type: str) -> None:
    env.publish_notifications(domain, *NOTIFICATION_TYPES)
    message_id = send(env, f"shop@{domain}", "alice@customer.example")
    response = env.http.post(f"/events/{message_id}", json={"event_type": event_type}).json()
    assert (response["topics"], response["notification_topic"]) == ([], None)


def test_the_settings_of_an_address_precede_those_of_its_domain(env: SesEnvironment, domain: str) -> None:
    env.sesv2.create_email_identity(EmailIdentity=f"billing@{domain}")
    env.publish_notifications(domain, "Delivery")
    send(env, f"billing@{domain}", "alice@customer.example")
    message_id = send(env, f"shop@{domain}", "alice@customer.example")
    (notification,) = notified(env, 1)
    assert notification["mail"]["messageId"] == message_id


@pytest.mark.skipif(not DOCUMENTED, reason="the corpus of public notifications is not beside this project")
@pytest.mark.parametrize("event_type", NOTIFICATION_TYPES)
def test_a_notification_has_the_documented_fields_and_no_others(
    env: SesEnvironment, domain: str, event_type: str
) -> None:
    examples = [json.loads(path.read_text()) for path in DOCUMENTED]
    documented = {
        path for message in examples if message["notificationType"] == event_type for path in _paths(message)
    }
    env.publish_notifications(domain, event_type, headers=True)
    message_id = send(env, f"shop@{domain}", "alice@customer.example")
    if event_type != "Delivery":
        env.http.post(f"/events/{message_id}", json={"event_type": event_type})
    (notification,) = notified(env, 1)
    # Composed messages have no Date; SES includes that of a raw message.
    optional = {"$.mail.commonHeaders.date"}
    assert set(_paths(notification)) | optional == documented | optional


def _paths(value: Any, at: str = "$") -> list[str]:
    """Return the paths of all fields."""
    if isinstance(value, dict):
        return [
            path for name, inner in value.items() for path in (f"{at}.{name}", *_paths(inner, f"{at}.{name}"))
        ]
    if isinstance(value, list):
        return [path for inner in value for path in _paths(inner, at)]
    return []
