"""The events of each SES event type, made from the object with its details: one event per recipient.

An event's id is made of what identifies the event: nothing that only one of SES's channels, or only one
notification of the event, has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from mailbus import events, ses_events
from mailbus.aws.sns import Notification
from mailbus.events import Bot, EmailEvent, EventType, RejectReason, error_codes, event_id
from tracking import notification
from tracking.headers import OwnHeaders
from tracking.preferences import event_type_of_change, normalized_preferences
from tracking.recipients import unique_addresses, unique_recipients
from tracking.timestamps import second_key, time_and_key, utc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

# https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html#bounce-types
BOUNCE_REJECT_REASONS: Final[Mapping[str, RejectReason]] = {
    "Suppressed": "blocked",
    "OnAccountSuppressionList": "blocked",
    "OnTenantSuppressionList": "blocked",
    "EmailValidationSuppressed": "blocked",
    "UnsubscribedRecipient": "unsubscribed",
}
# SES reports an automatic reply as a bounce, as its own ooto@simulator.amazonses.com shows. The bounce has
# nothing of a delivery status notification: SES got a mail that is none. The first has the address alone, the
# second no recipient: https://stackoverflow.com/questions/17396264/distinguish-bounce-and-ooto-with-amazon-ses
# and https://github.com/freelawproject/courtlistener/issues/2127
AUTOMATIC_REPLY: Final = ("Transient", "General")
AUTOMATIC_REPLY_WITHOUT_RECIPIENTS: Final = ("Undetermined", "Undetermined")
# https://datatracker.ietf.org/doc/html/rfc6430: the recipient reports that it is not spam
COMPLAINT_REJECT_REASONS: Final[Mapping[str, RejectReason | None]] = {"not-spam": None}
BOTS: Final[Mapping[str, Bot]] = {"Likely": "likely", "Unlikely": "unlikely"}
# in the event id in place of a time: it happens once per message
HAPPENS_ONCE: Final = None


class SesEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One SES event: its JSON, the message that it is about, and the SNS envelope in which it came.

    `message_key` identifies the message in event ids: SES's message id, or SNS's if SES gives none.
    Each event carries `esp_event`, the whole JSON, as it is.
    """

    body: notification.SesNotification
    mail: notification.Mail
    envelope: Notification
    message_key: str
    job_id: str | None
    own_headers: OwnHeaders
    esp_event: msgspec.Raw


def email_events(ses_event_type: str, ses_event: SesEvent) -> Iterator[EmailEvent]:
    """Return the events of an SES event; `unknown` ones for a new type."""
    for event in EVENTS_BY_SES_TYPE.get(ses_event_type, _unknown)(ses_event):
        yield msgspec.structs.replace(
            event,
            message_id=ses_event.mail.message_id,
            job_id=ses_event.job_id,
            metadata=ses_event.own_headers.metadata,
            tags=ses_event.own_headers.tags,
            message_tags=ses_event.mail.tags or {},
            esp_event=ses_event.esp_event,
        )


def _bounced(ses_event: SesEvent) -> Iterator[EmailEvent]:
    bounce = ses_event.body.bounce or notification.Bounce()
    at, moment = time_and_key(bounce.timestamp, ses_event.envelope, second_key)
    description = ": ".join(part for part in (bounce.bounce_type, bounce.bounce_sub_type) if part)
    automatic = _is_automatic_reply(bounce)
    event_type: EventType = "autoresponded" if automatic else "bounced"
    reason = None if automatic else BOUNCE_REJECT_REASONS.get(bounce.bounce_sub_type or "", "bounced")
    for key, address, recipient in unique_recipients(bounce.bounced_recipients, ses_event.mail.destination):
        yield EmailEvent(
            event_type=event_type,
            event_id=event_id(event_type, ses_event.message_key, key, moment, bounce.bounce_type),
            timestamp=at,
            recipient=address,
            reject_reason=reason,
            description=description or None,
            mta_response=recipient.diagnostic_code,
            bounce=events.Bounce(
                type=bounce.bounce_type,
                sub_type=bounce.bounce_sub_type,
                feedback_id=bounce.feedback_id,
                reporting_mta=bounce.reporting_mta,
                remote_mta_ip=bounce.remote_mta_ip,
                status=recipient.status,
                action=recipient.action,
            ),
        )


