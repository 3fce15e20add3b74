"""How fast SES takes mail, against the account's limits: a series of rates, and the quota of 24 hours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Of a point of the laptop's series, and of the series.
STEP_SECONDS: Final = 5
SHOWN_SECONDS: Final = 600
#: Of a point of an account's series: SES's metrics come some minutes late, and not each minute.
PERIOD: Final = 300
LOOKS_BACK: Final = timedelta(hours=3)
# Periods for which CloudWatch may have nothing yet, while mail is sent.
LATE_PERIODS: Final = 2
UNLIMITED: Final = -1.0
WARNS_AT: Final = 0.8
# Beyond that, how long the quota lasts is of no interest: older mail leaves the window.
SOON: Final = timedelta(hours=12)
# Where SES begins to review an account:
# https://docs.aws.amazon.com/ses/latest/dg/reputationdashboardmessages.html
BOUNCE_REVIEW: Final = 0.05
COMPLAINT_REVIEW: Final = 0.001


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """Recipients a second, for spans of `step` seconds of which the last one ended at `until`, oldest first.

    `throttled` counts the messages that SES refused for their rate in that time; None if that is unknown.
    """

    until: datetime
    step: int
    rates: tuple[float, ...]
    throttled: int | None = None

    @property
    def now(self) -> float:
        """The rate of the last span."""
        return self.rates[-1] if self.rates else 0.0

    @property
    def most(self) -> float:
        """The highest rate."""
        return max(self.rates, default=0.0)

    @property
    def since(self) -> datetime:
        """When the first span began."""
        return self.until - timedelta(seconds=self.step * len(self.rates))


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The account's limits, in recipients, and what SES thinks of it; `most` is -1 without a limit."""

    rate: float
    most: float
    used: float
    is_enabled: bool = True

    @property
    def left(self) -> float | None:
        """How many recipients are left of the quota; None if there is no limit."""
        return None if self.most == UNLIMITED else max(0.0, self.most - self.used)

    @property
    def share(self) -> float:
        """The part of the quota that is used, 0 to 1."""
        if self.most == UNLIMITED:
            return 0.0
        return min(1.0, self.used / self.most) if self.most else 1.0


class Reputation(msgspec.Struct, frozen=True, kw_only=True):
    """The rates that SES measures, 0 to 1; None where it has measured none."""

    bounces: float | None = None
    complaints: float | None = None


def of_seconds(answer: Mapping[str, Any]) -> Pace:
    """Return the pace by the counts of the simulated SES, `GET /_simulator/pace`.

    Spans begin at multiples of their length, so that a chart moves and does not tremble.
    """
    until = int(answer["until"])
    end = len(answer["recipients"]) - until % STEP_SECONDS
    begin = max(0, end - SHOWN_SECONDS)
    counts: Sequence[int] = answer["recipients"][begin:end]
    return Pace(
        until=datetime.fromtimestamp(until - until % STEP_SECONDS, UTC),
        step=STEP_SECONDS,
        rates=tuple(
            sum(counts[at : at + STEP_SECONDS]) / STEP_SECONDS for at in range(0, len(counts), STEP_SECONDS)
        ),
        throttled=sum(answer["throttled"][begin:]),
    )


def of_metric(result: Mapping[str, Any], now: datetime) -> Pace:
    """Return the pace by the sums of CloudWatch's metric `Send`, a value for each period."""
    sums = {
        at.astimezone(UTC): float(value)
        for at, value in zip(result["Timestamps"], result["Values"], strict=True)
    }
    end = datetime.fromtimestamp(now.timestamp() // PERIOD * PERIOD, UTC)
    period = timedelta(seconds=PERIOD)
    for _ in range(LATE_PERIODS):
        if end - period in sums:
            break
        end -= period
    count = int(LOOKS_BACK.total_seconds()) // PERIOD
    moments = [end - period * number for number in range(count, 0, -1)]
    return Pace(until=end, step=PERIOD, rates=tuple(sums.get(at, 0.0) / PERIOD for at in moments))


def of_account(answer: Mapping[str, Any]) -> Limits:
    """Return the limits by SES's GetAccount."""
    quota = answer["SendQuota"]
    return Limits(
        rate=float(quota["MaxSendRate"]),
        most=float(quota["Max24HourSend"]),
        used=float(quota["SentLast24Hours"]),
        is_enabled=bool(answer.get("SendingEnabled", True)),
    )


def of_simulator(answer: Mapping[str, Any]) -> Limits:
    """Return the limits by the control API of the simulated SES."""
    return Limits(
        rate=float(answer["max_send_rate"]),
        most=float(answer["max_24_hour_send"]),
        used=float(answer["sent_last_24_hours"]),
        is_enabled=bool(answer["sending_enabled"]),
    )


def number(value: float) -> str:
    """Return a rate with one decimal, if that says something: `12.1`, `86`, `0.2`, `0`."""
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.1f}"  # noqa: PLR2004


def quota_words(limits: Limits, pace: Pace | None, now: datetime) -> str:
    """Return how much of the quota is used and left, and until when that is enough if that is soon."""
    left = limits.left
    if left is None:
        return "No limit."
    if not left:
        return "All used: mail waits until older mail is 24 hours old, nothing is lost."
    words = f"{limits.share:.0%} used · {left:,.0f} left".replace("%", " %")
    if pace is None or not pace.now:
        return words
    lasts = timedelta(seconds=left / pace.now) if left / pace.now < SOON.total_seconds() else SOON
    if lasts >= SOON:
        return words
    return f"{words}, at this pace enough until about {(now + lasts).astimezone():%H:%M}"
