"""The envelope in which SNS puts a notification on an SQS queue (raw delivery off)."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from mailbus.errors import InvalidNotification


class Notification(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """An SNS notification. `message` is what the publisher sent, here SES's JSON; `timestamp` is UTC."""

    message_id: str
    topic_arn: str
    message: str
    timestamp: datetime
    type: str = "Notification"


_DECODER = msgspec.json.Decoder(Notification)


def parse_notification(body: str) -> Notification:
    """Read an SQS message body; anything but an SNS notification is an `InvalidNotification`."""
    try:
        notification = _DECODER.decode(body)
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError) as error:
        reason = (
            f"not an SNS notification: {error}; deliver to this queue from an SNS topic, raw delivery off"
        )
        raise InvalidNotification(reason) from error
    if notification.type != "Notification":
        reason = (
            f"SNS type {notification.type!r} from {notification.topic_arn}: only Notification is processed"
        )
        raise InvalidNotification(reason)
    if notification.timestamp.tzinfo is None:
        reason = f"SNS Timestamp without a time zone from {notification.topic_arn}: SNS writes UTC"
        raise InvalidNotification(reason)
    if notification.timestamp.tzinfo is UTC:
        return notification
    try:
        moment = notification.timestamp.astimezone(UTC)
    except OverflowError as error:
        reason = f"SNS Timestamp out of range from {notification.topic_arn}: {error}"
        raise InvalidNotification(reason) from error
    return msgspec.structs.replace(notification, timestamp=moment)