def _is_automatic_reply(bounce: notification.Bounce) -> bool:
    """Return whether an automatic reply is reported as this bounce."""
    types, recipients = (bounce.bounce_type, bounce.bounce_sub_type), bounce.bounced_recipients or ()
    if types == AUTOMATIC_REPLY:
        return not any(one.action or one.status or one.diagnostic_code for one in recipients)
    return types == AUTOMATIC_REPLY_WITHOUT_RECIPIENTS and not recipients


def _complained(ses_event: SesEvent) -> Iterator[EmailEvent]:
    complaint = ses_event.body.complaint or notification.Complaint()
    at, moment = time_and_key(complaint.timestamp, ses_event.envelope, second_key)
    recipients = unique_recipients(complaint.complained_recipients, ses_event.mail.destination)
    for key, address, _ in recipients:
        yield EmailEvent(
            event_type="complained",
            event_id=event_id("complained", ses_event.message_key, key, moment),
            timestamp=at,
            recipient=address,
            # providers redact the complainer: SES lists every recipient in that provider's domain
            # https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html#complaint-object
            recipient_ambiguous=len(recipients) > 1,
            reject_reason=COMPLAINT_REJECT_REASONS.get(complaint.complaint_feedback_type or "", "spam"),
            description=complaint.complaint_feedback_type,
            user_agent=complaint.user_agent,
            complaint=events.Complaint(
                sub_type=complaint.complaint_sub_type,
                feedback_id=complaint.feedback_id,
                feedback_type=complaint.complaint_feedback_type,
                user_agent=complaint.user_agent,
                arrived_at=utc(complaint.arrival_date),
            ),
        )


def _delivered(ses_event: SesEvent) -> Iterator[EmailEvent]:
    delivery = ses_event.body.delivery or notification.Delivery()
    at, moment = time_and_key(delivery.timestamp, ses_event.envelope, second_key)
    accepted = events.Delivery(
        processing_ms=delivery.processing_time_millis,
        reporting_mta=delivery.reporting_mta,
        remote_mta_ip=delivery.remote_mta_ip,
    )
    for key, address in unique_addresses(delivery.recipients, ses_event.mail.destination).items():
        yield EmailEvent(
            event_type="delivered",
            event_id=event_id("delivered", ses_event.message_key, key, moment),
            timestamp=at,
            recipient=address,
            mta_response=delivery.smtp_response,
            delivery=accepted,
        )


def _sent(ses_event: SesEvent) -> Iterator[EmailEvent]:
    for key, address in unique_addresses(ses_event.mail.destination).items():
        yield EmailEvent(
            event_type="sent",
            event_id=event_id("sent", ses_event.message_key, key, HAPPENS_ONCE),
            timestamp=ses_event.envelope.timestamp,
            recipient=address,
        )


def _rejected(ses_event: SesEvent) -> Iterator[EmailEvent]:
    reject = ses_event.body.reject or notification.Reject()
    for key, address in unique_addresses(ses_event.mail.destination).items():
        yield EmailEvent(
            event_type="rejected",
            event_id=event_id("rejected", ses_event.message_key, key, HAPPENS_ONCE),
            timestamp=ses_event.envelope.timestamp,
            recipient=address,
            reject_reason="blocked",
            error_code=error_codes.REJECT,
            description=reject.reason,
        )


def _failed(ses_event: SesEvent) -> Iterator[EmailEvent]:
    failure = ses_event.body.failure or notification.Failure()
    for key, address in unique_addresses(ses_event.mail.destination).items():
        yield EmailEvent(
            event_type="failed",
            event_id=event_id("failed", ses_event.message_key, key, HAPPENS_ONCE),
            timestamp=ses_event.envelope.timestamp,
            recipient=address,
            error_code=error_codes.RENDERING_FAILURE,
            description=failure.error_message,
        )


