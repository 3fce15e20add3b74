"""The events of sent mail, as SES publishes them to SNS.

https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
What has no value is left out, as in the guide's examples; so are the headers of a rendering failure and
of a delivery delay.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import structs

from mailbus_local.ses.messages import Message, new_id
from mailbus_local.ses.mime import CommonHeaders, Header, common_headers

OUTGOING_IP: Final = "192.0.2.53"
OUTGOING_HOST: Final = "a53-2.smtp-out.amazonses.com"
PROCESSING_MILLIS: Final = 42
DELAY_HOURS: Final = 14
BROWSER: Final = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/142.0.0.0 Safari/537.36"
)
UNKNOWN_USER: Final = "smtp; 550 5.1.1 user unknown"
SUPPRESSED: Final = (
    "Amazon SES has suppressed sending to this address because it has a recent history of bouncing as an "
    "invalid address. For more information about how to remove an address from the suppression list, see the "
    "Amazon SES Developer Guide: "
    "http://docs.aws.amazon.com/ses/latest/DeveloperGuide/remove-from-suppressionlist.html"
)


class _Camel(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """How SES writes its JSON."""


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
    """An empty object."""


class Reject(_Camel, frozen=True, kw_only=True):
    """A refusal after acceptance."""

    reason: str


class Open(_Camel, frozen=True, kw_only=True):
    """An open."""

    ip_address: str
    timestamp: str
    user_agent: str
    is_bot_event: str


class Click(_Camel, frozen=True, kw_only=True):
    """A click. SES writes null for a link without tags."""

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
    """What a contact wants."""

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
    """An event; exactly one of the optional objects is there."""

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


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Whose events these are."""

    region: str
    account_id: str


class Wanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An event asked for on the control side; what is left out gets a usual value."""

    event_type: str
    recipient: str | None = None
    recipients: tuple[str, ...] = ()
    include_headers: bool | None = None
    user_agent: str | None = None
    ip_address: str = "198.51.100.7"
    is_bot_event: Literal["Likely", "Unlikely"] = "Unlikely"
    link: str = "https://www.example.com/"
    link_tags: dict[str, tuple[str, ...]] | None = None
    bounce_type: Literal["Undetermined", "Permanent", "Transient"] = "Permanent"
    bounce_sub_type: str = "General"
    action: str = "failed"
    status: str | None = None
    diagnostic_code: str | None = None
    feedback_type: str | None = "abuse"
    complaint_sub_type: str | None = None
    reason: str = "Bad content"
    smtp_response: str = "250 2.0.0 OK"
    processing_time_millis: Annotated[int, msgspec.Meta(ge=0)] = PROCESSING_MILLIS
    delay_type: str = "TransientCommunicationFailure"
    template_name: str = "MyTemplate"
    error_message: str = "Attribute 'attributeName' is not present in the rendering data."
    contact_list: str = "ContactListName"
    topic: str = "ExampleTopicName"
    subscription_source: str = "UnsubscribeHeader"
    unsubscribe_all: bool = True
    subscription_status: Literal["OptIn", "OptOut"] = "OptOut"


def timestamp(moment: float) -> str:
    """Write epoch seconds as SES writes times: UTC, milliseconds, `Z`."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def identity_arn(message: Message, origin: Origin) -> str:
    """Name the identity that a message was sent by."""
    return f"arn:aws:ses:{origin.region}:{origin.account_id}:identity/{message.identity}"


def encode(event: Event) -> str:
    """Write an event as the message of an SNS notification."""
    return _ENCODER.encode(event).decode()


def decoded(event: Event) -> Any:
    """Turn an event into plain JSON values."""
    return msgspec.to_builtins(event)


_ENCODER: Final = msgspec.json.Encoder()
_HEADERLESS: Final = frozenset({"Rendering Failure", "DeliveryDelay"})
_STATUS: Final = {"Permanent": "5.1.1", "Transient": "4.2.2", "Undetermined": "5.0.0"}
_DIAGNOSTIC: Final = {
    "Permanent": UNKNOWN_USER,
    "Transient": "smtp; 452 4.2.2 mailbox full",
    "Undetermined": "smtp; 550 5.0.0 undetermined",
}


def make(message: Message, origin: Origin, moment: float, wanted: Wanted) -> Event:
    """Make an event about a message; times are epoch seconds, `event_type` is spelled as SES does."""
    kind = wanted.event_type
    recipients = (wanted.recipient,) if wanted.recipient else wanted.recipients or message.recipients
    mail = _mail(kind, message, origin, include_headers=wanted.include_headers)
    now = timestamp(moment)
    bare = Event(event_type=kind, mail=mail)
    match kind:
        case "Delivery":
            made = structs.replace(bare, delivery=_delivery(recipients, now, wanted))
        case "Bounce":
            made = structs.replace(bare, bounce=_bounce(recipients, now, moment, wanted))
        case "Complaint":
            made = structs.replace(bare, complaint=_complaint(recipients, now, moment, wanted))
        case "Reject":
            made = structs.replace(bare, reject=Reject(reason=wanted.reason))
        case "Open":
            made = structs.replace(bare, open=_open(now, wanted))
        case "Click":
            made = structs.replace(bare, click=_click(now, wanted))
        case "Rendering Failure":
            made = structs.replace(bare, failure=_failure(wanted))
        case "DeliveryDelay":
            made = structs.replace(bare, delivery_delay=_delay(recipients, moment, wanted))
        case "Subscription":
            made = structs.replace(bare, subscription=_subscription(now, wanted))
        case _:
            made = structs.replace(bare, send=Send())
    return made


