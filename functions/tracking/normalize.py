"""Turns what SES publishes into normalized events: one per recipient.

Pure. A table gives for each SES type the function that reads its own object into outcomes; what
all types share (message, metadata, tags, ids) is added in one place. A type that the table does
not know becomes `unknown`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

from mailbus import events
from mailbus.errors import InvalidNotification, WiringError
from mailbus.events import Bot, EmailEvent, EventType, RejectReason, event_id, timestamp_key
from tracking import headers, notification, reading
from tracking.lookup import Acceptance, Lookup, Untagged, lookup

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from mailbus.sns import Notification

# SES writes this plain text to a topic when an event destination is made
VALIDATED: Final = "Successfully validated SNS topic for Amazon SES"
# and this message id to the target of a new receipt rule
SETUP_MESSAGE_ID: Final = "AMAZON_SES_SETUP_NOTIFICATION"
RECEIVED: Final = "Received"
SEND: Final = "Send"
CONFIGURATION_SET_TAG: Final = "ses:configuration-set"

# https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html#bounce-types
BOUNCE_REJECT_REASONS: Final[Mapping[str, RejectReason]] = {
    "Suppressed": "blocked",
    "OnAccountSuppressionList": "blocked",
    "OnTenantSuppressionList": "blocked",
    "EmailValidationSuppressed": "blocked",
    "UnsubscribedRecipient": "unsubscribed",
}
# https://datatracker.ietf.org/doc/html/rfc6430: the recipient says that it is no spam
COMPLAINT_REJECT_REASONS: Final[Mapping[str, RejectReason | None]] = {"not-spam": None}
BOTS: Final[Mapping[str, Bot]] = {"Likely": "likely", "Unlikely": "unlikely"}


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What one notification comes to: events (none where it is to be ignored), and ARNs that SES named.

    `esp_event` is SES's JSON, whole, for each of them. `lookup` says what the ledger has to be asked or told;
    where SES left the tags out that it takes, `untagged` is there instead.
    """

    events: tuple[EmailEvent, ...] = ()
    resources: tuple[str, ...] = ()
    esp_event: bytes = b""
    lookup: Lookup | None = None
    untagged: Untagged | None = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What happened for one recipient, by SES's own object of the event.

    `happened_at` is null where SES gives no time. `once` says that it cannot happen twice to one
    recipient of one message; `marks` tell happenings of the same moment apart.
    """

    event_type: EventType
    recipient: str | None = None
    recipient_ambiguous: bool = False
    happened_at: datetime | None = None
    once: bool = False
    marks: tuple[str | None, ...] = ()
    reject_reason: RejectReason | None = None
    description: str | None = None
    mta_response: str | None = None
    user_agent: str | None = None
    ip_address: str | None = None
    click_url: str | None = None
    link_tags: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    bot: Bot | None = None
    bounce: events.Bounce | None = None
    complaint: events.Complaint | None = None
    delivery: events.Delivery | None = None
    delay: events.Delay | None = None
    subscription: events.Subscription | None = None


def normalize(envelope: Notification, *, topic_arn: str, metadata_in_headers: bool = True) -> Report:
    """Read one SNS notification from the queue of the tracking topic `topic_arn`.

    `metadata_in_headers` says whether the sender writes it there. `WiringError` for received mail,
    `InvalidNotification` for what SES does not send.
    """
    if envelope.message.lstrip().startswith(VALIDATED):
        return Report()
    reported, whole = reading.read(envelope.message)
    mail, ses_type = reported.mail, reported.event_type or reported.notification_type
    if mail is not None and mail.message_id == SETUP_MESSAGE_ID:
        return Report()
    if ses_type == RECEIVED:
        reason = (
            f"a receipt notification from topic {envelope.topic_arn} in the queue of tracking topic"
            f" {topic_arn}: let the receipt rule publish to the inbound topic"
        )
        raise WiringError(reason)
    if not ses_type:
        raise InvalidNotification(_not_ses(envelope, "neither eventType nor notificationType"))
    if mail is None:
        raise InvalidNotification(_not_ses(envelope, "no mail object"))
    message_tags = _listed(mail.tags)
    common = EmailEvent(
        event_type="unknown",
        event_id="",
        timestamp=envelope.timestamp,
        message_id=mail.message_id,
        job_id=next(iter(message_tags.get(events.JOB_ID_TAG, ())), None),
        metadata=headers.metadata(mail.headers or ()),
        tags=headers.tags(mail.headers or ()),
        message_tags=message_tags,
    )
    outcomes = OUTCOMES.get(ses_type, _unknown)(reported, mail)
    incomplete = _is_incomplete(mail, common, in_headers=metadata_in_headers)
    return Report(
        events=tuple(_event(common, outcome, envelope) for outcome in outcomes),
        resources=_resources(mail, envelope.topic_arn),
        esp_event=whole,
        untagged=_untagged(reported, mail, incomplete=incomplete),
        lookup=lookup(
            common.job_id,
            next(iter(message_tags.get(events.ENTRY_TAG, ())), None),
            acceptance=_acceptance(common) if ses_type == SEND else None,
            incomplete=incomplete,
        ),
    )


def _untagged(
    reported: notification.SesNotification, mail: notification.Mail, *, incomplete: bool
) -> Untagged | None:
    """Feedback notifications carry no tags, whoever sent the mail."""
    if reported.event_type or mail.tags or mail.message_id is None:
        return None
    accepted_at = _utc(mail.timestamp)
    return Untagged(
        message_id=mail.message_id,
        accepted_at=accepted_at.timestamp() if accepted_at else 0.0,
        incomplete=incomplete,
    )


def _acceptance(common: EmailEvent) -> Acceptance | None:
    if common.message_id is None:
        return None
    return Acceptance(message_id=common.message_id, at=common.timestamp.timestamp())


def _is_incomplete(mail: notification.Mail, common: EmailEvent, *, in_headers: bool) -> bool:
    """Tell whether metadata or tags may be missing that the job has."""
    if not mail.headers or mail.headers_truncated:
        return True
    return not common.metadata and (not in_headers or headers.names_metadata(mail.headers))


def _not_ses(envelope: Notification, lack: str) -> str:
    return (
        f"{lack} in the message from topic {envelope.topic_arn}:"
        " only SES event publishing and feedback notifications belong on it"
    )


def _event(common: EmailEvent, outcome: Outcome, envelope: Notification) -> EmailEvent:
    return EmailEvent(
        event_type=outcome.event_type,
        event_id=_identify(common, outcome, envelope),
        timestamp=outcome.happened_at or common.timestamp,
        message_id=common.message_id,
        job_id=common.job_id,
        recipient=outcome.recipient,
        recipient_ambiguous=outcome.recipient_ambiguous,
        metadata=common.metadata,
        tags=common.tags,
        message_tags=common.message_tags,
        reject_reason=outcome.reject_reason,
        description=outcome.description,
        mta_response=outcome.mta_response,
        user_agent=outcome.user_agent,
        ip_address=outcome.ip_address,
        click_url=outcome.click_url,
        link_tags=outcome.link_tags,
        bot=outcome.bot,
        bounce=outcome.bounce,
        complaint=outcome.complaint,
        delivery=outcome.delivery,
        delay=outcome.delay,
        subscription=outcome.subscription,
    )


def _identify(common: EmailEvent, outcome: Outcome, envelope: Notification) -> str:
    """Name the happening, not its report: nothing of SNS goes in unless SES names too little."""
    if outcome.once:
        moment = None
    elif outcome.happened_at is not None:
        moment = timestamp_key(outcome.happened_at)
    else:
        moment = envelope.message_id
    message = common.message_id or envelope.message_id
    return event_id(outcome.event_type, message, _domain_lowered(outcome.recipient), moment, *outcome.marks)


def _bounced(reported: notification.SesNotification, _: notification.Mail) -> tuple[Outcome, ...]:
    bounce = reported.bounce or notification.Bounce()
    said = [part for part in (bounce.bounce_type, bounce.bounce_sub_type) if part]
    return tuple(
        Outcome(
            event_type="bounced",
            recipient=recipient.email_address,
            happened_at=_utc(bounce.timestamp),
            reject_reason=BOUNCE_REJECT_REASONS.get(bounce.bounce_sub_type or "", "bounced"),
            description=": ".join(said) or None,
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
        for recipient in _named(bounce.bounced_recipients)
    )


def _complained(reported: notification.SesNotification, _: notification.Mail) -> tuple[Outcome, ...]:
    complaint = reported.complaint or notification.Complaint()
    recipients = _named(complaint.complained_recipients)
    return tuple(
        Outcome(
            event_type="complained",
            recipient=recipient.email_address,
            # providers redact the complainer: SES lists every recipient in that provider's domain
            # https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html#complaint-object
            recipient_ambiguous=len(recipients) > 1,
            happened_at=_utc(complaint.timestamp),
            reject_reason=COMPLAINT_REJECT_REASONS.get(complaint.complaint_feedback_type or "", "spam"),
            description=complaint.complaint_feedback_type,
            user_agent=complaint.user_agent,
            complaint=events.Complaint(
                sub_type=complaint.complaint_sub_type,
                feedback_id=complaint.feedback_id,
                feedback_type=complaint.complaint_feedback_type,
                user_agent=complaint.user_agent,
                arrived_at=_utc(complaint.arrival_date),
            ),
        )
        for recipient in recipients
    )


def _delivered(reported: notification.SesNotification, _: notification.Mail) -> tuple[Outcome, ...]:
    delivery = reported.delivery or notification.Delivery()
    return tuple(
        Outcome(
            event_type="delivered",
            recipient=recipient,
            happened_at=_utc(delivery.timestamp),
            mta_response=delivery.smtp_response,
            delivery=events.Delivery(
                processing_ms=delivery.processing_time_millis,
                reporting_mta=delivery.reporting_mta,
                remote_mta_ip=delivery.remote_mta_ip,
            ),
        )
        for recipient in _addresses(delivery.recipients)
    )


def _sent(_: notification.SesNotification, mail: notification.Mail) -> tuple[Outcome, ...]:
    return tuple(
        Outcome(event_type="sent", recipient=recipient, once=True)
        for recipient in _addresses(mail.destination)
    )


def _rejected(reported: notification.SesNotification, mail: notification.Mail) -> tuple[Outcome, ...]:
    reject = reported.reject or notification.Reject()
    return tuple(
        Outcome(
            event_type="rejected",
            recipient=recipient,
            once=True,
            reject_reason="blocked",
            description=reject.reason,
        )
        for recipient in _addresses(mail.destination)
    )


def _failed(reported: notification.SesNotification, mail: notification.Mail) -> tuple[Outcome, ...]:
    failure = reported.failure or notification.Failure()
    return tuple(
        Outcome(event_type="failed", recipient=recipient, once=True, description=failure.error_message)
        for recipient in _addresses(mail.destination)
    )


def _opened(reported: notification.SesNotification, mail: notification.Mail) -> tuple[Outcome, ...]:
    opened = reported.open or notification.Open()
    recipients = _addresses(mail.destination)
    return tuple(
        Outcome(
            event_type="opened",
            recipient=recipient,
            recipient_ambiguous=len(recipients) > 1,
            happened_at=_utc(opened.timestamp),
            marks=(opened.ip_address, opened.user_agent),
            user_agent=opened.user_agent,
            ip_address=opened.ip_address,
            bot=BOTS.get(opened.is_bot_event or ""),
        )
        for recipient in recipients
    )


def _clicked(reported: notification.SesNotification, mail: notification.Mail) -> tuple[Outcome, ...]:
    click = reported.click or notification.Click()
    recipients = _addresses(mail.destination)
    return tuple(
        Outcome(
            event_type="clicked",
            recipient=recipient,
            recipient_ambiguous=len(recipients) > 1,
            happened_at=_utc(click.timestamp),
            marks=(click.ip_address, click.user_agent, click.link),
            user_agent=click.user_agent,
            ip_address=click.ip_address,
            click_url=click.link,
            link_tags=_listed(click.link_tags),
            bot=BOTS.get(click.is_bot_event or ""),
        )
        for recipient in recipients
    )


def _deferred(reported: notification.SesNotification, _: notification.Mail) -> tuple[Outcome, ...]:
    delay = reported.delivery_delay or notification.DeliveryDelay()
    return tuple(
        Outcome(
            event_type="deferred",
            recipient=recipient.email_address,
            happened_at=_utc(delay.timestamp),
            description=delay.delay_type,
            mta_response=recipient.diagnostic_code,
            delay=events.Delay(
                type=delay.delay_type,
                status=recipient.status,
                reporting_mta=delay.reporting_mta,
                expires_at=_utc(delay.expiration_time),
            ),
        )
        for recipient in _named(delay.delayed_recipients)
    )


def _subscription_changed(
    reported: notification.SesNotification, mail: notification.Mail
) -> tuple[Outcome, ...]:
    subscription = reported.subscription or notification.Subscription()
    recipients = _addresses(mail.destination)
    return tuple(
        Outcome(
            event_type=_direction(subscription.new_topic_preferences, subscription.old_topic_preferences),
            recipient=recipient,
            recipient_ambiguous=len(recipients) > 1,
            happened_at=_utc(subscription.timestamp),
            marks=(subscription.contact_list,),
            subscription=events.Subscription(
                contact_list=subscription.contact_list,
                source=subscription.source,
                new_preferences=_preferences(subscription.new_topic_preferences),
                old_preferences=_preferences(subscription.old_topic_preferences),
            ),
        )
        for recipient in recipients
    )


def _direction(new: notification.Preferences | None, old: notification.Preferences | None) -> EventType:
    """Weigh a change of preferences: leaving anything counts more than joining something else."""
    if new is None:
        return "unknown"
    if new.unsubscribe_all or _opted_out(new) - _opted_out(old):
        return "unsubscribed"
    return "subscribed"


def _opted_out(preferences: notification.Preferences | None) -> frozenset[str]:
    if preferences is None:
        return frozenset()
    return frozenset(
        topic.topic_name
        for topic in preferences.topic_subscription_status or ()
        if topic.topic_name is not None and topic.subscription_status == "OptOut"
    )


def _preferences(preferences: notification.Preferences | None) -> events.Preferences | None:
    if preferences is None:
        return None
    return events.Preferences(
        unsubscribe_all=preferences.unsubscribe_all,
        topics=_topics(preferences.topic_subscription_status),
        topic_defaults=_topics(preferences.topic_default_subscription_status),
    )


def _topics(topics: tuple[notification.TopicStatus, ...] | None) -> tuple[events.TopicPreference, ...]:
    return tuple(
        events.TopicPreference(topic=topic.topic_name, status=topic.subscription_status)
        for topic in topics or ()
        if topic.topic_name is not None and topic.subscription_status is not None
    )


def _unknown(reported: notification.SesNotification, mail: notification.Mail) -> tuple[Outcome, ...]:
    recipients = _addresses(mail.destination)
    return tuple(
        Outcome(
            event_type="unknown",
            recipient=recipient,
            recipient_ambiguous=len(recipients) > 1,
            description=reported.event_type or reported.notification_type,
        )
        for recipient in recipients
    )


OUTCOMES: Final[
    Mapping[str, Callable[[notification.SesNotification, notification.Mail], tuple[Outcome, ...]]]
] = {
    "Bounce": _bounced,
    "Complaint": _complained,
    "Delivery": _delivered,
    SEND: _sent,
    "Reject": _rejected,
    "Open": _opened,
    "Click": _clicked,
    "Rendering Failure": _failed,
    "DeliveryDelay": _deferred,
    "Subscription": _subscription_changed,
}


def _addresses(addresses: Iterable[str] | None) -> tuple[str | None, ...]:
    """Strip display names and repetitions; one null where SES names nobody."""
    return tuple(dict.fromkeys(_bare(address) for address in addresses or () if address.strip())) or (None,)


def _named(recipients: Iterable[notification.Recipient] | None) -> tuple[notification.Recipient, ...]:
    """Keep each address once, as SES described it first; one nobody where SES names none."""
    known: dict[str | None, notification.Recipient] = {}
    for recipient in recipients or ():
        address = _bare(recipient.email_address) if recipient.email_address else None
        described = notification.Recipient(
            email_address=address or None,
            action=recipient.action,
            status=recipient.status,
            diagnostic_code=recipient.diagnostic_code,
        )
        known.setdefault(described.email_address, described)
    return tuple(known.values()) or (notification.Recipient(),)


def _bare(address: str) -> str:
    """Take the address out of `Name <address>`; what is written in no such way stays."""
    stripped = address.strip()
    if stripped.endswith(">"):
        return stripped[stripped.rfind("<") + 1 : -1].strip() or stripped
    return stripped


def _domain_lowered(address: str | None) -> str | None:
    if address is None:
        return None
    local, at, domain = address.rpartition("@")
    return f"{local}{at}{domain.lower()}"


def _listed(tags: Mapping[str, tuple[str, ...] | None] | None) -> dict[str, tuple[str, ...]]:
    return {name: values or () for name, values in (tags or {}).items()}


def _utc(moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    if moment.tzinfo is None:
        # old feedback notifications leave the zone out; all of SES's times are UTC
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return None


def _resources(mail: notification.Mail, topic_arn: str) -> tuple[str, ...]:
    """List the identity's, the configuration set's and the topic's ARN.

    SES names a configuration set by its name alone; it lies in the sending account, in the
    region of the identity.
    """
    identity = mail.source_arn if mail.source_arn and mail.source_arn.startswith("arn:") else None
    names = (mail.tags or {}).get(CONFIGURATION_SET_TAG) or ()
    _, partition, _, region, account, *_ = f"{identity or topic_arn}:::::".split(":")
    account = mail.sending_account_id or account
    sets = [
        f"arn:{partition}:ses:{region}:{account}:configuration-set/{name}"
        for name in names
        if name and region and account
    ]
    return tuple(arn for arn in (identity, *sets, topic_arn) if arn)
