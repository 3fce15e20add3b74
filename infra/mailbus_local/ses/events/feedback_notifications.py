"""The feedback notifications of an identity.

https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html

They report the same as the events of a configuration set, but have a `notificationType`, the caller and its
address, no tags, and headers only if the identity includes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import msgspec

from mailbus_local.ses.events.shapes import Bounce, Complaint, Delivery, Event
from mailbus_local.ses.formats import Origin, identity_arn, timestamp
from mailbus_local.ses.mime import CommonHeaders, Header, common_headers

if TYPE_CHECKING:
    from mailbus.ses_events import FeedbackType
    from mailbus_local.ses.state.messages import Message


class Mail(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The message that a notification is about."""

    timestamp: str
    source: str
    source_arn: str
    source_ip: str
    caller_identity: str
    sending_account_id: str
    message_id: str
    destination: tuple[str, ...]
    headers_truncated: bool | None = None
    headers: tuple[Header, ...] = ()
    common_headers: CommonHeaders | None = None


class Notification(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A notification; exactly one of the optional objects is set."""

    notification_type: str
    mail: Mail
    bounce: Bounce | None = None
    complaint: Complaint | None = None
    delivery: Delivery | None = None


class SubscriptionSucceeded(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What SES publishes to a topic when it is set. Its guide does not document it."""

    notification_type: Literal["AmazonSnsSubscriptionSucceeded"] = "AmazonSnsSubscriptionSucceeded"
    message: str


_ENCODER: Final = msgspec.json.Encoder()


def encode_notification(notification: Notification | SubscriptionSucceeded) -> str:
    """Return the JSON of a notification, to be published to SNS."""
    return _ENCODER.encode(notification).decode()


def build_notification(event: Event, message: Message, origin: Origin, *, headers: bool) -> Notification:
    """Return the notification of a bounce, a complaint or a delivery."""
    return Notification(
        notification_type=event.event_type,
        mail=_mail(message, origin, headers=headers),
        bounce=event.bounce,
        complaint=event.complaint,
        delivery=event.delivery,
    )


def _mail(message: Message, origin: Origin, *, headers: bool) -> Mail:
    bare = Mail(
        timestamp=timestamp(message.accepted_at),
        source=message.source,
        source_arn=identity_arn(message.identity, origin),
        source_ip=message.source_ip,
        caller_identity=message.caller,
        sending_account_id=origin.account_id,
        message_id=message.message_id,
        destination=message.recipients,
    )
    if not headers:
        return bare
    included, truncated = message.headers.truncated()
    return msgspec.structs.replace(
        bare,
        headers_truncated=truncated,
        headers=included,
        common_headers=common_headers(message.headers, message.message_id),
    )


def subscription_succeeded(
    topic: str, notification_type: FeedbackType, identity: str
) -> SubscriptionSucceeded:
    """Return the message that SES publishes to a topic when it is set."""
    return SubscriptionSucceeded(
        message=f"You have successfully subscribed your Amazon SNS topic '{topic}' to receive "
        f"'{notification_type}' notifications from Amazon SES for identity '{identity}'."
    )
