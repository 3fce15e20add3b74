"""SES's JSON about sent mail, as SES spells it.

One shape serves both event publishing (`eventType`) and feedback notifications
(`notificationType`). Every field may be absent or null, and every enumeration may grow, so all
are optional and open:
https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html
"""

from __future__ import annotations

from datetime import datetime

import msgspec


class Header(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One header of the sent message, as it was sent."""

    name: str | None = None
    value: str | None = None


class Mail(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The message that the notification is about.

    `timestamp` is when SES accepted it; `destination` holds every envelope recipient.
    """

    message_id: str | None = None
    timestamp: datetime | None = None
    source_arn: str | None = None
    sending_account_id: str | None = None
    destination: tuple[str, ...] | None = None
    # SES truncates headers at 10 KB in all
    headers_truncated: bool | None = None
    headers: tuple[Header, ...] | None = None
    tags: dict[str, tuple[str, ...]] | None = None


class Recipient(msgspec.Struct, frozen=True, kw_only=True, gc=False, rename="camel"):
    """One recipient that a bounce, complaint or delay names."""

    email_address: str | None = None
    action: str | None = None
    status: str | None = None
    diagnostic_code: str | None = None


class Bounce(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`bounce`: the final refusal of a receiving server, or of SES's suppression lists."""

    bounce_type: str | None = None
    bounce_sub_type: str | None = None
    bounced_recipients: tuple[Recipient, ...] | None = None
    timestamp: datetime | None = None
    feedback_id: str | None = None
    reporting_mta: str | None = msgspec.field(name="reportingMTA", default=None)
    remote_mta_ip: str | None = None


class Complaint(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`complaint`: a feedback loop's report."""

    complained_recipients: tuple[Recipient, ...] | None = None
    timestamp: datetime | None = None
    feedback_id: str | None = None
    complaint_sub_type: str | None = None
    complaint_feedback_type: str | None = None
    user_agent: str | None = None
    arrival_date: datetime | None = None


class Delivery(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`delivery`: the receiving server accepted the message."""

    timestamp: datetime | None = None
    processing_time_millis: int | None = None
    recipients: tuple[str, ...] | None = None
    smtp_response: str | None = None
    reporting_mta: str | None = msgspec.field(name="reportingMTA", default=None)
    remote_mta_ip: str | None = None


class Reject(msgspec.Struct, frozen=True, kw_only=True):
    """`reject`: SES accepted the message, then found a virus in it."""

    reason: str | None = None


class Failure(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`failure`: a template could not be rendered."""

    error_message: str | None = None


class Open(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`open`: the tracking pixel was fetched."""

    timestamp: datetime | None = None
    ip_address: str | None = None
    user_agent: str | None = None
    is_bot_event: str | None = None


class Click(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`click`: a tracked link was followed."""

    timestamp: datetime | None = None
    ip_address: str | None = None
    user_agent: str | None = None
    is_bot_event: str | None = None
    link: str | None = None
    link_tags: dict[str, tuple[str, ...]] | None = None


class DeliveryDelay(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`deliveryDelay`: a temporary failure; SES retries until `expiration_time`."""

    delay_type: str | None = None
    delayed_recipients: tuple[Recipient, ...] | None = None
    expiration_time: datetime | None = None
    reporting_mta: str | None = msgspec.field(name="reportingMTA", default=None)
    timestamp: datetime | None = None


class TopicStatus(msgspec.Struct, frozen=True, kw_only=True, gc=False, rename="camel"):
    """One topic of a contact list, `OptIn` or `OptOut`."""

    topic_name: str | None = None
    subscription_status: str | None = None


class Preferences(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A contact's preferences, for the whole list and by topic."""

    unsubscribe_all: bool | None = None
    topic_subscription_status: tuple[TopicStatus, ...] | None = None
    topic_default_subscription_status: tuple[TopicStatus, ...] | None = None


class Subscription(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`subscription`: a contact changed its preferences."""

    contact_list: str | None = None
    timestamp: datetime | None = None
    source: str | None = None
    new_topic_preferences: Preferences | None = None
    old_topic_preferences: Preferences | None = None


class SesNotification(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The whole JSON. One of the two types is set, and the object of that type."""

    event_type: str | None = None
    notification_type: str | None = None
    mail: Mail | None = None
    bounce: Bounce | None = None
    complaint: Complaint | None = None
    delivery: Delivery | None = None
    reject: Reject | None = None
    failure: Failure | None = None
    open: Open | None = None
    click: Click | None = None
    delivery_delay: DeliveryDelay | None = None
    subscription: Subscription | None = None
