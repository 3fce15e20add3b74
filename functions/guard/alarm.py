"""Parses the notification that a CloudWatch alarm publishes on an SNS topic."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mailbus.errors import InvalidNotification

if TYPE_CHECKING:
    from collections.abc import Mapping

ALARM: Final = "ALARM"


class Trigger(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """What an alarm watches."""

    metric_name: str
    threshold: float


class Alarm(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """A change of an alarm's state. `new_state_reason` has the values of the metric, in words.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
    """

    alarm_name: str
    new_state_value: str
    new_state_reason: str
    trigger: Trigger


class Delivery(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """A message as SNS hands it to a function, published at `timestamp`.

    https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html
    """

    message: str
    timestamp: datetime


def deliveries(event: Mapping[str, Any]) -> tuple[Delivery, ...]:
    """Return the messages of an event of SNS. Raises `InvalidNotification` for another event."""
    try:
        return tuple(msgspec.convert(record["Sns"], Delivery) for record in event["Records"])
    except (LookupError, TypeError, msgspec.ValidationError) as error:
        reason = f"not an event of SNS ({error}): only the topic of the guard's alarms invokes this function"
        raise InvalidNotification(reason) from error


def parse_alarm(message: str) -> Alarm:
    """Return the alarm of a message. Raises `InvalidNotification` if it is none."""
    try:
        return msgspec.json.decode(message, type=Alarm)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        reason = f"not a notification of an alarm ({error}): only CloudWatch publishes on the guard's topic"
        raise InvalidNotification(reason) from error
