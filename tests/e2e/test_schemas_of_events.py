"""The events on the bus, against their published schemas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jsonschema import Draft4Validator

from mailbus import events
from mailbus.schemas.events import event_schemas

if TYPE_CHECKING:
    from tests.e2e.system import System

OUTCOMES = {
    "success": "delivered",
    "ooto": "autoresponded",
    "bounce": "bounced",
    "suppressionlist": "bounced",
    "complaint": "complained",
}
REPORTS: list[tuple[dict[str, Any], str]] = [
    ({"event_type": "Open"}, "opened"),
    ({"event_type": "Click", "link": "https://example.com/"}, "clicked"),
    ({"event_type": "DeliveryDelay"}, "deferred"),
    ({"event_type": "Reject"}, "rejected"),
    ({"event_type": "Subscription"}, "unsubscribed"),
]
RECEIVED = (
    b"From: Ada Lovelace <ada@example.org>\r\nTo: support@inbound.example.com\r\n"
    b"Subject: Where is it?\r\nMessage-ID: <4711@example.org>\r\n\r\nI wait.\r\n"
)


def test_every_event_on_the_bus_matches_its_schema_and_can_be_parsed(system: System) -> None:
    """Including the events of the tests before."""
    for mailbox, event_type in OUTCOMES.items():
        job_id = system.send(
            to=[f"{mailbox}@simulator.amazonses.com"],
            html='<a href="https://example.com/">x</a>',
            metadata={"order": 4711, "express": True, "weight": 1.5, "note": None},
            tags=["shipping"],
        )
        system.wait(1, job_id=job_id, event_type="queued")
        system.wait(1, job_id=job_id, event_type=event_type)
    (delivered,) = system.wait(1, job_id=job_id, event_type="delivered")
    for report, event_type in REPORTS:
        system.simulator.post(f"events/{delivered['message_id']}", json=report).raise_for_status()
        system.wait(1, message_id=delivered["message_id"], event_type=event_type)
    system.wait(1, job_id=system.send(subject="two\nlines"), event_type="failed")
    system.wait(1, message_id=system.receive(RECEIVED), event_type="inbound")

    validators = {event.detail_type: Draft4Validator(event.schema) for event in event_schemas()}
    whole = system.whole_events()
    faults = [
        (event["detail-type"], fault.json_path, fault.validator)
        for event in whole
        for fault in validators[event["detail-type"]].iter_errors(event)
    ]
    assert faults == []
    for event in whole:
        assert events.detail_type(events.parse(event).event_type) == event["detail-type"]
    seen = {event["detail-type"] for event in whole}
    assert seen >= {
        *(f"email.{event_type}" for event_type in OUTCOMES.values()),
        *(f"email.{event_type}" for _, event_type in REPORTS),
        *("email.queued", "email.sent", "email.failed", "email.inbound"),
    }
