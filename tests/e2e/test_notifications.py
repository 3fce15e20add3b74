"""Mail of an identity whose feedback notifications come to the tracking topic too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import System

NOTIFIED = "example.net"
SIMULATED = "{}@simulator.amazonses.com"
METADATA = {"issue": 11, "reader": "ada"}
TAGS = ["newsletter", "autumn"]
OUTCOMES = [("success", "delivered"), ("bounce", "bounced"), ("complaint", "complained")]
# What a notification does not tell, and SES's own JSON, which is another one.
OF_THE_WAY = ("message_tags", "esp_event")


@pytest.fixture(scope="module", autouse=True)
def _impatient(system: System) -> Iterator[None]:
    """Let nobody wait a minute for what the sender writes down within a second or two.

    A worker that is at work while its function is changed leaves its messages hidden for minutes.
    """
    system.wait_until_empty("TrackingQueueUrl")
    with system.deployed_with("Tracker", SENDER_SECONDS="10"):
        yield
        system.wait_until_empty("TrackingQueueUrl")


def told(system: System, **wanted: object) -> dict[str, dict[str, Any]]:
    """Wait for an event by both ways, as event publishing and as notification tell it."""
    found: dict[str, dict[str, Any]] = {}

    def both(events: tuple[dict[str, Any], ...]) -> bool:
        for detail in (event["detail"] for event in events):
            if all(detail.get(name) == value for name, value in wanted.items()):
                found["eventType" if "eventType" in detail["esp_event"] else "notificationType"] = detail
        return len(found) == len(("eventType", "notificationType"))

    assert system.wait_until(both), f"only {list(found)} of {wanted}"
    return found


def shared(event: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name not in OF_THE_WAY}


def send_straight(system: System, mailbox: str) -> str:
    """Send through SES beside Mailbus, without a configuration set."""
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


@pytest.fixture(scope="module")
def sent_straight(system: System) -> dict[str, str]:
    """The message ids of mail by its mailbox; all of it is waited for together."""
    return {mailbox: send_straight(system, mailbox) for mailbox, _ in OUTCOMES}


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
def test_an_outcome_that_ses_tells_both_ways_is_one_event_whole_each_time(
    system: System, mailbox: str, event_type: str
) -> None:
    job_id = system.send(
        from_email=f"Example News <news@{NOTIFIED}>",
        to=[SIMULATED.format(mailbox)],
        metadata=METADATA,
        tags=TAGS,
    )

    ways = told(system, job_id=job_id, event_type=event_type)

    event, notification = ways["eventType"], ways["notificationType"]
    assert shared(event) == shared(notification)
    assert notification["metadata"] == METADATA
    assert notification["tags"] == TAGS
    assert len(system.details(job_id=job_id, event_type=event_type)) == 1


@pytest.mark.parametrize(("kind", "event_type"), [("Bounce", "bounced"), ("Complaint", "complained")])
def test_what_happens_later_is_told_both_ways_too(system: System, kind: str, event_type: str) -> None:
    job_id = system.send(from_email=f"news@{NOTIFIED}", metadata=METADATA, tags=TAGS)
    message_id = str(system.wait(1, job_id=job_id, event_type="delivered")[0]["message_id"])
    system.simulator.post(f"events/{message_id}", json={"event_type": kind}).raise_for_status()

    ways = told(system, job_id=job_id, event_type=event_type)

    assert shared(ways["eventType"]) == shared(ways["notificationType"])
    assert (ways["notificationType"]["metadata"], ways["notificationType"]["tags"]) == (METADATA, TAGS)


@pytest.mark.parametrize(("mailbox", "event_type"), OUTCOMES)
def test_mail_that_somebody_sends_beside_mailbus_has_events_without_a_job(
    system: System, sent_straight: dict[str, str], mailbox: str, event_type: str
) -> None:
    (event,) = system.wait(1, message_id=sent_straight[mailbox], event_type=event_type)

    assert event["job_id"] is None
    assert (event["metadata"], event["tags"]) == ({}, [])
    assert event["recipient"] == SIMULATED.format(mailbox)
    assert event["esp_event"]["mail"]["callerIdentity"] == "test"
