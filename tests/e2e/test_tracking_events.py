from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.e2e.system import System

SIMULATED = "{}@simulator.amazonses.com"


@pytest.fixture(scope="module")
def sent(system: System) -> str:
    """The message id of a delivered mail."""
    job_id = system.send(metadata={"user": 42}, tags=["news"], html='<a href="https://example.com/">x</a>')
    return str(system.wait(1, job_id=job_id, event_type="delivered")[0]["message_id"])


@pytest.mark.parametrize(
    ("mailbox", "event_type", "reject_reason"),
    [
        ("success", "delivered", None),
        ("bounce", "bounced", "bounced"),
        ("suppressionlist", "bounced", "blocked"),
        ("complaint", "complained", "spam"),
    ],
)
def test_each_address_of_the_mailbox_simulator_has_its_event(
    system: System, mailbox: str, event_type: str, reject_reason: str | None
) -> None:
    job_id = system.send(to=[SIMULATED.format(mailbox)])

    (event,) = system.wait(1, job_id=job_id, event_type=event_type)

    assert event["recipient"] == SIMULATED.format(mailbox)
    assert event["reject_reason"] == reject_reason
    assert event["esp_event"]["eventType"]


@pytest.mark.parametrize(
    ("ses", "event_type"),
    [
        ({"event_type": "Open"}, "opened"),
        ({"event_type": "Click", "link": "https://example.com/"}, "clicked"),
        ({"event_type": "Complaint"}, "complained"),
        ({"event_type": "DeliveryDelay"}, "deferred"),
        ({"event_type": "Bounce"}, "bounced"),
        ({"event_type": "Reject"}, "rejected"),
        ({"event_type": "Subscription"}, "unsubscribed"),
    ],
)
def test_each_ses_event_type_becomes_its_event(
    system: System, sent: str, ses: dict[str, str], event_type: str
) -> None:
    system.simulator.post(f"events/{sent}", json=ses).raise_for_status()

    event = system.wait(1, message_id=sent, event_type=event_type)[0]

    assert event["job_id"]
    # SES omits the headers, and with them the metadata, from a delay: the ledger has them too
    assert event["metadata"] == {"user": 42}
    assert event["tags"] == ["news"]
    assert event["recipient"] == SIMULATED.format("success")
    if event_type == "clicked":
        assert event["click_url"] == "https://example.com/"


def test_two_opens_are_two_events_with_two_ids(system: System, sent: str) -> None:
    before = len(system.details(message_id=sent, event_type="opened"))
    for _ in range(2):
        system.simulator.post(f"events/{sent}", json={"event_type": "Open"}).raise_for_status()

    opened = system.wait(before + 2, message_id=sent, event_type="opened")

    assert len({event["event_id"] for event in opened}) == len(opened)


def test_the_event_on_the_bus_has_source_type_and_resources_for_rules(system: System, sent: str) -> None:
    event = next(
        event
        for event in system.whole_events()
        if event["detail"].get("message_id") == sent and event["detail"]["event_type"] == "delivered"
    )

    assert event["source"] == "mailbus"
    assert event["detail-type"] == "email.delivered"
    assert any("identity/example.com" in arn for arn in event["resources"])
    assert any(":configuration-set/" in arn for arn in event["resources"])
    assert system.outputs["TrackingTopicArn"] in event["resources"]


def _notification(kind: str, message_id: str, **body: object) -> dict[str, Any]:
    return {
        "notificationType": kind,
        "mail": {
            "timestamp": "2026-11-22T10:00:00.000Z",
            "source": "shop@example.com",
            "sourceArn": "arn:aws:ses:us-east-1:000000000000:identity/example.com",
            "sourceIp": "192.0.2.1",
            "sendingAccountId": "000000000000",
            "messageId": message_id,
            "destination": ["jane@example.net"],
        },
        **body,
    }


