"""Reserves the account's sending rate for a batch of mails: pure functions on one value, without any call.

The generic cell rate algorithm, a leaky bucket as one number
(https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm): the state holds the time up to which the rate is
reserved. `reserve` decides for each mail of a batch when it may be sent, and returns the state after that.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Lane = Literal["transactional", "bulk"]

# How many seconds ahead a transactional batch may reserve. The function's timeout leaves room for this, for a
# slow answer of SES and for a slow event bus.
TRANSACTIONAL_AHEAD: Final = 10.0
# Bulk may start if less than this is reserved before it, and then takes this much, in seconds of the rate. A
# transactional mail has at most the sum of both before it, or one bulk mail with many recipients.
BULK_AHEAD: Final = 0.1
BULK_SPAN: Final = 0.4
# A gap of up to this many seconds is the time that calls take between two batches of a backlog, and is caught
# up. After a longer one nothing is caught up: unused time is not saved.
CATCH_UP: Final = 0.25
# How many seconds two calls that were sent on time may differ in how long they take to reach SES.
LATENCY_SPREAD: Final = 0.1
# How many seconds of the rate SES's own token bucket is assumed to hold.
BUCKET_SECONDS: Final = 1.0
# The rate of an account in the SES sandbox; used until SES or the ledger reports another.
LOWEST_RATE: Final = 1.0
# The shortest time, in seconds, after which to try again.
SHORTEST_RETRY: Final = 0.05


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The account's limits by SES: recipients a second, and how many more today (None: no limit)."""

    max_send_rate: float
    quota_left: int | None = None


class RateState(msgspec.Struct, frozen=True, kw_only=True):
    """The state that all workers share; times are in epoch seconds.

    The limits are as of `read_at`, with the quota counted down since. The rate is reserved up to
    `reserved_until`, the bulk lane's share of it up to `bulk_reserved_until`. `bucket_full_at` is when SES's
    own bucket is full again, for mails that need most of it. `version` counts the writes; 0 means none.
    """

    max_send_rate: float | None = None
    quota_left: int | None = None
    read_at: float = 0.0
    reserved_until: float = 0.0
    bucket_full_at: float = 0.0
    bulk_reserved_until: float = 0.0
    version: int = 0

    @property
    def rate(self) -> float:
        """Recipients a second; the lowest possible rate while it is unknown."""
        return self.max_send_rate or LOWEST_RATE


class SendAt(msgspec.Struct, frozen=True, kw_only=True):
    """The mail may be sent at `due`, in epoch seconds; immediately if that has passed."""

    due: float


class RetryAfter(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing is reserved for the mail; try again after so many seconds."""

    seconds: float


class QuotaExhausted(msgspec.Struct, frozen=True, kw_only=True):
    """The account's 24-hour quota is too small for the mail."""


Decision = SendAt | RetryAfter | QuotaExhausted


class Reservation(msgspec.Struct, frozen=True, kw_only=True):
    """The decision for each mail, in order, and the state after them."""

    decisions: tuple[Decision, ...]
    state: RateState


class LaneRules(msgspec.Struct, frozen=True, kw_only=True):
    """How a lane may reserve, in seconds.

    A batch may start up to `ahead` of now, and reserve up to `span` from there; its first mail may exceed the
    span, or it could never be sent. What gets nothing tries again `retry_early` before the rate is free. A
    worker gives up after `max_writes` writes that conflict with another worker's.
    """

    ahead: float
    span: float
    retry_early: float
    max_writes: int


LANES: Final[Mapping[Lane, LaneRules]] = {
    "transactional": LaneRules(
        ahead=TRANSACTIONAL_AHEAD,
        span=TRANSACTIONAL_AHEAD,
        # early enough to reserve before the rate is idle
        retry_early=TRANSACTIONAL_AHEAD / 2,
        max_writes=10,
    ),
    "bulk": LaneRules(ahead=BULK_AHEAD, span=BULK_SPAN, retry_early=BULK_AHEAD, max_writes=4),
}


def with_limits(state: RateState, limits: Limits, *, read_at: float) -> RateState:
    """Return the state with the limits that SES reported at `read_at`.

    What is reserved already is stretched or shortened to the time that it needs at the new rate. From the
    quota the mails are subtracted that are reserved but not sent yet, or only just sent: SES has not counted
    them.
    """
    scale = state.rate / limits.max_send_rate

    def scaled(moment: float) -> float:
        return read_at + (moment - read_at) * scale if moment > read_at else moment

    reserved_until = scaled(state.reserved_until)
    uncounted = math.ceil(max(0.0, reserved_until + LATENCY_SPREAD - read_at) * limits.max_send_rate)
    return msgspec.structs.replace(
        state,
        max_send_rate=limits.max_send_rate,
        quota_left=None if limits.quota_left is None else max(0, limits.quota_left - uncounted),
        read_at=read_at,
        reserved_until=reserved_until,
        bucket_full_at=scaled(state.bucket_full_at),
        bulk_reserved_until=scaled(state.bulk_reserved_until),
    )


def reserve(
    state: RateState, recipients: Sequence[int], lane: Lane, *, now: float, bulk_share: float
) -> Reservation:
    """Reserve the rate for mails with so many recipients each, from `now` on.

    A mail that exceeds the quota takes nothing from those behind it. The first mail that would be too late
    for the lane also holds back those behind it.
    """
    rules = LANES[lane]
    latest = max(state.reserved_until, now) + rules.span
    is_open = _free_at(state, lane) <= now + rules.ahead
    is_first = True
    decisions: list[Decision | None] = []
    for count in recipients:
        if state.quota_left is not None and count > state.quota_left:
            decisions.append(QuotaExhausted())
            continue
        due, after = _reserve_one(state, count, lane, now=now, bulk_share=bulk_share)
        is_open = is_open and (is_first or after.reserved_until <= latest)
        decisions.append(SendAt(due=due) if is_open else None)
        if is_open:
            state, is_first = after, False
    retry = RetryAfter(seconds=max(SHORTEST_RETRY, _free_at(state, lane) - rules.retry_early - now))
    return Reservation(decisions=tuple(decision or retry for decision in decisions), state=state)


def _free_at(state: RateState, lane: Lane) -> float:
    if lane == "bulk":
        return max(state.reserved_until, state.bulk_reserved_until)
    return state.reserved_until


def _reserve_one(
    state: RateState, count: int, lane: Lane, *, now: float, bulk_share: float
) -> tuple[float, RateState]:
    """Return when one mail with so many recipients is due, and the state after it.

    A mail is due when the reservations before it end, but not before SES's bucket holds enough for its
    recipients, or is full.
    """
    need = count / state.rate
    bucket = max(BUCKET_SECONDS, 1 / state.rate)
    start = state.reserved_until if state.reserved_until > now - CATCH_UP else now
    due = max(start, state.bucket_full_at + LATENCY_SPREAD - bucket + min(need, bucket))
    bulk_reserved_until = max(state.bulk_reserved_until, now - CATCH_UP) + need / bulk_share
    return due, msgspec.structs.replace(
        state,
        quota_left=None if state.quota_left is None else state.quota_left - count,
        reserved_until=due + need,
        bucket_full_at=max(state.bucket_full_at, due, now) + need,
        bulk_reserved_until=bulk_reserved_until if lane == "bulk" else state.bulk_reserved_until,
    )
