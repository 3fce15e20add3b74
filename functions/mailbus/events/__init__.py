"""The normalized events, which are the `detail` of EventBridge events.

Field names and values are django-anymail's where it has them. Every field is always present; what SES did not
report is null, or an empty list or object.

A consumer reads events with `parse`, and distinguishes them with `match`:

    match events.parse(event):
        case EmailEvent(event_type="bounced", bounce=Bounce(type="Permanent"), recipient=str(address)):
            ...
        case InboundEvent(event_type="inbound", message=InboundMessage() as message):
            ...
"""

from __future__ import annotations

from mailbus.events.email import (
    Bounce,
    Complaint,
    Delay,
    Delivery,
    EmailEvent,
    Preferences,
    Subscription,
    TopicPreference,
)
from mailbus.events.error_codes import ERROR_CODES, JOB_ID_CONFLICT
from mailbus.events.inbound import InboundEvent, InboundMessage, Mailbox, RawMessage, StoredPart
from mailbus.events.lanes import LaneEvent, lane_event
from mailbus.events.parsing import AnyEvent, parse
from mailbus.events.vocabulary import (
    DETAIL_TYPE_PREFIX,
    ENTRY_TAG,
    JOB_ID_TAG,
    SCHEMA_VERSION,
    SOURCE,
    Bot,
    EventType,
    LaneEventType,
    MetadataValue,
    RejectReason,
    StoredObject,
    detail_type,
    event_id,
)

__all__ = [
    "DETAIL_TYPE_PREFIX",
    "ENTRY_TAG",
    "ERROR_CODES",
    "JOB_ID_CONFLICT",
    "JOB_ID_TAG",
    "SCHEMA_VERSION",
    "SOURCE",
    "AnyEvent",
    "Bot",
    "Bounce",
    "Complaint",
    "Delay",
    "Delivery",
    "EmailEvent",
    "EventType",
    "InboundEvent",
    "InboundMessage",
    "LaneEvent",
    "LaneEventType",
    "Mailbox",
    "MetadataValue",
    "Preferences",
    "RawMessage",
    "RejectReason",
    "StoredObject",
    "StoredPart",
    "Subscription",
    "TopicPreference",
    "detail_type",
    "event_id",
    "lane_event",
    "parse",
]
