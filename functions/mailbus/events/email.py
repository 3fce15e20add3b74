"""Events of mail that is sent: of one message for one recipient."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from mailbus.events.vocabulary import (
    Bot,
    Event,
    MetadataValue,
    RejectReason,
    StoredObject,
)


class Bounce(msgspec.Struct, frozen=True, kw_only=True):
    """A bounce, as the receiving server or SES reported it for one recipient."""

    type: str | None = None
    sub_type: str | None = None
    feedback_id: str | None = None
    reporting_mta: str | None = None
    remote_mta_ip: str | None = None
    status: str | None = None
    action: str | None = None


class Complaint(msgspec.Struct, frozen=True, kw_only=True):
    """A complaint by a recipient through a feedback loop, or SES's own for a suppressed address."""

    sub_type: str | None = None
    feedback_id: str | None = None
    feedback_type: str | None = None
    user_agent: Annotated[str | None, Meta(description="The user agent of the open, click or complaint.")] = (
        None
    )
    arrived_at: datetime | None = None


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """The receiving server's acceptance. `processing_ms` is the time from SES's acceptance to delivery."""

    processing_ms: int | None = None
    reporting_mta: str | None = None
    remote_mta_ip: str | None = None


class Delay(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery that SES retries until `expires_at`."""

    type: str | None = None
    status: str | None = None
    reporting_mta: str | None = None
    expires_at: datetime | None = None


class TopicPreference(msgspec.Struct, frozen=True, kw_only=True):
    """One topic of a contact list; `status` is `OptIn` or `OptOut`."""

    topic: str
    status: str


class Preferences(msgspec.Struct, frozen=True, kw_only=True):
    """What a contact wants to receive."""

    unsubscribe_all: bool | None = None
    topics: tuple[TopicPreference, ...] = ()
    topic_defaults: tuple[TopicPreference, ...] = ()


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """A change that a recipient made in SES's subscription management."""

    contact_list: str | None = None
    source: str | None = None
    new_preferences: Preferences | None = None
    old_preferences: Preferences | None = None


class EmailEvent(Event, frozen=True, kw_only=True):
    """An event of one message for one recipient.

    `esp_event` is SES's own JSON; if the event is too large with it, it is null, and `esp_event_ref` is the
    S3 object that has it.
    """

    job_id: Annotated[str | None, Meta(description="The id of the send job.")] = None
    recipient: Annotated[str | None, Meta(description="The address without a name.")] = None
    recipient_ambiguous: Annotated[
        bool, Meta(description="True if it may have been another recipient: SES does not report which.")
    ] = False
    metadata: Annotated[
        dict[str, MetadataValue], Meta(description="The job's metadata, in a merge the recipient's.")
    ] = msgspec.field(default_factory=dict)
    tags: Annotated[tuple[str, ...], Meta(description="The job's tags.")] = ()
    message_tags: Annotated[dict[str, tuple[str, ...]], Meta(description="SES's message tags.")] = (
        msgspec.field(default_factory=dict)
    )
    reject_reason: Annotated[
        RejectReason | None, Meta(description="Why the mail was refused or is not deliverable.")
    ] = None
    error_code: Annotated[
        str | None,
        Meta(
            description="Why the mail failed or was rejected: SES's error code, or one of Mailbus's own; "
            "null for all other event types."
        ),
    ] = None
    description: Annotated[str | None, Meta(description="What happened, or what to fix, in words.")] = None
    mta_response: Annotated[str | None, Meta(description="The answer of the recipient's server.")] = None
    user_agent: Annotated[str | None, Meta(description="The user agent of the open, click or complaint.")] = (
        None
    )
    ip_address: Annotated[str | None, Meta(description="The IP address of the open or click.")] = None
    click_url: Annotated[str | None, Meta(description="The link that was followed.")] = None
    link_tags: Annotated[
        dict[str, tuple[str, ...]], Meta(description="The tags of the link that was followed.")
    ] = msgspec.field(default_factory=dict)
    bot: Annotated[
        Bot | None,
        Meta(description="Whether SES considers it automatic; null if SES does not report it."),
    ] = None
    bounce: Bounce | None = None
    complaint: Complaint | None = None
    delivery: Delivery | None = None
    delay: Delay | None = None
    subscription: Subscription | None = None
    esp_event: Annotated[
        dict[str, Any] | None,
        Meta(description="SES's own JSON; null if there is none, or if it is in `esp_event_ref`."),
    ] = None
    esp_event_ref: Annotated[
        StoredObject | None,
        Meta(description="The S3 object with SES's own JSON, if it is too large for the event."),
    ] = None
