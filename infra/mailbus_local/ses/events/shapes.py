"""The JSON of SES's events.

https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
Fields without a value are left out, as in the guide's examples.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from mailbus_local.ses.mime import CommonHeaders, Header

_ENCODER: Final = msgspec.json.Encoder()


class _Camel(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A JSON object with SES's camelCase names."""


class Mail(_Camel, frozen=True, kw_only=True):
    """The message that an event is about."""

    timestamp: str
    source: str
    source_arn: str
    sending_account_id: str
    message_id: str
    destination: tuple[str, ...]
    headers_truncated: bool
    headers: tuple[Header, ...] = ()
    common_headers: CommonHeaders | None = None
    tags: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)


class Recipient(_Camel, frozen=True, kw_only=True):
    """A recipient of a bounce, a complaint or a delay."""

    email_address: str
    action: str | None = None
    status: str | None = None
    diagnostic_code: str | None = None


class Bounce(_Camel, frozen=True, kw_only=True):
    """A bounce."""

    bounce_type: str
    bounce_sub_type: str
    bounced_recipients: tuple[Recipient, ...]
    timestamp: str
    feedback_id: str
    reporting_mta: str | None = msgspec.field(default=None, name="reportingMTA")
    remote_mta_ip: str | None = None


class Complaint(_Camel, frozen=True, kw_only=True):
    """A complaint."""

    complained_recipients: tuple[Recipient, ...]
    timestamp: str
    feedback_id: str
    complaint_sub_type: str | None = None
    user_agent: str | None = None
    complaint_feedback_type: str | None = None
    arrival_date: str | None = None


class Delivery(_Camel, frozen=True, kw_only=True):
    """A delivery."""

    timestamp: str
    processing_time_millis: int
    recipients: tuple[str, ...]
    smtp_response: str
    reporting_mta: str = msgspec.field(name="reportingMTA")
    remote_mta_ip: str | None = None


class Send(_Camel, frozen=True, kw_only=True):
    """A send, which has no fields."""


class Reject(_Camel, frozen=True, kw_only=True):
    """A rejection after acceptance."""

    reason: str


class Open(_Camel, frozen=True, kw_only=True):
    """An open."""

    ip_address: str
    timestamp: str
    user_agent: str
    is_bot_event: str


class Click(_Camel, frozen=True, kw_only=True):
    """A click. A link without tags has null for them."""

    ip_address: str
    timestamp: str
    user_agent: str
    is_bot_event: str
    link: str
    link_tags: dict[str, tuple[str, ...]] | None


class Failure(_Camel, frozen=True, kw_only=True):
    """A template that could not be rendered."""

    template_name: str
    error_message: str


class DeliveryDelay(_Camel, frozen=True, kw_only=True):
    """A delay."""

    timestamp: str
    delay_type: str
    expiration_time: str
    delayed_recipients: tuple[Recipient, ...]
    reporting_mta: str | None = msgspec.field(default=None, name="reportingMTA")


class TopicStatus(_Camel, frozen=True, kw_only=True):
    """A topic of a contact list."""

    topic_name: str
    subscription_status: str


class Preferences(_Camel, frozen=True, kw_only=True):
    """The topic preferences of a contact."""

    unsubscribe_all: bool
    topic_subscription_status: tuple[TopicStatus, ...]


class Subscription(_Camel, frozen=True, kw_only=True):
    """A change of a contact's preferences."""

    contact_list: str
    timestamp: str
    source: str
    new_topic_preferences: Preferences
    old_topic_preferences: Preferences


class Event(_Camel, frozen=True, kw_only=True):
    """An event; exactly one of the optional objects is set."""

    event_type: str
    mail: Mail
    send: Send | None = None
    delivery: Delivery | None = None
    bounce: Bounce | None = None
    complaint: Complaint | None = None
    reject: Reject | None = None
    open: Open | None = None
    click: Click | None = None
    failure: Failure | None = None
    delivery_delay: DeliveryDelay | None = None
    subscription: Subscription | None = None


def encode_event(event: Event) -> str:
    """Return the JSON of an event, to be published to SNS."""
    return _ENCODER.encode(event).decode()


def to_json_values(event: Event) -> Any:
    """Return an event as plain JSON values."""
    return msgspec.to_builtins(event)