@pytest.mark.parametrize(
    ("kind", "key", "body", "event_type"),
    [
        (
            "Bounce",
            "bounce",
            {
                "bounceType": "Permanent",
                "bounceSubType": "General",
                "bouncedRecipients": [{"emailAddress": "jane@example.net"}],
                "timestamp": "2026-11-22T10:00:01.000Z",
                "feedbackId": "f-1",
            },
            "bounced",
        ),
        (
            "Complaint",
            "complaint",
            {
                "complainedRecipients": [{"emailAddress": "jane@example.net"}],
                "timestamp": "2026-11-22T10:00:01.000Z",
                "feedbackId": "f-2",
            },
            "complained",
        ),
        (
            "Delivery",
            "delivery",
            {
                "timestamp": "2026-11-22T10:00:01.000Z",
                "processingTimeMillis": 500,
                "recipients": ["jane@example.net"],
                "smtpResponse": "250 ok",
                "reportingMTA": "a8-70.smtp-out.amazonses.com",
            },
            "delivered",
        ),
    ],
)
def test_a_repeated_feedback_notification_has_the_same_event_id(
    system: System, kind: str, key: str, body: dict[str, object], event_type: str
) -> None:
    message_id = f"notified-{uuid.uuid4().hex}"
    payload = json.dumps(_notification(kind, message_id, **{key: body}))

    system.publish("TrackingTopicArn", payload)
    system.publish("TrackingTopicArn", payload)

    first, second = system.wait_for_copies(2, message_id=message_id)
    assert first["event_type"] == second["event_type"] == event_type
    assert first["event_id"] == second["event_id"]
    assert first["timestamp"] == "2026-11-22T10:00:01Z"


def test_a_new_event_type_is_passed_on_as_unknown(system: System) -> None:
    message_id = f"new-{uuid.uuid4().hex}"
    payload = _notification("Bounce", message_id)
    del payload["notificationType"]

    system.publish("TrackingTopicArn", json.dumps({"eventType": "Teleported", **payload}))

    (event,) = system.wait(1, message_id=message_id)
    assert event["event_type"] == "unknown"
    assert event["esp_event"]["eventType"] == "Teleported"


def test_a_malformed_notification_is_dead_lettered_with_its_reason(system: System) -> None:
    templates = (
        "not JSON {}",
        '{{"eventType": "Bounce", "id": "{}"}}',
        '{{"mail": {{"messageId": "{}"}}}}',
        '["{}"]',
        '{{"eventType": "Bounce", "mail": "{}"}}',
    )
    messages = {uuid.uuid4().hex: template for template in templates}

    for mark, template in messages.items():
        system.publish("TrackingTopicArn", template.format(mark))

    for mark in messages:
        letter = system.dead_letter("TrackingDeadLetterQueueUrl", mark)
        assert letter["Error"] == "InvalidNotification"
        assert letter["Reason"]


def test_a_body_without_sns_envelope_is_dead_lettered_with_its_reason(system: System) -> None:
    mark = uuid.uuid4().hex

    system.client("sqs").send_message(QueueUrl=system.outputs["TrackingQueueUrl"], MessageBody=mark)

    letter = system.dead_letter("TrackingDeadLetterQueueUrl", mark)
    assert letter["body"] == mark
    assert "SNS" in letter["Reason"]


def test_received_mail_on_the_tracking_topic_is_a_wiring_error(system: System) -> None:
    message_id = f"received-{uuid.uuid4().hex}"
    payload = _notification("Received", message_id, receipt={"recipients": []})

    system.publish("TrackingTopicArn", json.dumps(payload))

    letter = system.dead_letter("TrackingDeadLetterQueueUrl", message_id)
    assert letter["Error"] == "WiringError"
    assert system.outputs["TrackingTopicArn"] in letter["Reason"]


def test_setup_messages_are_ignored(system: System) -> None:
    before = system.count_dead_letters("TrackingDeadLetterQueueUrl")
    mark = f"after-{uuid.uuid4().hex}"

    system.publish("TrackingTopicArn", "Successfully validated SNS topic for Amazon SES event publishing.")
    system.publish("TrackingTopicArn", json.dumps(_notification("Delivery", mark)))

    assert system.wait(1, message_id=mark)
    system.wait_until_empty("TrackingQueueUrl")
    assert system.count_dead_letters("TrackingDeadLetterQueueUrl") == before
    # those of lanes are of no mail
    assert not [event for event in system.details(message_id=None, job_id=None) if "lane" not in event]
