"""The feedback notifications of an identity, and where it has them published.

https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html

They tell the same as the events of a configuration set, in another dress: a `notificationType`, who called
and from where, no tags, and the headers only where the identity says so. That SES takes one call on them a
second is not simulated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import msgspec

from mailbus.ses_events import FEEDBACK_TYPES, FeedbackType
from mailbus_local.ses.events import Bounce, Complaint, Delivery, identity_arn, timestamp
from mailbus_local.ses.mime import CommonHeaders, Header, common_headers

if TYPE_CHECKING:
    from mailbus_local.ses.events import Event, Origin
    from mailbus_local.ses.messages import Message

# Where neither a topic nor mail tells them, nobody is told.
FEEDBACK: Final[tuple[FeedbackType, ...]] = ("Bounce", "Complaint")


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """Where notifications of one kind go, and whether with headers."""

    topic: str | None = None
    headers: bool = False


class Attributes(msgspec.Struct, frozen=True, kw_only=True):
    """What an identity has set. `forwarding` tells bounces and complaints by mail, which is not simulated."""

    settings: dict[FeedbackType, Setting] = msgspec.field(
        default_factory=lambda: dict.fromkeys(FEEDBACK_TYPES, Setting())
    )
    forwarding: bool = True

    @property
    def silent(self) -> bool:
        """Whether nobody is told of bounces or of complaints."""
        return not self.forwarding and any(self.settings[kind].topic is None for kind in FEEDBACK)

    def changed(self, kind: FeedbackType, setting: Setting) -> Attributes:
        """Take another setting of one kind."""
        return msgspec.structs.replace(self, settings={**self.settings, kind: setting})


class IdentityNotifications:
    """What identities have set, by their names; whoever set nothing has the defaults."""

    def __init__(self) -> None:
        self._by_identity: dict[str, Attributes] = {}

    def get(self, identity: str) -> Attributes:
        """Find what an identity has set."""
        return self._by_identity.get(identity.lower(), Attributes())

    def put(self, identity: str, attributes: Attributes) -> None:
        """Keep what an identity sets."""
        self._by_identity[identity.lower()] = attributes

    def wanted(self, identity: str, kind: str) -> Setting | None:
        """Find where events of a type are notified; None where they are not."""
        setting = next(
            (self.get(identity).settings[known] for known in FEEDBACK_TYPES if known == kind), None
        )
        return setting if setting is not None and setting.topic is not None else None


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
    """A notification; exactly one of the optional objects is there."""

    notification_type: str
    mail: Mail
    bounce: Bounce | None = None
    complaint: Complaint | None = None
    delivery: Delivery | None = None


class Subscribed(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What SES publishes to a topic when it is set; its guide does not tell of it."""

    notification_type: Literal["AmazonSnsSubscriptionSucceeded"] = "AmazonSnsSubscriptionSucceeded"
    message: str


_ENCODER: Final = msgspec.json.Encoder()


def encode(notification: Notification | Subscribed) -> str:
    """Write a notification as the message of an SNS notification."""
    return _ENCODER.encode(notification).decode()


def make(event: Event, message: Message, origin: Origin, *, headers: bool) -> Notification:
    """Tell as a notification what a bounce, a complaint or a delivery tells as an event."""
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
        source_arn=identity_arn(message, origin),
        source_ip=message.source_ip,
        caller_identity=message.caller,
        sending_account_id=origin.account_id,
        message_id=message.message_id,
        destination=message.recipients,
    )
    if not headers:
        return bare
    shown, truncated = message.headers.shown()
    return msgspec.structs.replace(
        bare,
        headers_truncated=truncated,
        headers=shown,
        common_headers=common_headers(message.headers, message.message_id),
    )


def subscribed(topic: str, kind: FeedbackType, identity: str) -> Subscribed:
    """Greet a topic."""
    return Subscribed(
        message=f"You have successfully subscribed your Amazon SNS topic '{topic}' to receive '{kind}' "
        f"notifications from Amazon SES for identity '{identity}'."
    )
