from __future__ import annotations

from datetime import UTC, datetime, timedelta

from mailbus_cli.pace import Pace
from mailbus_cli.room.chart import chart, sparkline

UNTIL = datetime(2026, 11, 29, 14, 30, tzinfo=UTC)


def pace(*rates: float) -> Pace:
    return Pace(until=UNTIL, step=200, rates=rates)


def test_the_limit_has_room_above_it_and_the_pace_is_below() -> None:
    drawn = chart(pace(0, 7, 14), 14)
    assert drawn.limit_y == 20.0
    assert drawn.line == "0,100 50,60 100,20"
    assert drawn.area == "0,100 0,100 50,60 100,20 100,100"
    assert [(tick.label, tick.y) for tick in drawn.ticks] == [("0", 100), ("5", 71.43), ("10", 42.86)]


def test_a_line_of_the_grid_says_the_value_that_it_stands_at() -> None:
    assert [tick.label for tick in chart(pace(0, 1), 1).ticks] == ["0", "0.25", "0.5", "0.75"]
    assert [tick.label for tick in chart(pace(0, 5000), 5000).ticks] == ["0", "1,000", "2,000", "3,000"]


def test_a_limit_far_above_the_pace_is_not_drawn_so_that_the_pace_is_seen() -> None:
    drawn = chart(pace(0, 4, 2), 200)
    assert (drawn.limit_y, drawn.line) == (None, "0,100 50,20 100,60")
    assert chart(pace(0, 0), 200).limit_y == 20.0


def test_without_a_known_limit_the_pace_is_drawn_alone() -> None:
    assert (chart(pace(0, 8), None).limit_y, chart(pace(0, 8), None).line) == (None, "0,100 100,20")
    assert chart(pace(0, 0), None).line == "0,100 100,100"


def test_a_pace_above_the_limit_stays_within_the_chart() -> None:
    drawn = chart(pace(28, 14), 14)
    assert (drawn.line, drawn.limit_y) == ("0,20 100,60", 60.0)


def test_the_times_are_evenly_spread_and_end_now() -> None:
    times = chart(pace(1, 2, 3), 14).times
    assert [(time.x, time.at) for time in times] == [
        (0.0, UNTIL - timedelta(minutes=10)),
        (33.33, UNTIL - timedelta(minutes=6, seconds=40)),
        (66.67, UNTIL - timedelta(minutes=3, seconds=20)),
        (100.0, None),
    ]


def test_an_empty_series_and_a_small_one() -> None:
    assert (chart(pace(), 14).line, chart(pace(), 14).area) == ("", "")
    small = sparkline(pace(*[0.0] * 99, 14.0), 14)
    assert (small.line.split()[-2:], small.limit_y) == (["97.44,100", "100,20"], 20.0)
    assert len(small.line.split()) == 40
    assert sparkline(pace(0.0, 1.0), 14).limit_y is None
