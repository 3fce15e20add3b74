"""Events of one mail, as tests of the command line need them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from mailbus.events import Bounce, Complaint, Delay, EmailEvent

AT = datetime(2026, 11, 28, 14, 31, 57, tzinfo=UTC)


def event(event_type: str, **fields: Any) -> EmailEvent:
    """Return an event of a mail to jane@example.net."""
    return EmailEvent(
        **{
            "event_type": event_type,
            "event_id": f"id-of-{event_type}",
            "timestamp": AT,
            "message_id": "0100019a-message",
            "job_id": "order-1001",
            "recipient": "jane@example.net",
            **fields,
        }
    )


def bounced(
    bounce_type: str, sub_type: str, text: str | None = None, status: str | None = None
) -> EmailEvent:
    return event(
        "bounced",
        bounce=Bounce(type=bounce_type, sub_type=sub_type, status=status),
        mta_response=text,
        description=f"{bounce_type}: {sub_type}",
        reject_reason="bounced",
    )


def deferred(delay_type: str | None, text: str | None = None, status: str | None = None) -> EmailEvent:
    return event("deferred", delay=Delay(type=delay_type, status=status, expires_at=AT), mta_response=text)


def complained(feedback_type: str | None = None, sub_type: str | None = None, **fields: Any) -> EmailEvent:
    return event("complained", complaint=Complaint(feedback_type=feedback_type, sub_type=sub_type), **fields)