def _opened(ses_event: SesEvent) -> Iterator[EmailEvent]:
    opened = ses_event.body.open or notification.Open()
    at, moment = time_and_key(opened.timestamp, ses_event.envelope)
    recipients = unique_addresses(ses_event.mail.destination)
    for key, address in recipients.items():
        yield EmailEvent(
            event_type="opened",
            event_id=event_id(
                "opened", ses_event.message_key, key, moment, opened.ip_address, opened.user_agent
            ),
            timestamp=at,
            recipient=address,
            recipient_ambiguous=len(recipients) > 1,
            user_agent=opened.user_agent,
            ip_address=opened.ip_address,
            bot=BOTS.get(opened.is_bot_event or ""),
        )


def _clicked(ses_event: SesEvent) -> Iterator[EmailEvent]:
    click = ses_event.body.click or notification.Click()
    at, moment = time_and_key(click.timestamp, ses_event.envelope)
    recipients = unique_addresses(ses_event.mail.destination)
    for key, address in recipients.items():
        yield EmailEvent(
            event_type="clicked",
            event_id=event_id(
                "clicked", ses_event.message_key, key, moment, click.ip_address, click.user_agent, click.link
            ),
            timestamp=at,
            recipient=address,
            recipient_ambiguous=len(recipients) > 1,
            user_agent=click.user_agent,
            ip_address=click.ip_address,
            click_url=click.link,
            link_tags=click.link_tags or {},
            bot=BOTS.get(click.is_bot_event or ""),
        )


def _deferred(ses_event: SesEvent) -> Iterator[EmailEvent]:
    delay = ses_event.body.delivery_delay or notification.DeliveryDelay()
    at, moment = time_and_key(delay.timestamp, ses_event.envelope)
    for key, address, recipient in unique_recipients(delay.delayed_recipients, ses_event.mail.destination):
        yield EmailEvent(
            event_type="deferred",
            event_id=event_id("deferred", ses_event.message_key, key, moment),
            timestamp=at,
            recipient=address,
            description=delay.delay_type,
            mta_response=recipient.diagnostic_code,
            delay=events.Delay(
                type=delay.delay_type,
                status=recipient.status,
                reporting_mta=delay.reporting_mta,
                expires_at=utc(delay.expiration_time),
            ),
        )


def _subscription_changed(ses_event: SesEvent) -> Iterator[EmailEvent]:
    subscription = ses_event.body.subscription or notification.Subscription()
    at, moment = time_and_key(subscription.timestamp, ses_event.envelope)
    event_type = event_type_of_change(subscription.new_topic_preferences, subscription.old_topic_preferences)
    recipients = unique_addresses(ses_event.mail.destination)
    for key, address in recipients.items():
        yield EmailEvent(
            event_type=event_type,
            event_id=event_id(event_type, ses_event.message_key, key, moment, subscription.contact_list),
            timestamp=at,
            recipient=address,
            recipient_ambiguous=len(recipients) > 1,
            subscription=events.Subscription(
                contact_list=subscription.contact_list,
                source=subscription.source,
                new_preferences=normalized_preferences(subscription.new_topic_preferences),
                old_preferences=normalized_preferences(subscription.old_topic_preferences),
            ),
        )


def _unknown(ses_event: SesEvent) -> Iterator[EmailEvent]:
    recipients = unique_addresses(ses_event.mail.destination)
    for key, address in recipients.items():
        yield EmailEvent(
            event_type="unknown",
            # the whole JSON has the event's own time, wherever SES puts it
            event_id=event_id("unknown", ses_event.message_key, key, ses_event.envelope.message),
            timestamp=ses_event.envelope.timestamp,
            recipient=address,
            recipient_ambiguous=len(recipients) > 1,
            description=ses_event.body.event_type or ses_event.body.notification_type,
        )


EVENTS_BY_SES_TYPE: Final[Mapping[str, Callable[[SesEvent], Iterator[EmailEvent]]]] = {
    ses_events.SEND.name: _sent,
    ses_events.REJECT.name: _rejected,
    ses_events.BOUNCE.name: _bounced,
    ses_events.COMPLAINT.name: _complained,
    ses_events.DELIVERY.name: _delivered,
    ses_events.OPEN.name: _opened,
    ses_events.CLICK.name: _clicked,
    ses_events.RENDERING_FAILURE.name: _failed,
    ses_events.DELIVERY_DELAY.name: _deferred,
    ses_events.SUBSCRIPTION.name: _subscription_changed,
}
