"""Events and mails of the timeline, as its table returns them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from mailbus.events import EmailEvent, RawMessage, parse
from mailbus.timeline.mails import ReceivedMail, TimelineEvent, TimelineMail, mail_of, merged

START: Final = datetime.fromisoformat("2026-11-28T14:31:57.528Z")
MESSAGE_ID: Final = "0100-1"


def timeline_event(
    event_type: str, seconds: float = 0.0, *, recipient: str = "jane@example.net", **more: Any
) -> TimelineEvent:
    """Return an event of a message to Jane, `seconds` after it was queued."""
    at = START + timedelta(seconds=seconds)
    detail = {
        "schema_version": 1,
        "event_type": event_type,
        "event_id": f"{event_type}-{seconds}-{recipient}",
        "timestamp": at.isoformat().replace("+00:00", "Z"),
        "esp_name": "Amazon SES",
        "message_id": MESSAGE_ID,
        "job_id": "invoice-1",
        "recipient": recipient,
        "tags": ["invoice"],
        **more,
    }
    return TimelineEvent(
        event_id=str(detail["event_id"]),
        at=at,
        recipient=recipient,
        entry={"source": "mailbus", "detail-type": f"email.{event_type}", "detail": detail},
    )


BOUNCE: Final[dict[str, Any]] = {
    "reject_reason": "bounced",
    "mta_response": "smtp; 550 5.1.1 user unknown",
    "description": "Permanent: General",
    "bounce": {"type": "Permanent", "sub_type": "General", "status": "5.1.1"},
}


def timeline_mail(*events: TimelineEvent) -> TimelineMail:
    """Return the mail that these events are of."""
    parsed = [parse(event.entry) for event in events]
    return merged([mail for event in parsed if isinstance(event, EmailEvent) and (mail := mail_of(event))])


def received(**more: Any) -> ReceivedMail:
    """Return a received mail to which SES objects nothing."""
    return ReceivedMail(
        **{
            "message_id": "in-1",
            "received": START,
            "event_type": "inbound",
            "envelope_sender": "ada@example.org",
            "envelope_recipients": ("support@inbound.example.com",),
            "spam_verdict": "PASS",
            "virus_verdict": "PASS",
            "spf_verdict": "PASS",
            "dkim_verdict": "PASS",
            "dmarc_verdict": "PASS",
            "raw": RawMessage(bucket="inbound", key="raw/in-1", size=100),
            **more,
        }
    )
