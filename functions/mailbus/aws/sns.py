"""Parses the envelope in which SNS puts a notification on an SQS queue (raw delivery off)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

import msgspec

from mailbus.errors import InvalidNotification


class Notification(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """An SNS notification. `message` is what was published, here SES's JSON; `timestamp` is UTC."""

    message_id: str
    topic_arn: str
    message: str
    timestamp: datetime
    type: str = "Notification"


# The other types that SNS puts on a queue. Any other value may be anybody's text, and is not quoted.
# https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
_OTHER_TYPES: Final = frozenset({"SubscriptionConfirmation", "UnsubscribeConfirmation"})
_TOPIC_ARN: Final = re.compile(r"arn:[a-z-]{1,20}:sns:[a-z0-9-]{1,30}:[0-9]{12}:[A-Za-z0-9_.-]{1,256}")
_DECODER = msgspec.json.Decoder(Notification)


def parse_notification(body: str) -> Notification:
    """Parse an SQS message body; anything but an SNS notification is an `InvalidNotification`."""
    try:
        notification = _DECODER.decode(body)
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError) as error:
        reason = (
            f"not an SNS notification: {error}; deliver to this queue from an SNS topic, raw delivery off"
        )
        raise InvalidNotification(reason) from error
    if notification.type != "Notification":
        kind = notification.type if notification.type in _OTHER_TYPES else "unknown to SNS"
        reason = f"SNS type {kind} from {_topic(notification)}: only Notification is processed"
        raise InvalidNotification(reason)
    if notification.timestamp.tzinfo is None:
        reason = f"SNS Timestamp without a time zone from {_topic(notification)}: SNS writes UTC"
        raise InvalidNotification(reason)
    if notification.timestamp.tzinfo is UTC:
        return notification
    try:
        moment = notification.timestamp.astimezone(UTC)
    except OverflowError as error:
        reason = f"SNS Timestamp out of range from {_topic(notification)}: {error}"
        raise InvalidNotification(reason) from error
    return msgspec.structs.replace(notification, timestamp=moment)


def _topic(notification: Notification) -> str:
    return notification.topic_arn if _TOPIC_ARN.fullmatch(notification.topic_arn) else "what is no topic"
