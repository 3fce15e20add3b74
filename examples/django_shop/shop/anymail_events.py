"""Mailbus's events as Anymail's, with all attributes that its receivers know.

https://anymail.dev/en/stable/sending/tracking/, https://anymail.dev/en/stable/inbound/
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import msgspec
from anymail.inbound import AnymailInboundMessage  # type: ignore[import-untyped] # it has no types
from anymail.signals import (  # type: ignore[import-untyped] # it has no types
    AnymailInboundEvent,
    AnymailTrackingEvent,
)

from mailbus import inbound

if TYPE_CHECKING:
    from mailbus.events import EmailEvent, InboundEvent


def tracking_event(event: EmailEvent) -> AnymailTrackingEvent:
    """Return an event of a mail that was sent, as Anymail's.

    Its `message_id` is the job's id, as that of the message's `anymail_status`; SES's own is in `esp_event`.
    """
    return AnymailTrackingEvent(
        event_type=event.event_type,
        timestamp=event.timestamp,
        event_id=event.event_id,
        esp_event=_esp_event(event),
        message_id=event.job_id or event.message_id,
        recipient=event.recipient,
        metadata=event.metadata,
        tags=list(event.tags),
        reject_reason=event.reject_reason,
        description=event.description,
        mta_response=event.mta_response,
        user_agent=event.user_agent,
        click_url=event.click_url,
    )


def _esp_event(event: EmailEvent) -> Any:  # noqa: ANN401 - SES's own JSON
    """Return SES's event; one that is too large for the event bus is in S3."""
    place = event.esp_event_ref
    if place is None:
        return event.esp_event
    return json.load(boto3.client("s3").get_object(Bucket=place.bucket, Key=place.key)["Body"])


def inbound_event(event: InboundEvent) -> AnymailInboundEvent:
    """Return a received mail as Anymail's event: parsed from the raw mail, which is read from S3."""
    message = AnymailInboundMessage.parse_raw_mime_bytes(inbound.raw(event).read())
    if event.message is not None:
        message.envelope_sender = event.message.envelope_sender
        message.envelope_recipient = next(iter(event.message.envelope_recipients), None)
        message.stripped_text = event.message.stripped_text
    message.spam_detected = event.spam_detected
    return AnymailInboundEvent(
        event_type=event.event_type,
        timestamp=event.timestamp,
        event_id=event.event_id,
        esp_event=msgspec.to_builtins(event),
        message=message,
    )
