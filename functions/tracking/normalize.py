"""Turns what SES publishes into normalized events: one per recipient.

Pure. A table gives for each SES type the function that makes events of its own object, and names them:
an id has what identifies the happening, nothing that only one of SES's channels or one report of it tells.
What all types share (message, job, metadata, tags) is added in one place. A type that the table does not
know becomes `unknown`.
"""

from __future__ import annotations

import functools
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

from mailbus import events
from mailbus.aws.sns import Notification
from mailbus.errors import InvalidNotification, WiringError
from mailbus.events import Bot, EmailEvent, EventType, RejectReason, event_id, second_key, timestamp_key
from tracking import decoding, headers, notification
from tracking.correlation import Lookup, Message, Untagged, lookup

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

# SES writes this plain text to a topic when an event destination is made
VALIDATED: Final = "Successfully validated SNS topic for Amazon SES"
# and this message id to the target of a new receipt rule
SETUP_MESSAGE_ID: Final = "AMAZON_SES_SETUP_NOTIFICATION"
# and such a notification to the topic that an identity's feedback is to go to
SUBSCRIBED: Final = "AmazonSnsSubscriptionSucceeded"
RECEIVED: Final = "Received"
SEND: Final = "Send"
CONFIGURATION_SET_TAG: Final = "ses:configuration-set"
# SES's have some 60: what is longer is no key of the ledger's, and nobody's message
MESSAGE_ID_CHARACTERS: Final = 200

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
# where an id has the time of what can happen again
ONCE: Final = None
NOBODY: Final[Mapping[str | None, str | None]] = {None: None}
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


class Reported(msgspec.Struct, frozen=True, kw_only=True):
    """One notification: what SES says, of which mail, and the envelope in which it came.

    `message` is what the mail goes by in ids: where SES does not give its own, the notification's.
    """

    ses: notification.SesNotification
    mail: notification.Mail
    envelope: Notification
    message: str


def normalize(
    envelope: Notification,
    *,
    topic_arn: str,
    metadata_in_headers: bool = True,
    trusts_other_topics: bool = False,
) -> Report:
    """Read one SNS notification from the queue of the tracking topic `topic_arn`.

    `metadata_in_headers` says whether the sender writes it there. With `trusts_other_topics` those tell of
    this deployment's mail too: the jobs of others may have the same ids. `WiringError` for received mail,
    `InvalidNotification` for what SES does not send.
    """
    try:
        ses, whole = decoding.read(envelope.message)
    except InvalidNotification:
        if envelope.message.lstrip().startswith(VALIDATED):
            return Report()
        raise
    mail, ses_type = ses.mail, ses.event_type or ses.notification_type
    if mail is not None and mail.message_id == SETUP_MESSAGE_ID:
        return Report()
    if ses_type == SUBSCRIBED:
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
    told = headers.read(mail.headers or ())
    message_tags = mail.tags or {}
    job_id = _first(message_tags, events.JOB_ID_TAG)
    incomplete = _is_incomplete(mail, told, in_headers=metadata_in_headers)
    ours = trusts_other_topics or envelope.topic_arn == topic_arn
    is_asked = incomplete or ses_type == SEND or not mail.tags
    message = _message(mail, envelope) if ours and is_asked else None
    reported = Reported(ses=ses, mail=mail, envelope=envelope, message=mail.message_id or envelope.message_id)
    return Report(
        events=tuple(
            [
                msgspec.structs.replace(
                    event,
                    message_id=mail.message_id,
                    job_id=job_id,
                    metadata=told.metadata,
                    tags=told.tags,
                    message_tags=message_tags,
                )
                for event in OUTCOMES.get(ses_type, _unknown)(reported)
            ]
        ),
        resources=_resources(
            mail.source_arn,
            mail.sending_account_id,
            message_tags.get(CONFIGURATION_SET_TAG, ()),
            envelope.topic_arn,
        ),
        esp_event=whole,
        untagged=_untagged(mail, message, incomplete=incomplete),
        lookup=lookup(
            job_id,
            _first(message_tags, events.ENTRY_TAG),
            message=message,
            accepted=ses_type == SEND,
            incomplete=incomplete,
        ),
    )


def _untagged(mail: notification.Mail, message: Message | None, *, incomplete: bool) -> Untagged | None:
    """Tell of a report without tags: feedback notifications carry none, whoever sent the mail."""
    if mail.tags or message is None:
        return None
    return Untagged(message=message, incomplete=incomplete)


def _message(mail: notification.Mail, envelope: Notification) -> Message | None:
    if mail.message_id is None or len(mail.message_id) > MESSAGE_ID_CHARACTERS:
        return None
    accepted_at = _utc(mail.timestamp) or envelope.timestamp
    return Message(message_id=mail.message_id, accepted_at=accepted_at.timestamp())


