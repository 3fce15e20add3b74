"""Divides the account's sending rate into slots: pure functions on values, without any call.

All workers share one moment, `RateState.taken_until`: the time up to which the rate is taken. A worker takes
the next stretch of time by adding to it, so the stretch is its own, and has a slot for each of its mails, as
long as the mail's recipients take at the account's rate. This is the generic cell rate algorithm, a leaky
bucket as one number (https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from mailbus.stages import Lane

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# A gap of up to this many seconds is the time that calls take between two stretches of a backlog, and is
# caught up. After a longer one nothing is caught up: unused time is not saved.
CATCH_UP: Final = 0.35
# How many seconds two calls that were sent on time may differ in how long they take to reach SES.
LATENCY_SPREAD: Final = 0.1
# The part of it by which calls of large mails differ that follow each other: they are not caught up.
LARGE_SPREAD: Final = 0.02
# How many seconds of the rate SES's own token bucket is assumed to hold.
BUCKET_SECONDS: Final = 1.0
# The rate of an account in the SES sandbox; used until SES or the ledger reports another.
LOWEST_RATE: Final = 1.0
# The shortest time, in seconds, after which to try again.
SHORTEST_RETRY: Final = 0.02
# More recipients than anybody sends in a day.
NO_QUOTA: Final = 10**15


class LaneRules(msgspec.Struct, frozen=True, kw_only=True):
    """How far ahead of now the rate may be taken before a lane takes a stretch, and the longest stretch.

    Both are in seconds; one mail with many recipients may take more. Bulk mail leaves the rest to
    transactional mail, which therefore waits for the sum of bulk's at most, or for one such mail.
    """

    ahead: float
    stretch: float


LANES: Final[Mapping[Lane, LaneRules]] = {
    "transactional": LaneRules(ahead=1.0, stretch=0.4),
    "bulk": LaneRules(ahead=0.1, stretch=0.2),
}

# How far ahead of now a mail may be due, in seconds.
LONGEST_AHEAD: Final = (
    LANES["transactional"].ahead + LANES["transactional"].stretch + CATCH_UP + LATENCY_SPREAD
)


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The account's limits by SES: recipients a second, and how many more today (None: no limit).

    `quota_percent` is how much of the 24-hour quota is used.
    """

    max_send_rate: float
    quota_left: int | None = None
    quota_percent: float | None = None


class RateState(msgspec.Struct, frozen=True, kw_only=True):
    """The state that all workers share; times are in epoch seconds.

    The limits are as of `read_at`, with the quota counted down since; SES was asked last at `asked_at`. The
    rate is taken up to `taken_until`, the bulk lane's share of it up to `bulk_taken_until`. `taken` counts
    the recipients that ever had a slot. Lanes in `paused` take nothing.
    """

    max_send_rate: float | None = None
    quota_left: int = NO_QUOTA
    read_at: float = 0.0
    asked_at: float = 0.0
    taken_until: float = 0.0
    bulk_taken_until: float = 0.0
    taken: int = 0
    paused: frozenset[Lane] = frozenset()

    @property
    def rate(self) -> float:
        """Recipients a second; the lowest possible rate while it is unknown."""
        return self.max_send_rate or LOWEST_RATE


class SendAt(msgspec.Struct, frozen=True, kw_only=True):
    """The mail may be sent at `due`, in epoch seconds; immediately if that has passed."""

    due: float


class RetryAfter(msgspec.Struct, frozen=True, kw_only=True):
    """The mail has no slot; try again after so many seconds."""

    seconds: float


class QuotaExhausted(msgspec.Struct, frozen=True, kw_only=True):
    """The account's 24-hour quota is too small for the mail."""


class LanePaused(msgspec.Struct, frozen=True, kw_only=True):
    """The mail's lane is paused, until somebody resumes it."""


Decision = SendAt | RetryAfter | QuotaExhausted | LanePaused


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """The time that some mails of a batch take at the account's rate, by their places in the batch."""

    mails: tuple[int, ...]
    seconds: float
    recipients: int


def plan(state: RateState, recipients: Sequence[int], lane: Lane) -> Stretch:
    """Return a lane's next stretch, for as many of the mails of a batch as possible.

    It has one mail at least, unless the quota is too small for each. A mail that exceeds the quota takes
    nothing from those behind it.
    """
    mails: list[int] = []
    seconds, together = 0.0, 0
    for mail, count in enumerate(recipients):
        if together + count > state.quota_left:
            continue
        needed = slot_seconds(count, state.rate)
        if mails and seconds + needed > LANES[lane].stretch:
            break
        mails.append(mail)
        seconds, together = seconds + needed, together + count
    return Stretch(mails=tuple(mails), seconds=seconds, recipients=together)


def due_times(
    state: RateState, stretch: Stretch, recipients: Sequence[int], *, begin: float
) -> dict[int, float]:
    """Return when the mails of a stretch that begins then are due.

    If the state has another rate by now, those are left out that the stretch has no room for.
    """
    due: dict[int, float] = {}
    end = begin + stretch.seconds
    for mail in stretch.mails:
        needed = slot_seconds(recipients[mail], state.rate)
        # the first mail may exceed the stretch, or it could never be sent
        if due and begin + needed > end + SHORTEST_RETRY / 2:
            break
        due[mail] = begin + _delay(recipients[mail], state.rate)
        begin += needed
    return due


def slot_seconds(recipients: int, rate: float) -> float:
    """Return how long a mail's slot is.

    SES's bucket has to be nearly full for a large mail: so that it is, although calls take differently long,
    its slot is a little longer.
    """
    needed = recipients / rate
    return needed + (LARGE_SPREAD if _delay(recipients, rate) else 0.0)


def retry_after(state: RateState, lane: Lane, *, now: float) -> float:
    """Return after how many seconds a lane may take a stretch, if nobody else does."""
    free_at = state.taken_until - LANES[lane].ahead
    if lane == "bulk":
        free_at = max(free_at, state.bulk_taken_until)
    return max(SHORTEST_RETRY, free_at - now)


def is_open(state: RateState, lane: Lane, *, now: float) -> bool:
    """Return whether a lane may take a stretch."""
    if lane == "bulk" and state.bulk_taken_until > now:
        return False
    return state.taken_until < now + LANES[lane].ahead


def _delay(recipients: int, rate: float) -> float:
    """Return how long after its slot begins a mail is due: when SES's bucket holds enough, or is full.

    The mails before it may be late, by what is caught up and by the spread of their calls.
    """
    bucket = max(BUCKET_SECONDS, 1 / rate)
    return max(0.0, CATCH_UP + LATENCY_SPREAD + min(recipients / rate, bucket) - bucket)
