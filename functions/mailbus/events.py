"""The normalized events, as they stand in the `detail` of an EventBridge event.

Field names and values are django-anymail's where it has them. Every field is always present;
what SES did not say is null, or an empty list or object.

A consumer reads them by `parse`, and tells them apart by `match`:

    match events.parse(event):
        case EmailEvent(event_type="bounced", reject_reason="bounced", recipient=str(address)):
            ...
        case InboundEvent(event_type="inbound", message=InboundMessage() as message):
            ...
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from json.encoder import encode_basestring_ascii
from typing import Annotated, Any, Final, Literal, get_args

import msgspec
from msgspec import Meta

from mailbus.errors import InvalidEvent

EventType = Literal[
    "queued",
    "sent",
    "rejected",
    "failed",
    "bounced",
    "deferred",
    "delivered",
    "autoresponded",
    "opened",
    "clicked",
    "complained",
    "unsubscribed",
    "subscribed",
    "inbound",
    "inbound_failed",
    "unknown",
]
RejectReason = Literal["invalid", "bounced", "timed_out", "blocked", "spam", "unsubscribed", "other"]
Bot = Literal["likely", "unlikely"]
MetadataValue = str | int | float | bool | None

SOURCE = "mailbus"
DETAIL_TYPE_PREFIX = "email."
# It stays while events gain fields, and goes up when a field that there is changes or goes.
SCHEMA_VERSION = 1
# the SES message tag that carries a job's id through SES and back on every event
JOB_ID_TAG = "mailbus-job-id"
# the SES message tag that tells the messages of a merge apart: the recipient's place in its part of the job,
# from 0; "<part>-<place>" where the job has several parts
ENTRY_TAG = "mailbus-entry"


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
    user_agent: Annotated[str | None, Meta(description="Of who opened, clicked or complained.")] = None
    arrived_at: datetime | None = None


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """The receiving server's acceptance. `processing_ms` is SES's time from acceptance to hand-over."""

    processing_ms: int | None = None
    reporting_mta: str | None = None
    remote_mta_ip: str | None = None


class Delay(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery that SES goes on trying until `expires_at`."""

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
    """A change that a recipient made by SES's subscription management."""

    contact_list: str | None = None
    source: str | None = None
    new_preferences: Preferences | None = None
    old_preferences: Preferences | None = None


class StoredObject(msgspec.Struct, frozen=True, kw_only=True):
    """Where something lies in S3."""

    bucket: str
    key: str


class EmailEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to one message for one recipient.

    `esp_event` is SES's own JSON; where the event would be too large with it, it is null, and lies where
    `esp_event_ref` says.
    """

    event_type: Annotated[EventType, Meta(description="What happened.")]
    event_id: Annotated[
        str, Meta(description="The same whenever the same happening is reported again: deduplicate by it.")
    ]
    timestamp: Annotated[datetime, Meta(description="When it happened, in UTC.")]
    schema_version: Annotated[
        int, Meta(description="Goes up when a field changes or goes; new fields leave it as it is.")
    ] = SCHEMA_VERSION
    esp_name: Annotated[str, Meta(description="The service that sends.")] = "Amazon SES"
    message_id: Annotated[str | None, Meta(description="SES's message id.")] = None
    job_id: Annotated[str | None, Meta(description="The id of the send job.")] = None
    recipient: Annotated[str | None, Meta(description="The address alone.")] = None
    recipient_ambiguous: Annotated[
        bool, Meta(description="Whether it may have been another recipient: SES does not say which.")
    ] = False
    metadata: Annotated[
        dict[str, MetadataValue], Meta(description="The job's metadata, in a merge the recipient's.")
    ] = msgspec.field(default_factory=dict)
    tags: Annotated[tuple[str, ...], Meta(description="The job's tags.")] = ()
    message_tags: Annotated[dict[str, tuple[str, ...]], Meta(description="SES's message tags.")] = (
        msgspec.field(default_factory=dict)
    )
    reject_reason: Annotated[
        RejectReason | None, Meta(description="Why the mail is not wanted, or not deliverable.")
    ] = None
    description: Annotated[str | None, Meta(description="What happened, or what to fix, in words.")] = None
    mta_response: Annotated[str | None, Meta(description="The answer of the recipient's server.")] = None
    user_agent: Annotated[str | None, Meta(description="Of who opened, clicked or complained.")] = None
    ip_address: Annotated[str | None, Meta(description="Of who opened or clicked.")] = None
    click_url: Annotated[str | None, Meta(description="The link that was followed.")] = None
    link_tags: Annotated[
        dict[str, tuple[str, ...]], Meta(description="The tags of the link that was followed.")
    ] = msgspec.field(default_factory=dict)
    bot: Annotated[
        Bot | None,
        Meta(description="Whether SES takes it for a machine's doing; null where SES does not say."),
    ] = None
    bounce: Bounce | None = None
    complaint: Complaint | None = None
    delivery: Delivery | None = None
    delay: Delay | None = None
    subscription: Subscription | None = None
    esp_event: Annotated[
        dict[str, Any] | None,
        Meta(description="SES's own JSON; null where SES reported nothing, or in `esp_event_ref`."),
    ] = None
    esp_event_ref: Annotated[
        StoredObject | None, Meta(description="Where SES's own JSON lies that is too large for the event.")
    ] = None


class Mailbox(msgspec.Struct, frozen=True, kw_only=True):
    """One address of a header: `Name <address>`."""

    name: str
    address: str


class StoredPart(msgspec.Struct, frozen=True, kw_only=True):
    """An attachment or inline part, decoded, in S3. `size` is in bytes, `sha256` in hex."""

    filename: str | None
    content_type: str
    size: int
    sha256: str
    content_id: str | None
    disposition: str | None
    s3: StoredObject


class RawMessage(msgspec.Struct, frozen=True, kw_only=True):
    """The mail as it was received. `size` is in bytes."""

    bucket: str
    key: str
    size: int | None


class InboundMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A received mail, decoded.

    `recipient_details` has what stands behind `+` in the local part of an envelope recipient.
    `stripped_text` is `text` without what it quotes and without its signature; null where that cannot be
    told. `automatic`: a machine sent it, or it asks machines for no answer.
    """

    envelope_sender: Annotated[str | None, Meta(description="The address that the sending server gave.")] = (
        None
    )
    envelope_recipients: Annotated[
        tuple[str, ...], Meta(description="The addresses that it was received for.")
    ] = ()
    recipient_details: Annotated[
        dict[str, str],
        Meta(description="What stands behind + in the local part, of each address that has it."),
    ] = msgspec.field(default_factory=dict)
    from_email: tuple[Mailbox, ...] = ()
    to: tuple[Mailbox, ...] = ()
    cc: tuple[Mailbox, ...] = ()
    bcc: tuple[Mailbox, ...] = ()
    reply_to: tuple[Mailbox, ...] = ()
    subject: str | None = None
    date: Annotated[datetime | None, Meta(description="The Date header.")] = None
    message_id_header: Annotated[str | None, Meta(description="The Message-ID header.")] = None
    in_reply_to: str | None = None
    references: tuple[str, ...] = ()
    text: str | None = None
    stripped_text: Annotated[
        str | None,
        Meta(description="The text without quote and signature; null where that cannot be told: see `text`."),
    ] = None
    html: str | None = None
    text_ref: Annotated[
        StoredObject | None, Meta(description="Where a text lies that is too large for the event.")
    ] = None
    html_ref: Annotated[
        StoredObject | None, Meta(description="Where an HTML body lies that is too large for the event.")
    ] = None
    headers: Annotated[
        tuple[tuple[str, str], ...], Meta(description="All headers as [name, value], in order, decoded.")
    ] = ()
    attachments: tuple[StoredPart, ...] = ()
    inlines: tuple[StoredPart, ...] = ()
    auto_submitted: Annotated[str | None, Meta(description="The Auto-Submitted header.")] = None
    automatic: Annotated[
        bool, Meta(description="Whether it has any sign of a machine's mail: do not answer it by a machine.")
    ] = False
    defects: Annotated[tuple[str, ...], Meta(description="What is wrong with the mail's form.")] = ()


class InboundEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A received mail; `inbound_failed` with its `description` where it could not be read."""

    event_type: Annotated[Literal["inbound", "inbound_failed"], Meta(description="What happened.")]
    event_id: Annotated[
        str, Meta(description="The same whenever the same happening is reported again: deduplicate by it.")
    ]
    timestamp: Annotated[datetime, Meta(description="When it happened, in UTC.")]
    schema_version: Annotated[
        int, Meta(description="Goes up when a field changes or goes; new fields leave it as it is.")
    ] = SCHEMA_VERSION
    esp_name: Annotated[str, Meta(description="The service that sends.")] = "Amazon SES"
    message_id: Annotated[str | None, Meta(description="SES's message id.")] = None
    description: Annotated[str | None, Meta(description="What happened, or what to fix, in words.")] = None
    message: Annotated[InboundMessage | None, Meta(description="The mail, decoded.")] = None
    spam_detected: Annotated[
        bool | None,
        Meta(description="SES's spam verdict as yes or no; null where SES could not tell, or did not look."),
    ] = None
    spam_verdict: str | None = None
    virus_verdict: str | None = None
    spf_verdict: str | None = None
    dkim_verdict: str | None = None
    dmarc_verdict: str | None = None
    dmarc_policy: str | None = None
    raw: RawMessage | None = None


_EVENT_TYPES: Final = frozenset(get_args(EventType))
# msgspec quotes what is none of a closed list's; what stands there instead may be an address
_QUOTED_VALUE: Final = re.compile(r"Invalid enum value .*(?= - at `)", re.DOTALL)
_KINDS: Final[Mapping[str, type[EmailEvent | InboundEvent]]] = {
    "inbound": InboundEvent,
    "inbound_failed": InboundEvent,
}


def parse(event: Mapping[str, Any] | str | bytes) -> EmailEvent | InboundEvent:
    """Read an event of the bus: what a Lambda function is called with, or the JSON text of an SQS message.

    Where a rule passes the `detail` on alone, that is read too. Fields that a newer Mailbus adds are left
    out; those that an older one did not know have their defaults. Anything else is an `InvalidEvent` that
    says what to change: the rule, the call, or the version of this package.
    """
    detail = _detail(_decoded(event))
    event_type = detail.get("event_type")
    if not isinstance(event_type, str):
        reason = (
            "not an event of Mailbus (it has no event_type): let the rule pass events on whole, or their "
            "detail alone, without an input transformer"
        )
        raise InvalidEvent(reason)
    if event_type not in _EVENT_TYPES:
        raise InvalidEvent(_newer(f"event_type {event_type[:40]!r}"))
    if (version := detail.get("schema_version", SCHEMA_VERSION)) != SCHEMA_VERSION:
        raise InvalidEvent(_newer(f"schema_version {str(version)[:40]!r}"))
    try:
        return msgspec.convert(detail, _KINDS.get(event_type, EmailEvent))
    except (msgspec.ValidationError, RecursionError) as error:
        wrong = _QUOTED_VALUE.sub("Invalid value", str(error))
        reason = f"not an event of Mailbus ({wrong}): let nothing between the bus and here change events"
        # not "from error": a log would show what was just taken out
        raise InvalidEvent(reason) from None


def _decoded(event: Mapping[str, Any] | str | bytes) -> object:
    if not isinstance(event, str | bytes):
        return event
    try:
        return msgspec.json.decode(event)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        reason = f"not JSON ({error}): pass the body of one message of the rule's queue, as it came"
        raise InvalidEvent(reason) from error


def _detail(whole: object) -> Mapping[str, Any]:
    """Unwrap an event; `detail` may be all that there is."""
    if not isinstance(whole, Mapping):
        reason = f"not an event of Mailbus (a {type(whole).__name__}): pass one event at a time, as an object"
        raise InvalidEvent(reason)
    if "Records" in whole:
        reason = (
            'a batch of a queue or topic, not an event: parse the record["body"] of each of its Records, '
            'from a topic the record["Sns"]["Message"]'
        )
        raise InvalidEvent(reason)
    if (source := whole.get("source", SOURCE)) != SOURCE:
        reason = f"an event of source {str(source)[:40]!r}: let the rule match source {SOURCE!r} alone"
        raise InvalidEvent(reason)
    detail = whole.get("detail", whole)
    if not isinstance(detail, Mapping):
        reason = (
            f"not an event of Mailbus (its detail is a {type(detail).__name__}): pass events on as objects"
        )
        raise InvalidEvent(reason)
    return detail


def _newer(what: str) -> str:
    return (
        f"{what} is unknown to this package, which reads schema_version {SCHEMA_VERSION}: update the package "
        "`mailbus` to the version that is deployed, or let the rule match only the detail-types that it knows"
    )


def event_id(*parts: str | None) -> str:
    """Make an id that is the same whenever the same thing is reported again.

    32 hex digits of SHA-256 over the parts, which have to identify the happening.
    """
    # what json.dumps writes, at a third of its time
    text = ", ".join(["null" if part is None else encode_basestring_ascii(part) for part in parts])
    return hashlib.sha256(f"[{text}]".encode()).hexdigest()[:32]