def _is_incomplete(mail: notification.Mail, told: headers.Told, *, in_headers: bool) -> bool:
    """Tell whether metadata or tags may be missing that the job has."""
    if not mail.headers or mail.headers_truncated:
        return True
    return not told.metadata and (not in_headers or told.names_metadata)


def _first(tags: Mapping[str, tuple[str, ...]], name: str) -> str | None:
    values = tags.get(name)
    return values[0] if values else None


def _not_ses(envelope: Notification, lack: str) -> str:
    return (
        f"{lack} in the message from topic {envelope.topic_arn}:"
        " only SES event publishing and feedback notifications belong on it"
    )


def _when(moment: datetime | None, envelope: Notification) -> tuple[datetime, str]:
    """Give the time of a happening, and what stands for it in ids: SES's own, unless SES gives none."""
    at = _utc(moment)
    return (envelope.timestamp, envelope.message_id) if at is None else (at, timestamp_key(at))


def _feedback_when(moment: datetime | None, envelope: Notification) -> tuple[datetime, str]:
    """Give the same for what notifications and event publishing both report: ids have its second only.

    It is the time of the provider's report, which knows no fractions, or SES's own, which does.
    """
    at = _utc(moment)
    return (envelope.timestamp, envelope.message_id) if at is None else (at, second_key(at))


def _bounced(reported: Reported) -> list[EmailEvent]:
    bounce = reported.ses.bounce or notification.Bounce()
    at, moment = _feedback_when(bounce.timestamp, reported.envelope)
    said = [part for part in (bounce.bounce_type, bounce.bounce_sub_type) if part]
    return [
        EmailEvent(
            event_type="bounced",
            event_id=event_id("bounced", reported.message, who, moment, bounce.bounce_type),
            timestamp=at,
            recipient=address,
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
        for who, address, recipient in _named(bounce.bounced_recipients)
    ]


def _complained(reported: Reported) -> list[EmailEvent]:
    complaint = reported.ses.complaint or notification.Complaint()
    at, moment = _feedback_when(complaint.timestamp, reported.envelope)
    recipients = _named(complaint.complained_recipients)
    return [
        EmailEvent(
            event_type="complained",
            event_id=event_id("complained", reported.message, who, moment),
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
                arrived_at=_utc(complaint.arrival_date),
            ),
        )
        for who, address, _ in recipients
    ]


def _delivered(reported: Reported) -> list[EmailEvent]:
    delivery = reported.ses.delivery or notification.Delivery()
    at, moment = _feedback_when(delivery.timestamp, reported.envelope)
    taken = events.Delivery(
        processing_ms=delivery.processing_time_millis,
        reporting_mta=delivery.reporting_mta,
        remote_mta_ip=delivery.remote_mta_ip,
    )
    return [
        EmailEvent(
            event_type="delivered",
            event_id=event_id("delivered", reported.message, who, moment),
            timestamp=at,
            recipient=address,
            mta_response=delivery.smtp_response,
            delivery=taken,
        )
        for who, address in _addresses(delivery.recipients).items()
    ]


def _sent(reported: Reported) -> list[EmailEvent]:
    return [
        EmailEvent(
            event_type="sent",
            event_id=event_id("sent", reported.message, who, ONCE),
            timestamp=reported.envelope.timestamp,
            recipient=address,
        )
        for who, address in _addresses(reported.mail.destination).items()
    ]


def _rejected(reported: Reported) -> list[EmailEvent]:
    reject = reported.ses.reject or notification.Reject()
    return [
        EmailEvent(
            event_type="rejected",
            event_id=event_id("rejected", reported.message, who, ONCE),
            timestamp=reported.envelope.timestamp,
            recipient=address,
            reject_reason="blocked",
            description=reject.reason,
        )
        for who, address in _addresses(reported.mail.destination).items()
    ]


def _failed(reported: Reported) -> list[EmailEvent]:
    failure = reported.ses.failure or notification.Failure()
    return [
        EmailEvent(
            event_type="failed",
            event_id=event_id("failed", reported.message, who, ONCE),
            timestamp=reported.envelope.timestamp,
            recipient=address,
            description=failure.error_message,
        )
        for who, address in _addresses(reported.mail.destination).items()
    ]


def _opened(reported: Reported) -> list[EmailEvent]:
    opened = reported.ses.open or notification.Open()
    at, moment = _when(opened.timestamp, reported.envelope)
    recipients = _addresses(reported.mail.destination)
    return [
        EmailEvent(
            event_type="opened",
            event_id=event_id("opened", reported.message, who, moment, opened.ip_address, opened.user_agent),
            timestamp=at,
            recipient=address,
            recipient_ambiguous=len(recipients) > 1,
            user_agent=opened.user_agent,
            ip_address=opened.ip_address,
            bot=BOTS.get(opened.is_bot_event or ""),
        )
        for who, address in recipients.items()
    ]


