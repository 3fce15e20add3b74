from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.unit.tracking.notifications import (
    SNS_TIME,
    only,
    payload,
)

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
