from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbus.aws.sns import parse_notification
from tests.unit.tracking.notifications import (
    SNS_TIME,
    envelope,
    only,
    payload,
)
from tracking.timestamps import second_key, time_and_key, timestamp_key

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
SNS = parse_notification(envelope("{}"))
SNS_MOMENT = datetime.fromisoformat(SNS_TIME)


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-11-20T09:31:57.604Z", datetime(2026, 11, 20, 9, 31, 57, 604000, UTC)),
        ("2026-11-20T09:31:57Z", datetime(2026, 11, 20, 9, 31, 57, 0, UTC)),
        ("2026-11-20T09:31:57", datetime(2026, 11, 20, 9, 31, 57, 0, UTC)),
        ("2026-11-20T10:31:57+01:00", datetime(2026, 11, 20, 9, 31, 57, 0, UTC)),
        ("0001-01-01T00:00:00+14:00", SNS_MOMENT),
        ("yesterday", SNS_MOMENT),
        (1763630045, SNS_MOMENT),
        (None, SNS_MOMENT),
    ],
)
def test_the_time_is_the_events_own_in_utc_or_snss(written: object, moment: datetime) -> None:
    opened = payload("event_open")
    opened["open"]["timestamp"] = written
    event = only(opened)
    assert event.timestamp == moment
    assert event.timestamp.tzinfo is UTC


@given(
    st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1)),  # noqa: DTZ001 - the zone follows
    st.integers(-14 * 60, 14 * 60),
)
def test_a_moment_has_one_key_in_every_time_zone(moment: datetime, minutes: int) -> None:
    moment = moment.replace(tzinfo=UTC)
    elsewhere = moment.astimezone(timezone(timedelta(minutes=minutes)))
    for key in (timestamp_key, second_key):
        assert time_and_key(elsewhere, SNS, key) == time_and_key(moment, SNS, key) == (moment, key(moment))


def test_a_key_does_not_depend_on_how_precisely_a_time_is_written() -> None:
    assert timestamp_key(NOON) == "2026-11-20T12:00:00.000+00:00"
    assert timestamp_key(NOON.replace(microsecond=604_000)) == "2026-11-20T12:00:00.604+00:00"
    assert timestamp_key(NOON.replace(microsecond=604_499)) == timestamp_key(
        NOON.replace(microsecond=604_000)
    )
