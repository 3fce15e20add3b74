"""The normalized events, which are the `detail` of EventBridge events.

Field names and values are django-anymail's where it has them. Every field is always present; what SES did not
report is null, or an empty list or object.

A consumer reads events with `parse`, and distinguishes them with `match`:

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
# Increased when an existing field changes or is removed; new fields do not change it.
SCHEMA_VERSION = 1
# the SES message tag that carries a job's id through SES and back on every event
JOB_ID_TAG = "mailbus-job-id"
# the SES message tag that distinguishes the messages of a merge: the index of the recipient in its part of
# the job, from 0; "<part>-<index>" if the job has several parts
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


class StoredObject(msgspec.Struct, frozen=True, kw_only=True):
    """An object in S3."""

    bucket: str
    key: str


class EmailEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event of one message for one recipient.

    `esp_event` is SES's own JSON; if the event is too large with it, it is null, and `esp_event_ref` is the
    S3 object that has it.
    """

    event_type: Annotated[EventType, Meta(description="What happened.")]
    event_id: Annotated[
        str,
        Meta(description="The same whenever the same occurrence is reported again: deduplicate by it."),
    ]
    timestamp: Annotated[datetime, Meta(description="When it happened, in UTC.")]
    schema_version: Annotated[
        int, Meta(description="Increases when a field changes or is removed, not when fields are added.")
    ] = SCHEMA_VERSION
    esp_name: Annotated[str, Meta(description="The email service.")] = "Amazon SES"
    message_id: Annotated[str | None, Meta(description="SES's message id.")] = None
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
    """The S3 object with the mail as it was received. `size` is in bytes."""

    bucket: str
    key: str
    size: int | None


class InboundMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A received mail, decoded.

    `recipient_details` has the part after `+` in the local part of envelope recipients. `stripped_text` is
    `text` without quoted text and signature; null if they are not recognized. `automatic` is true if a
    machine sent the mail, or if it asks machines not to answer.
    """

    envelope_sender: Annotated[str | None, Meta(description="The address that the sending server gave.")] = (
        None
    )
    envelope_recipients: Annotated[
        tuple[str, ...], Meta(description="The recipients in the SMTP envelope.")
    ] = ()
    recipient_details: Annotated[
        dict[str, str],
        Meta(description="The part after + in the local part, by address, for addresses that have one."),
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
        Meta(description="The text without quoted text and signature; null if they are not recognized."),
    ] = None
    html: str | None = None
    text_ref: Annotated[
        StoredObject | None,
        Meta(description="The S3 object with the text, if it is too large for the event."),
    ] = None
    html_ref: Annotated[
        StoredObject | None,
        Meta(description="The S3 object with the HTML body, if it is too large for the event."),
    ] = None
    headers: Annotated[
        tuple[tuple[str, str], ...], Meta(description="All headers as [name, value], in order, decoded.")
    ] = ()
    attachments: tuple[StoredPart, ...] = ()
    inlines: tuple[StoredPart, ...] = ()
    auto_submitted: Annotated[str | None, Meta(description="The Auto-Submitted header.")] = None
    automatic: Annotated[
        bool,
        Meta(description="True if it has any sign of an automatic mail: do not answer it automatically."),
    ] = False
    defects: Annotated[tuple[str, ...], Meta(description="What is malformed in the mail.")] = ()


class InboundEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A received mail; `inbound_failed` with a `description` if it could not be read."""

    event_type: Annotated[Literal["inbound", "inbound_failed"], Meta(description="What happened.")]
    event_id: Annotated[
        str,
        Meta(description="The same whenever the same occurrence is reported again: deduplicate by it."),
    ]
    timestamp: Annotated[datetime, Meta(description="When it happened, in UTC.")]
    schema_version: Annotated[
        int, Meta(description="Increases when a field changes or is removed, not when fields are added.")
    ] = SCHEMA_VERSION
    esp_name: Annotated[str, Meta(description="The email service.")] = "Amazon SES"
    message_id: Annotated[str | None, Meta(description="SES's message id.")] = None
    description: Annotated[str | None, Meta(description="What happened, or what to fix, in words.")] = None
    message: Annotated[InboundMessage | None, Meta(description="The mail, decoded.")] = None
    spam_detected: Annotated[
        bool | None,
        Meta(description="SES's spam verdict; null if SES could not decide, or did not scan the mail."),
    ] = None
    spam_verdict: str | None = None
    virus_verdict: str | None = None
    spf_verdict: str | None = None
    dkim_verdict: str | None = None
    dmarc_verdict: str | None = None
    dmarc_policy: str | None = None
    raw: RawMessage | None = None


_EVENT_TYPES: Final = frozenset(get_args(EventType))
# msgspec quotes a value that is not in an enumeration, and it may be an address
_QUOTED_VALUE: Final = re.compile(r"Invalid enum value .*(?= - at `)", re.DOTALL)
_KINDS: Final[Mapping[str, type[EmailEvent | InboundEvent]]] = {
    "inbound": InboundEvent,
    "inbound_failed": InboundEvent,
}


def parse(event: Mapping[str, Any] | str | bytes) -> EmailEvent | InboundEvent:
    """Parse an event of the bus: the event of a Lambda function, or the JSON text of an SQS message.

    The `detail` alone, as a rule may pass it on, is parsed too. Fields that a newer Mailbus added are
    ignored; those that an older one did not have get their defaults. Raises `InvalidEvent` with what to
    change: the rule, the call, or the version of this package.
    """
    detail = _detail(_decoded(event))
    event_type = detail.get("event_type")
    if not isinstance(event_type, str):
        reason = (
            "not an event of Mailbus (it has no event_type): let the rule pass on whole events, or their "
            "detail, without an input transformer"
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
        reason = (
            f"not an event of Mailbus ({wrong}): events must not be changed between the bus and this call"
        )
        # not "from error": a log would show the value that was removed
        raise InvalidEvent(reason) from None


def _decoded(event: Mapping[str, Any] | str | bytes) -> object:
    if not isinstance(event, str | bytes):
        return event
    try:
        return msgspec.json.decode(event)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        reason = f"not JSON ({error}): pass the unchanged body of one message of the rule's queue"
        raise InvalidEvent(reason) from error


def _detail(whole: object) -> Mapping[str, Any]:
    """Return the `detail` of an event, which may be the `detail` itself."""
    if not isinstance(whole, Mapping):
        reason = f"not an event of Mailbus (a {type(whole).__name__}): pass one event at a time, as an object"
        raise InvalidEvent(reason)
    if "Records" in whole:
        reason = (
            'a batch of a queue or topic, not an event; parse the record["body"] of each of its Records, '
            'from a topic the record["Sns"]["Message"]'
        )
        raise InvalidEvent(reason)
    if (source := whole.get("source", SOURCE)) != SOURCE:
        reason = f"an event of source {str(source)[:40]!r}: let the rule match only source {SOURCE!r}"
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
    """Return an event id, which is the same whenever the same occurrence is reported again.

    32 hexadecimal digits of SHA-256 over the parts, which must identify the occurrence.
    """
    # the text that json.dumps writes, in a third of its time
    text = ", ".join(["null" if part is None else encode_basestring_ascii(part) for part in parts])
    return hashlib.sha256(f"[{text}]".encode()).hexdigest()[:32]
