"""Large, invalid and truncated notifications, through the deployed topic, queue, function and bus."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from mailbus.events import EmailEvent, parse

if TYPE_CHECKING:
    from tests.e2e.system import System

# the limits of an SNS message and of an event on the bus
SNS_BYTES = 256 * 1024


def delivery(message_id: str, recipient: str = "ada@example.org", **mail: Any) -> dict[str, Any]:
    return {
        "eventType": "Delivery",
        "mail": {
            "timestamp": "2026-11-22T10:00:00.000Z",
            "messageId": message_id,
            "source": "shop@example.com",
            "sourceArn": "arn:aws:ses:us-east-1:000000000000:identity/example.com",
            "sendingAccountId": "000000000000",
            "destination": [recipient],
            "headersTruncated": False,
            "headers": [{"name": "To", "value": recipient}],
            "tags": {"ses:configuration-set": ["mailbus-local"]},
            **mail,
        },
        "delivery": {
            "timestamp": "2026-11-22T10:00:01.250Z",
            "processingTimeMillis": 1250,
            "recipients": [recipient],
            "smtpResponse": "250 2.6.0 Message received",
            "reportingMTA": "a8-70.smtp-out.amazonses.com",
        },
    }


def test_an_event_over_the_limit_of_the_bus_refers_to_the_json_in_s3(system: System) -> None:
    message_id = uuid.uuid4().hex
    whole = delivery(message_id)
    room = SNS_BYTES - len(json.dumps(whole)) - 100
    whole["mail"]["headers"].append({"name": "X-Trace", "value": "x" * room})

    system.publish("TrackingTopicArn", json.dumps(whole))

    (detail,) = system.wait(1, message_id=message_id)
    event = parse(detail)
    assert isinstance(event, EmailEvent)
    assert (event.event_type, event.recipient, event.esp_event) == ("delivered", "ada@example.org", None)
    assert event.esp_event_ref is not None
    assert event.esp_event_ref.bucket == system.outputs["EventsBucketName"]
    stored = system.client("s3").get_object(Bucket=event.esp_event_ref.bucket, Key=event.esp_event_ref.key)
    assert json.loads(stored["Body"].read()) == whole


def test_an_invalid_notification_does_not_hold_up_ninety_nine_others(
    system: System,
) -> None:
    series = uuid.uuid4().hex
    poison = json.dumps({"eventType": "Bounce", "note": series})
    topic, sns = system.outputs["TrackingTopicArn"], system.client("sns")
    messages = [json.dumps(delivery(f"{series}-{number}")) for number in range(99)]
    messages.insert(50, poison)
    for start in range(0, 100, 10):
        entries = [
            {"Id": str(number), "Message": message}
            for number, message in enumerate(messages[start : start + 10])
        ]
        assert not sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries).get("Failed")

    wanted = {f"{series}-{number}" for number in range(99)}
    assert system.wait_until(lambda events: wanted <= {event["detail"].get("message_id") for event in events})
    letter = system.dead_letter("TrackingDeadLetterQueueUrl", series)
    assert letter["Error"] == "InvalidNotification"
    assert "no mail object" in letter["Reason"]


def test_metadata_and_tags_that_ses_truncated_come_from_the_ledger(system: System) -> None:
    job_id = system.send(metadata={"order": 4711, "long": "x" * 2000}, tags=["receipt"])
    (sent,) = system.wait(1, job_id=job_id, event_type="delivered")
    opened = {
        "eventType": "Open",
        "mail": {
            **delivery(sent["message_id"])["mail"],
            "headers": None,
            "headersTruncated": True,
            "tags": {"mailbus-job-id": [job_id]},
        },
        "open": {
            "timestamp": "2026-11-22T10:05:00.000Z",
            "ipAddress": "192.0.2.1",
            "userAgent": "Mozilla/5.0",
            "isBotEvent": "Likely",
        },
    }

    system.publish("TrackingTopicArn", json.dumps(opened))

    (event,) = system.wait(1, job_id=job_id, event_type="opened")
    assert event["metadata"] == {"order": 4711, "long": "x" * 2000}
    assert (event["tags"], event["bot"]) == (["receipt"], "likely")
