"""The times of SES's JSON: in UTC, and as they are part of event ids."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailbus.aws.sns import Notification

_ENCODER: Final = msgspec.json.Encoder()


def timestamp_key(moment: datetime) -> str:
    """Return a time in UTC as part of an event id: in milliseconds, whatever its precision."""
    # isoformat takes six times as long
    return f"{_ENCODER.encode(moment)[1:20].decode()}.{moment.microsecond // 1000:03}+00:00"


def second_key(moment: datetime) -> str:
    """Return a time in UTC as part of an event id, without the fraction of its second."""
    return f"{_ENCODER.encode(moment)[1:20].decode()}.000+00:00"


def utc(moment: datetime | None) -> datetime | None:
    """Return a time in UTC, None if it is missing or out of range."""
    if moment is None or moment.tzinfo is UTC:
        return moment
    if moment.tzinfo is None:
        # old feedback notifications leave the zone out; all of SES's times are UTC
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return None


def time_and_key(
    moment: datetime | None,
    envelope: Notification,
    key: Callable[[datetime], str] = timestamp_key,
) -> tuple[datetime, str]:
    """Return an event's time and its key for event ids.

    They are SES's own; without one, SNS's time and SNS's message id.
    """
    at = utc(moment)
    return (envelope.timestamp, envelope.message_id) if at is None else (at, key(at))
