"""Builds the events of a message.

Events of a rendering failure and of a delivery delay have no headers, as in the guide's examples:
https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-examples.html
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final, Literal

import msgspec
from msgspec import structs

from mailbus_local.ses.events.shapes import (
    Bounce,
    Click,
    Complaint,
    Delivery,
    DeliveryDelay,
    Event,
    Failure,
    Mail,
    Open,
    Preferences,
    Recipient,
    Reject,
    Send,
    Subscription,
    TopicStatus,
)
from mailbus_local.ses.formats import Origin, identity_arn, new_message_id, timestamp
from mailbus_local.ses.mime import common_headers

if TYPE_CHECKING:
    from mailbus_local.ses.state.messages import Message

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
# https://repost.aws/knowledge-center/ses-suppression-list-sending-quota
SUPPRESSED_BY_ACCOUNT: Final = (
    "Amazon SES did not send the message to this address because it is on the suppression list for your "
    "account. For more information about removing addresses from the suppression list, see the Amazon SES "
    "Developer Guide at https://docs.aws.amazon.com/ses/latest/DeveloperGuide/sending-email-suppression-list.html"
)
ON_ACCOUNT_LIST: Final = "OnAccountSuppressionList"


class EventRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fields of an event; those left out have usual values.

    A bounce is made of a report of the recipient's server, or `with_report` false of a mail that is none.
    """

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
    with_report: bool = True
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


_WITHOUT_HEADERS: Final = frozenset({"Rendering Failure", "DeliveryDelay"})
_STATUS: Final = {"Permanent": "5.1.1", "Transient": "4.2.2", "Undetermined": "5.0.0"}
_DIAGNOSTIC: Final = {
    "Permanent": UNKNOWN_USER,
    "Transient": "smtp; 452 4.2.2 mailbox full",
    "Undetermined": "smtp; 550 5.0.0 undetermined",
}


def build_event(message: Message, origin: Origin, moment: float, request: EventRequest) -> Event:
    """Return an event of a message. `moment` is in epoch seconds, `event_type` has SES's spelling."""
    event_type = request.event_type
    recipients = (request.recipient,) if request.recipient else request.recipients or message.recipients
    mail = _mail(event_type, message, origin, include_headers=request.include_headers)
    now = timestamp(moment)
    base = Event(event_type=event_type, mail=mail)
    match event_type:
        case "Delivery":
            event = structs.replace(base, delivery=_delivery(recipients, now, request))
        case "Bounce":
            event = structs.replace(base, bounce=_bounce(recipients, now, moment, request))
        case "Complaint":
            event = structs.replace(base, complaint=_complaint(recipients, now, moment, request))
        case "Reject":
            event = structs.replace(base, reject=Reject(reason=request.reason))
        case "Open":
            event = structs.replace(base, open=_open(now, request))
        case "Click":
            event = structs.replace(base, click=_click(now, request))
        case "Rendering Failure":
            event = structs.replace(base, failure=_failure(request))
        case "DeliveryDelay":
            event = structs.replace(base, delivery_delay=_delay(recipients, moment, request))
        case "Subscription":
            event = structs.replace(base, subscription=_subscription(now, request))
        case _:
            event = structs.replace(base, send=Send())
    return event


def _mail(event_type: str, message: Message, origin: Origin, *, include_headers: bool | None) -> Mail:
    headers = message.headers
    if message.templated and event_type == "Send":
        # SES renders a template after the Send event, which therefore has no subject.
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
    if event_type == "Delivery":
        tags |= {"ses:outgoing-ip": (OUTGOING_IP,), "ses:outgoing-tls-version": ("TLSv1.3",)}
    included, truncated = headers.truncated()
    omits_headers = event_type in _WITHOUT_HEADERS if include_headers is None else not include_headers
    return Mail(
        timestamp=timestamp(message.accepted_at),
        source=message.source,
        source_arn=identity_arn(message.identity, origin),
        sending_account_id=origin.account_id,
        message_id=message.message_id,
        destination=message.recipients,
        headers_truncated=truncated,
        headers=() if omits_headers else included,
        common_headers=None if omits_headers else common_headers(headers, message.message_id),
        tags=tags,
    )


