from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest

from mailbus_cli.times import Times, elapsed

AT = datetime(2026, 11, 28, 23, 31, 57, 845_000, tzinfo=UTC)
INDIA = timezone(timedelta(hours=5, minutes=30))


def test_a_time_has_the_offset_of_the_zone() -> None:
    times = Times(INDIA)
    assert times.whole(AT) == "2026-11-29 05:01:57+05:30"
    assert times.day(AT) == "2026-11-29, UTC+05:30"
    assert times.clock(AT) == "05:01:57.845"


def test_utc_is_written_as_such() -> None:
    times = Times.of(utc=True)
    assert (times.whole(AT), times.day(AT)) == ("2026-11-28 23:31:57Z", "2026-11-28, UTC")


def test_a_time_of_whole_seconds_claims_no_milliseconds() -> None:
    assert Times(UTC).clock(AT.replace(microsecond=0)) == "23:31:57"


def test_the_zone_of_this_machine_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    try:
        assert Times.of(utc=False).whole(AT) == "2026-11-29 05:01:57+05:30"
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.536, "0.54 s"),
        (-0.6, "-0.6 s"),
        (12, "12 s"),
        (388, "6 min 28 s"),
        (3_600, "1 h"),
        (86_400, "1 day"),
        (200_000, "2 days 7 h"),
    ],
)
def test_a_time_span_has_the_unit_that_suits_it(seconds: float, text: str) -> None:
    assert elapsed(seconds) == text