def _mail(kind: str, message: Message, origin: Origin, *, include_headers: bool | None) -> Mail:
    headers = message.headers
    if message.templated and kind == "Send":
        # a template is rendered after the Send event, so its subject is not known yet
        headers = headers.without("subject")
    tags: dict[str, tuple[str, ...]] = {
        "ses:source-tls-version": ("TLSv1.3",),
        "ses:operation": (message.operation,),
        "ses:configuration-set": (message.configuration_set or "",),
        "ses:source-ip": (message.source_ip,),
        "ses:from-domain": (message.from_domain,),
        "ses:caller-identity": (message.caller,),
        **{tag.name: (tag.value,) for tag in message.tags},
    }
    if kind == "Delivery":
        tags |= {"ses:outgoing-ip": (OUTGOING_IP,), "ses:outgoing-tls-version": ("TLSv1.3",)}
    shown, truncated = headers.shown()
    bare = kind in _HEADERLESS if include_headers is None else not include_headers
    return Mail(
        timestamp=timestamp(message.accepted_at),
        source=message.source,
        source_arn=identity_arn(message, origin),
        sending_account_id=origin.account_id,
        message_id=message.message_id,
        destination=message.recipients,
        headers_truncated=truncated,
        headers=() if bare else shown,
        common_headers=None if bare else common_headers(headers, message.message_id),
        tags=tags,
    )


def _delivery(recipients: tuple[str, ...], now: str, wanted: Wanted) -> Delivery:
    return Delivery(
        timestamp=now,
        processing_time_millis=wanted.processing_time_millis,
        recipients=recipients,
        smtp_response=wanted.smtp_response,
        reporting_mta=OUTGOING_HOST,
        remote_mta_ip="192.0.2.25",
    )


def _bounce(recipients: tuple[str, ...], now: str, moment: float, wanted: Wanted) -> Bounce:
    kind = wanted.bounce_type
    return Bounce(
        bounce_type=kind,
        bounce_sub_type=wanted.bounce_sub_type,
        bounced_recipients=tuple(
            Recipient(
                email_address=recipient,
                action=wanted.action,
                status=wanted.status or _STATUS[kind],
                diagnostic_code=wanted.diagnostic_code or _DIAGNOSTIC[kind],
            )
            for recipient in recipients
        ),
        timestamp=now,
        feedback_id=new_id(moment),
        reporting_mta=f"dsn; {OUTGOING_HOST}",
        remote_mta_ip="192.0.2.25",
    )


def _complaint(recipients: tuple[str, ...], now: str, moment: float, wanted: Wanted) -> Complaint:
    return Complaint(
        complained_recipients=tuple(Recipient(email_address=recipient) for recipient in recipients),
        timestamp=now,
        feedback_id=new_id(moment),
        complaint_sub_type=wanted.complaint_sub_type,
        user_agent=wanted.user_agent or "Amazon SES Mailbox Simulator",
        complaint_feedback_type=wanted.feedback_type,
        arrival_date=now,
    )


def _open(now: str, wanted: Wanted) -> Open:
    return Open(
        ip_address=wanted.ip_address,
        timestamp=now,
        user_agent=wanted.user_agent or BROWSER,
        is_bot_event=wanted.is_bot_event,
    )


def _click(now: str, wanted: Wanted) -> Click:
    return Click(
        ip_address=wanted.ip_address,
        timestamp=now,
        user_agent=wanted.user_agent or BROWSER,
        is_bot_event=wanted.is_bot_event,
        link=wanted.link,
        link_tags=wanted.link_tags,
    )


def _failure(wanted: Wanted) -> Failure:
    return Failure(template_name=wanted.template_name, error_message=wanted.error_message)


def _delay(recipients: tuple[str, ...], moment: float, wanted: Wanted) -> DeliveryDelay:
    expires = datetime.fromtimestamp(moment, UTC) + timedelta(hours=DELAY_HOURS)
    return DeliveryDelay(
        timestamp=timestamp(moment),
        delay_type=wanted.delay_type,
        expiration_time=timestamp(expires.timestamp()),
        delayed_recipients=tuple(
            Recipient(
                email_address=recipient,
                status=wanted.status or "4.4.1",
                diagnostic_code=wanted.diagnostic_code or "smtp; 421 4.4.1 Unable to connect to remote host",
            )
            for recipient in recipients
        ),
        reporting_mta=OUTGOING_HOST,
    )


def _subscription(now: str, wanted: Wanted) -> Subscription:
    status = wanted.subscription_status
    before = "OptIn" if status == "OptOut" else "OptOut"
    return Subscription(
        contact_list=wanted.contact_list,
        timestamp=now,
        source=wanted.subscription_source,
        new_topic_preferences=Preferences(
            unsubscribe_all=wanted.unsubscribe_all,
            topic_subscription_status=(TopicStatus(topic_name=wanted.topic, subscription_status=status),),
        ),
        old_topic_preferences=Preferences(
            unsubscribe_all=False,
            topic_subscription_status=(TopicStatus(topic_name=wanted.topic, subscription_status=before),),
        ),
    )
