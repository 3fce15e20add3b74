"""The geometry of the chart of the pace: points in a square of 100, which the page stretches."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from mailbus_cli.pace import Pace

# How far up the limit is drawn, so that its label has room.
HEADROOM: Final = 1.25
# A limit so many times the highest rate is left out: the pace would be a line at the bottom.
FAR: Final = 8.0
TICKS: Final = 3
TIMES: Final = 4
_STEPS: Final = (1.0, 2.0, 2.5, 5.0, 10.0)
#: Of the sparkline, in points of its square.
SPARK_POINTS: Final = 40


class Tick(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the grid: its value in digits, and its place from the top, in percent."""

    label: str
    y: float


class Time(msgspec.Struct, frozen=True, kw_only=True):
    """A time below the chart: its place from the left, in percent; None for the last, which is now."""

    x: float
    at: datetime | None


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """Points as SVG has them. `limit_y` is None if the limit is not known, or too far up to be drawn."""

    line: str
    area: str
    limit_y: float | None
    ticks: tuple[Tick, ...]
    times: tuple[Time, ...]


def chart(pace: Pace, limit: float | None) -> Chart:
    """Return the chart of a pace below the account's rate; None if that is not known."""
    top, is_near = _top(pace, limit or pace.most)
    points = _points(pace.rates, top)
    line = " ".join(points)
    step = _step(top / (TICKS + 0.5))
    # those above have nothing beside them
    values = [step * number for number in range(TICKS + 1) if step * number <= top / HEADROOM]
    span = (pace.until - pace.since) / (TIMES - 1)
    times = tuple(
        Time(x=_round(100 * number / (TIMES - 1)), at=pace.since + span * number)
        for number in range(TIMES - 1)
    )
    return Chart(
        line=line,
        area=f"0,100 {line} 100,100" if points else "",
        limit_y=_y(limit, top) if is_near and limit else None,
        # whole: a value that is rounded would not be where it stands
        ticks=tuple(Tick(label=f"{value:,.10g}", y=_y(value, top)) for value in values),
        times=(*times, Time(x=100.0, at=None)),
    )


class Sparkline(msgspec.Struct, frozen=True, kw_only=True):
    """A small chart of the newest rates, as `Chart`."""

    line: str
    limit_y: float | None


def sparkline(pace: Pace, limit: float) -> Sparkline:
    """Return the small chart of a pace below the account's rate."""
    top, is_near = _top(pace, limit)
    line = " ".join(_points(pace.rates[-SPARK_POINTS:], top))
    return Sparkline(line=line, limit_y=_y(limit, top) if is_near else None)


def _top(pace: Pace, limit: float) -> tuple[float, bool]:
    """Return the rate at the upper edge, and whether the limit is below it."""
    is_near = not pace.most or limit <= pace.most * FAR
    highest = max(pace.most, limit) if is_near else pace.most
    return (highest or 1.0) * HEADROOM, is_near


def _points(rates: tuple[float, ...], top: float) -> list[str]:
    last = max(len(rates) - 1, 1)
    return [f"{_round(100 * at / last):g},{_y(rate, top):g}" for at, rate in enumerate(rates)]


def _y(rate: float, top: float) -> float:
    return _round(100 - 100 * rate / top)


def _round(value: float) -> float:
    return round(value, 2)


def _step(about: float) -> float:
    """Return the round number at or below: of 1, 2, 2.5 and 5 with zeros."""
    power = 1.0
    while power > about:
        power /= 10
    while power * 10 <= about:
        power *= 10
    return max(step * power for step in _STEPS if step * power <= about)