def _clicked(reported: Reported) -> list[EmailEvent]:
    click = reported.ses.click or notification.Click()
    at, moment = _when(click.timestamp, reported.envelope)
    recipients = _addresses(reported.mail.destination)
    return [
        EmailEvent(
            event_type="clicked",
            event_id=event_id(
                "clicked", reported.message, who, moment, click.ip_address, click.user_agent, click.link
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
        for who, address in recipients.items()
    ]


def _deferred(reported: Reported) -> list[EmailEvent]:
    delay = reported.ses.delivery_delay or notification.DeliveryDelay()
    at, moment = _when(delay.timestamp, reported.envelope)
    return [
        EmailEvent(
            event_type="deferred",
            event_id=event_id("deferred", reported.message, who, moment),
            timestamp=at,
            recipient=address,
            description=delay.delay_type,
            mta_response=recipient.diagnostic_code,
            delay=events.Delay(
                type=delay.delay_type,
                status=recipient.status,
                reporting_mta=delay.reporting_mta,
                expires_at=_utc(delay.expiration_time),
            ),
        )
        for who, address, recipient in _named(delay.delayed_recipients)
    ]


def _subscription_changed(reported: Reported) -> list[EmailEvent]:
    subscription = reported.ses.subscription or notification.Subscription()
    at, moment = _when(subscription.timestamp, reported.envelope)
    direction = _direction(subscription.new_topic_preferences, subscription.old_topic_preferences)
    recipients = _addresses(reported.mail.destination)
    return [
        EmailEvent(
            event_type=direction,
            event_id=event_id(direction, reported.message, who, moment, subscription.contact_list),
            timestamp=at,
            recipient=address,
            recipient_ambiguous=len(recipients) > 1,
            subscription=events.Subscription(
                contact_list=subscription.contact_list,
                source=subscription.source,
                new_preferences=_preferences(subscription.new_topic_preferences),
                old_preferences=_preferences(subscription.old_topic_preferences),
            ),
        )
        for who, address in recipients.items()
    ]


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


def _unknown(reported: Reported) -> list[EmailEvent]:
    recipients = _addresses(reported.mail.destination)
    return [
        EmailEvent(
            event_type="unknown",
            # its own time stands somewhere in it
            event_id=event_id("unknown", reported.message, who, reported.envelope.message),
            timestamp=reported.envelope.timestamp,
            recipient=address,
            recipient_ambiguous=len(recipients) > 1,
            description=reported.ses.event_type or reported.ses.notification_type,
        )
        for who, address in recipients.items()
    ]


OUTCOMES: Final[Mapping[str, Callable[[Reported], list[EmailEvent]]]] = {
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


def _addresses(addresses: Iterable[str] | None) -> Mapping[str | None, str | None]:
    """Give each address once, as SES spells it first, by what it goes by in ids; one null for nobody."""
    known: dict[str | None, str | None] = {}
    for written in addresses or ():
        address = _bare(written)
        if address:
            known.setdefault(_domain_lowered(address), address)
    return known or NOBODY


def _named(
    recipients: Iterable[notification.Recipient] | None,
) -> list[tuple[str | None, str | None, notification.Recipient]]:
    """Give each recipient once, as SES describes it first, with what it goes by in ids, and its address."""
    known: dict[str | None, tuple[str | None, str | None, notification.Recipient]] = {}
    for recipient in recipients or ():
        address = _bare(recipient.email_address or "") or None
        who = None if address is None else _domain_lowered(address)
        known.setdefault(who, (who, address, recipient))
    return list(known.values()) or [(None, None, notification.Recipient())]


def _bare(address: str) -> str:
    """Take the address out of `Name <address>`; what is written in no such way stays."""
    stripped = address.strip()
    if stripped.endswith(">"):
        return stripped[stripped.rfind("<") + 1 : -1].strip() or stripped
    return stripped


def _domain_lowered(address: str) -> str:
    local, at, domain = address.rpartition("@")
    return f"{local}{at}{domain.lower()}"


def _utc(moment: datetime | None) -> datetime | None:
    if moment is None or moment.tzinfo is UTC:
        return moment
    if moment.tzinfo is None:
        # old feedback notifications leave the zone out; all of SES's times are UTC
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return None


@functools.lru_cache(maxsize=256)
def _resources(
    source_arn: str | None, account_id: str | None, sets: tuple[str, ...], topic_arn: str
) -> tuple[str, ...]:
    """List the identity's, the configuration set's and the topic's ARN; they are the same for most mail.

    SES names a configuration set by its name alone; it lies in the sending account, in the
    region of the identity.
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
