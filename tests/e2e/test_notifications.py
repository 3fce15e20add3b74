"""Mail of an identity whose feedback notifications are published to the tracking topic too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.system import System

NOTIFIED = "example.net"
SIMULATED = "{}@simulator.amazonses.com"
METADATA = {"issue": 11, "reader": "ada"}
TAGS = ["newsletter", "autumn"]
OUTCOMES = [("success", "delivered"), ("bounce", "bounced"), ("complaint", "complained")]
# Not in a notification; and SES's own JSON, which differs.
DIFFERENT = ("message_tags", "esp_event")


@pytest.fixture(scope="module", autouse=True)
def sent_directly(system: System) -> Iterator[dict[str, str]]:
    """Send mail beside Mailbus first, since its events wait for a job; the message ids by mailbox.

    They would wait a minute, while the sender records a job within a second or two.
    """
    with system.deployed_with("Tracker", SENDER_SECONDS="10"):
        yield {mailbox: send_directly(system, mailbox) for mailbox, _ in OUTCOMES}


def both_ways(system: System, **wanted: object) -> dict[str, dict[str, Any]]:
    """Wait for the same event from event publishing and from a notification."""
    found: dict[str, dict[str, Any]] = {}

    def both(events: tuple[dict[str, Any], ...]) -> bool:
        for detail in (event["detail"] for event in events):
            if all(detail.get(name) == value for name, value in wanted.items()):
                found["eventType" if "eventType" in detail["esp_event"] else "notificationType"] = detail
        return len(found) == len(("eventType", "notificationType"))

    assert system.wait_until(both), f"only {list(found)} of {wanted}"
    return found


def comparable(event: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name not in DIFFERENT}


def send_directly(system: System, mailbox: str) -> str:
    """Send through SES without Mailbus and without a configuration set; return the message id."""
    answer = system.client("sesv2").send_email(
        FromEmailAddress=f"Help Desk <help@{NOTIFIED}>",
        Destination={"ToAddresses": [SIMULATED.format(mailbox)]},
        Content={
            "Simple": {
                "Subject": {"Data": "Your ticket 815"},
                "Body": {"Text": {"Data": "We are on it."}},
            }
        },
    )
    return str(answer["MessageId"])


def test_the_deployed_stacks_have_ses_publish_notifications_with_headers(system: System) -> None:
    answer = system.client("ses").get_identity_notification_attributes(Identities=[NOTIFIED, "example.com"])

    topic = system.outputs["TrackingTopicArn"]
    assert answer["NotificationAttributes"][NOTIFIED] == {
        "BounceTopic": topic,
        "ComplaintTopic": topic,
        "DeliveryTopic": topic,
        "ForwardingEnabled": True,
        "HeadersInBounceNotificationsEnabled": True,
        "HeadersInComplaintNotificationsEnabled": True,
        "HeadersInDeliveryNotificationsEnabled": True,
    }
    assert answer["NotificationAttributes"]["example.com"]["BounceTopic"] == ""


@pytest.mark.parametrize(("mailbox", "event_type"), OUTCOMES)
def test_an_outcome_reported_both_ways_is_one_event_and_complete_each_time(
    system: System, mailbox: str, event_type: str
) -> None:
    job_id = system.send(
        from_email=f"Example News <news@{NOTIFIED}>",
        to=[SIMULATED.format(mailbox)],
        metadata=METADATA,
        tags=TAGS,
    )

    ways = both_ways(system, job_id=job_id, event_type=event_type)

    event, notification = ways["eventType"], ways["notificationType"]
    assert comparable(event) == comparable(notification)
    assert notification["metadata"] == METADATA
    assert notification["tags"] == TAGS
    assert len(system.details(job_id=job_id, event_type=event_type)) == 1


@pytest.mark.parametrize(("kind", "event_type"), [("Bounce", "bounced"), ("Complaint", "complained")])
def test_later_feedback_is_reported_both_ways_too(system: System, kind: str, event_type: str) -> None:
    job_id = system.send(from_email=f"news@{NOTIFIED}", metadata=METADATA, tags=TAGS)
    message_id = str(system.wait(1, job_id=job_id, event_type="delivered")[0]["message_id"])
    system.simulator.post(f"events/{message_id}", json={"event_type": kind}).raise_for_status()

    ways = both_ways(system, job_id=job_id, event_type=event_type)

    assert comparable(ways["eventType"]) == comparable(ways["notificationType"])
    assert (ways["notificationType"]["metadata"], ways["notificationType"]["tags"]) == (METADATA, TAGS)


@pytest.mark.parametrize(("mailbox", "event_type"), OUTCOMES)
def test_mail_sent_without_mailbus_has_events_without_a_job(
    system: System, sent_directly: dict[str, str], mailbox: str, event_type: str
) -> None:
    (event,) = system.wait(1, message_id=sent_directly[mailbox], event_type=event_type)

    assert event["job_id"] is None
    assert (event["metadata"], event["tags"]) == ({}, [])
    assert event["recipient"] == SIMULATED.format(mailbox)
    assert event["esp_event"]["mail"]["callerIdentity"] == "test"