def _delivery(recipients: tuple[str, ...], now: str, request: EventRequest) -> Delivery:
    return Delivery(
        timestamp=now,
        processing_time_millis=request.processing_time_millis,
        recipients=recipients,
        smtp_response=request.smtp_response,
        reporting_mta=OUTGOING_HOST,
        remote_mta_ip="192.0.2.25",
    )


def _bounce(recipients: tuple[str, ...], now: str, moment: float, request: EventRequest) -> Bounce:
    event_type = request.bounce_type
    if not request.with_report:
        # only from some mails SES can tell the recipient
        named = () if event_type == "Undetermined" else recipients
        return Bounce(
            bounce_type=event_type,
            bounce_sub_type="Undetermined" if event_type == "Undetermined" else request.bounce_sub_type,
            bounced_recipients=tuple(Recipient(email_address=recipient) for recipient in named),
            timestamp=now,
            feedback_id=new_message_id(moment),
        )
    return Bounce(
        bounce_type=event_type,
        bounce_sub_type=request.bounce_sub_type,
        bounced_recipients=tuple(
            Recipient(
                email_address=recipient,
                action=request.action,
                status=request.status or _STATUS[event_type],
                diagnostic_code=request.diagnostic_code or _DIAGNOSTIC[event_type],
            )
            for recipient in recipients
        ),
        timestamp=now,
        feedback_id=new_message_id(moment),
        reporting_mta=f"dsn; {OUTGOING_HOST}",
        remote_mta_ip="192.0.2.25",
    )


def _complaint(recipients: tuple[str, ...], now: str, moment: float, request: EventRequest) -> Complaint:
    return Complaint(
        complained_recipients=tuple(Recipient(email_address=recipient) for recipient in recipients),
        timestamp=now,
        feedback_id=new_message_id(moment),
        complaint_sub_type=request.complaint_sub_type,
        user_agent=request.user_agent or "Amazon SES Mailbox Simulator",
        complaint_feedback_type=request.feedback_type,
        arrival_date=now,
    )


def _open(now: str, request: EventRequest) -> Open:
    return Open(
        ip_address=request.ip_address,
        timestamp=now,
        user_agent=request.user_agent or BROWSER,
        is_bot_event=request.is_bot_event,
    )


def _click(now: str, request: EventRequest) -> Click:
    return Click(
        ip_address=request.ip_address,
        timestamp=now,
        user_agent=request.user_agent or BROWSER,
        is_bot_event=request.is_bot_event,
        link=request.link,
        link_tags=request.link_tags,
    )


def _failure(request: EventRequest) -> Failure:
    return Failure(template_name=request.template_name, error_message=request.error_message)


def _delay(recipients: tuple[str, ...], moment: float, request: EventRequest) -> DeliveryDelay:
    expires = datetime.fromtimestamp(moment, UTC) + timedelta(hours=DELAY_HOURS)
    return DeliveryDelay(
        timestamp=timestamp(moment),
        delay_type=request.delay_type,
        expiration_time=timestamp(expires.timestamp()),
        delayed_recipients=tuple(
            Recipient(
                email_address=recipient,
                status=request.status or "4.4.1",
                diagnostic_code=request.diagnostic_code or "smtp; 421 4.4.1 Unable to connect to remote host",
            )
            for recipient in recipients
        ),
        reporting_mta=OUTGOING_HOST,
    )


def _subscription(now: str, request: EventRequest) -> Subscription:
    status = request.subscription_status
    before = "OptIn" if status == "OptOut" else "OptOut"
    return Subscription(
        contact_list=request.contact_list,
        timestamp=now,
        source=request.subscription_source,
        new_topic_preferences=Preferences(
            unsubscribe_all=request.unsubscribe_all,
            topic_subscription_status=(TopicStatus(topic_name=request.topic, subscription_status=status),),
        ),
        old_topic_preferences=Preferences(
            unsubscribe_all=False,
            topic_subscription_status=(TopicStatus(topic_name=request.topic, subscription_status=before),),
        ),
    )
