"""Turns an SNS notification of SES into normalized events: one per recipient.

Pure. `event_details` makes the events of each SES event type; what the notification says of the job, and the
resources, are found here.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

import msgspec

from mailbus import events, ses_events
from mailbus.errors import InvalidNotification, WiringError
from mailbus.events import EmailEvent
from tracking import decoding, headers
from tracking.correlation import Lookup, Message, Untagged, lookup_by_tags
from tracking.event_details import SesEvent, email_events
from tracking.timestamps import utc

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailbus.aws.sns import Notification
    from tracking.notification import Mail

# SES publishes this plain text to a topic when an event destination is created
VALIDATED: Final = "Successfully validated SNS topic for Amazon SES"
# and this message id to the target of a new receipt rule
SETUP_MESSAGE_ID: Final = "AMAZON_SES_SETUP_NOTIFICATION"
# and a notification of this type to the topic that an identity's feedback is to go to
SUBSCRIBED: Final = "AmazonSnsSubscriptionSucceeded"
RECEIVED: Final = "Received"
CONFIGURATION_SET_TAG: Final = "ses:configuration-set"
# SES's have some 60: a longer one is not a message's, and cannot be a key of the ledger
MESSAGE_ID_CHARACTERS: Final = 200
# Each event carries all of SES's JSON. An SNS message has up to 1 MiB, an SES mail up to 50 recipients.
# https://docs.aws.amazon.com/ses/latest/dg/quotas.html
EVENTS_BYTES: Final = 64 * 1024 * 1024


class NormalizedNotification(msgspec.Struct, frozen=True, kw_only=True):
    """The events of one notification (none if it is to be ignored), and the ARNs that SES named.

    `esp_event` is SES's JSON, whole, the same for each of them. `lookup` is the entry of the job in the
    ledger, if it has to be read or updated; for a message without the tags that this takes, there is
    `untagged` instead. `accepted_at` is when SES accepted the mail (epoch seconds), if it reports just that.
    """

    events: tuple[EmailEvent, ...] = ()
    resources: tuple[str, ...] = ()
    esp_event: bytes = b""
    lookup: Lookup | None = None
    untagged: Untagged | None = None
    accepted_at: float | None = None


def normalize(
    envelope: Notification,
    *,
    topic_arn: str,
    metadata_in_headers: bool = True,
    trusts_other_topics: bool = False,
    publish_sent: bool = True,
) -> NormalizedNotification:
    """Normalize one SNS notification from the queue of the tracking topic `topic_arn`.

    `metadata_in_headers` is true if the sender writes metadata there. With `trusts_other_topics` those report
    on this deployment's mail too; otherwise their jobs, which may have the same ids, are not looked up.
    Without `publish_sent` a `Send` has no events, only what it says of its job.
    Raise `WiringError` for received mail, `InvalidNotification` for what SES does not send.
    """
    try:
        body, esp_event = decoding.decode(envelope.message)
    except InvalidNotification:
        if envelope.message.lstrip().startswith(VALIDATED):
            return NormalizedNotification()
        raise
    ses_event_type, mail = body.event_type or body.notification_type, body.mail
    if ses_event_type == SUBSCRIBED or (mail is not None and mail.message_id == SETUP_MESSAGE_ID):
        return NormalizedNotification()
    if not ses_event_type or mail is None or ses_event_type == RECEIVED:
        raise _not_an_event(ses_event_type, envelope, topic_arn)
    own_headers = headers.read(mail.headers or ())
    message_tags = mail.tags or {}
    job_id = _first(message_tags, events.JOB_ID_TAG)
    incomplete = _is_incomplete(mail, own_headers, in_headers=metadata_in_headers)
    accepted = ses_event_type == ses_events.SEND.name
    is_own = trusts_other_topics or envelope.topic_arn == topic_arn
    message = _message(mail, envelope) if is_own and (incomplete or accepted or not mail.tags) else None
    ses_event = SesEvent(
        body=body,
        mail=mail,
        envelope=envelope,
        message_key=mail.message_id or envelope.message_id,
        job_id=job_id,
        own_headers=own_headers,
        esp_event=msgspec.Raw(esp_event),
    )
    made = tuple(email_events(ses_event_type, ses_event)) if publish_sent or not accepted else ()
    if len(made) * len(esp_event) > EVENTS_BYTES:
        raise _too_large(len(made), len(esp_event))
    return NormalizedNotification(
        events=made,
        resources=_resources(
            mail.source_arn,
            mail.sending_account_id,
            message_tags.get(CONFIGURATION_SET_TAG, ()),
            envelope.topic_arn,
        ),
        esp_event=esp_event,
        accepted_at=None if message is None or not accepted else message.accepted_at,
        untagged=None if message is None or mail.tags else Untagged(message=message, incomplete=incomplete),
        lookup=None
        if message is None
        else lookup_by_tags(
            job_id,
            _first(message_tags, events.ENTRY_TAG),
            message=message,
            accepted=accepted,
            incomplete=incomplete,
        ),
    )


def _not_an_event(ses_event_type: str | None, envelope: Notification, topic_arn: str) -> InvalidNotification:
    """Return the error of a notification of another type, or without a type or a mail object."""
    if ses_event_type == RECEIVED:
        reason = (
            f"a receipt notification from topic {envelope.topic_arn} in the queue of tracking topic"
            f" {topic_arn}: let the receipt rule publish to the inbound topic"
        )
        return WiringError(reason)
    missing = "no mail object" if ses_event_type else "neither eventType nor notificationType"
    reason = (
        f"{missing} in the message from topic {envelope.topic_arn}:"
        " only SES event publishing and feedback notifications belong on it"
    )
    return InvalidNotification(reason)


def _is_incomplete(mail: Mail, own_headers: headers.OwnHeaders, *, in_headers: bool) -> bool:
    """Return whether metadata or tags of the job may be missing."""
    if not mail.headers or mail.headers_truncated:
        return True
    return not own_headers.metadata and (not in_headers or own_headers.has_metadata_header)


def _message(mail: Mail, envelope: Notification) -> Message | None:
    if mail.message_id is None or len(mail.message_id) > MESSAGE_ID_CHARACTERS:
        return None
    accepted_at = utc(mail.timestamp) or envelope.timestamp
    return Message(message_id=mail.message_id, accepted_at=accepted_at.timestamp())


def _first(tags: Mapping[str, tuple[str, ...]], name: str) -> str | None:
    values = tags.get(name)
    return values[0] if values else None


@functools.lru_cache(maxsize=256)
def _resources(
    source_arn: str | None, account_id: str | None, sets: tuple[str, ...], topic_arn: str
) -> tuple[str, ...]:
    """Return the ARNs of the identity, the configuration set and the topic, the same for most mail.

    SES gives only the name of a configuration set; it is in the sending account, in the identity's region.
    """
    identity = source_arn if source_arn and source_arn.startswith("arn:") else None
    _, partition, _, region, account, *_ = f"{identity or topic_arn}:::::".split(":")
    account = account_id or account
    configuration_sets = [
        f"arn:{partition}:ses:{region}:{account}:configuration-set/{name}"
        for name in sets
        if name and region and account
    ]
    return tuple(arn for arn in (identity, *configuration_sets, topic_arn) if arn)


def _too_large(recipients: int, size: int) -> InvalidNotification:
    """Return the error of events that have more bytes together than SES can mean."""
    reason = (
        f"a notification of {size} bytes on {recipients} recipients comes to {recipients * size} bytes"
        f" of events, more than {EVENTS_BYTES}: SES reports on at most 50 recipients, and only SES may"
        " publish to the tracking topic"
    )
    return InvalidNotification(reason)
