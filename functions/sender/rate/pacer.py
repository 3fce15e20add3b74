"""Keeps all workers together within the account's sending rate: SES refuses what exceeds it.

The workers share one item in the ledger's table. A worker takes the next stretch of the rate by one update,
which nobody else's can make fail: it is refused only if the rate is taken too far ahead, or the account is
idle. The answer has the state, and with it the worker's own slots and the account's current rate.
"""

from __future__ import annotations

import math
import random
import time
from typing import TYPE_CHECKING, Final, Protocol

from mailbus.errors import SendError
from sender.rate import slots
from sender.rate.slots import CATCH_UP, LOWEST_RATE, LanePaused, QuotaExhausted, RateState, RetryAfter, SendAt
from sender.rate.table import Written

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mailbus.stages import Lane
    from sender.rate.slots import Decision, Limits, Stretch
    from sender.rate.table import Answer

# How much of the rate, in seconds, one bulk call may use.
BULK_CALL_SECONDS: Final = 0.5
# https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendBulkEmail.html
MAX_BULK_ENTRIES: Final = 50
# SES answers GetAccount once a second. A worker that got no answer asks again after the first, in seconds,
# which is doubled each time up to the second.
LIMITS_RETRY: Final = 1.0
LONGEST_LIMITS_RETRY: Final = 60.0
# of the waits here, each of which has a longest one; doubled more often they would be too large for a number
MAX_DOUBLINGS: Final = 10
# The worker that asks SES writes the limits within milliseconds. How often a worker that knows none reads the
# state, and how many seconds it waits each time at most, before it continues with the lowest rate.
LIMITS_READS: Final = 5
LIMITS_READ_WAIT: Final = 0.1
# SES may not have counted what had its slot so many seconds ago.
COUNTED_SECONDS: Final = 1.0
# Without the ledger no job can be claimed either, so trying sooner gains nothing.
UNREACHABLE_SECONDS: Final = 1.0
# How often a worker writes before it waits: the account may have become idle, or busy.
MAX_WRITES: Final = 3
# A worker that found the rate taken waits for a random time beside, up to the first, in seconds, and twice as
# long each time, up to the second: so many workers do not all write at the same moment.
FIRST_JITTER: Final = 0.1
LONGEST_JITTER: Final = 2.0
# It then tries again only if so many seconds more than it needs are free: others take some of them between
# its read and its write, which would be refused.
REFUSED_MARGIN: Final = 0.05


class RateStore(Protocol):
    """The state in the ledger; a `SendError` if the ledger does not answer."""

    def read(self) -> RateState:
        """Return the state; the empty one if there is none."""

    def take(self, stretch: Stretch, lane: Lane, known: RateState, *, now: float) -> Answer:
        """Take a stretch of the rate."""

    def ask(self, *, now: float, after_seconds: float) -> Answer:
        """Become the worker that asks SES for the limits, if nobody asked within the last seconds."""

    def set_limits(self, limits: Limits, asked: RateState, *, uncounted: int, read_at: float) -> Answer:
        """Write what SES answered to the worker that had `asked`."""


class Pacer:
    """One worker's view: it remembers the state, and has SES asked for the limits once in `cache_seconds`.

    `on_limits` is called with each answer of SES. `clock` returns epoch seconds, `uniform(low, high)` draws
    the jitter between two attempts.
    """

    def __init__(  # noqa: PLR0913 - time and chance are passed in
        self,
        store: RateStore,
        read_limits: Callable[[], Limits | None],
        *,
        cache_seconds: float,
        on_limits: Callable[[Limits], None] | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._store = store
        self._read_limits = read_limits
        self._cache = cache_seconds
        self._on_limits = on_limits
        self._clock = clock
        self._sleep = sleep
        self._uniform = uniform
        self._known: RateState | None = None
        self._throttled_at = 0.0
        self._ask_at = 0.0
        self._unanswered = 0
        self._refusals = 0

    def reserve(self, recipients: Sequence[int], lane: Lane = "transactional") -> list[Decision]:
        """Take slots for mails with so many recipients each; return the decisions in order.

        It takes one write, and a read before it if others may have taken some since the last one. If the
        ledger does not answer, all mails are to be tried again later.
        """
        if not recipients:
            return []
        try:
            return self._reserve(recipients, lane)
        except SendError:
            return [self._later(UNREACHABLE_SECONDS)] * len(recipients)

    def throttled(self) -> None:
        """Have SES asked for the limits before the next mail: it refused one because of the rate."""
        self._throttled_at = self._clock()

    def largest_call(self) -> int:
        """Return how many recipients one bulk call may have, from 1 to 50.

        A larger one would hold up transactional mail, or need more than SES's bucket holds.
        """
        try:
            rate = self._current().rate
        except SendError:
            rate = LOWEST_RATE
        return min(MAX_BULK_ENTRIES, max(1, math.floor(rate * BULK_CALL_SECONDS)))

    def _reserve(self, recipients: Sequence[int], lane: Lane) -> list[Decision]:
        remembered = self._known
        state = self._current()
        if state is remembered and (self._may_be_wrong(state) or lane in state.paused):
            # unlike a write that is refused, a read takes nothing of the writes that an item has
            state = self._known = self._store.read()
        for _ in range(MAX_WRITES):
            if lane in state.paused:
                return [LanePaused()] * len(recipients)
            now = self._clock()
            stretch = slots.plan(state, recipients, lane)
            margin = REFUSED_MARGIN if self._refusals else 0.0
            if not stretch.mails or not slots.is_open(state, lane, now=now - margin):
                break
            answer = self._store.take(stretch, lane, state, now=now)
            self._known = state = answer.state
            if isinstance(answer, Written):
                self._refusals = 0
                begin = state.taken_until - stretch.seconds
                due = slots.due_times(state, stretch, recipients, begin=begin)
                return [self._decision(state, count, due.get(mail)) for mail, count in enumerate(recipients)]
        later = self._later(slots.retry_after(state, lane, now=self._clock()))
        return [QuotaExhausted() if count > state.quota_left else later for count in recipients]

    def _may_be_wrong(self, state: RateState) -> bool:
        """Whether other workers probably took some of the rate since the state was remembered."""
        return self._refusals > 0 or state.taken_until < self._clock() - CATCH_UP

    def _later(self, seconds: float) -> RetryAfter:
        """Return a wait of so many seconds and the jitter."""
        jitter = min(LONGEST_JITTER, FIRST_JITTER * 2**self._refusals)
        self._refusals = min(self._refusals + 1, MAX_DOUBLINGS)
        return RetryAfter(seconds=seconds + self._uniform(0.0, jitter))

    def _decision(self, state: RateState, recipients: int, due: float | None) -> Decision:
        if due is not None:
            return SendAt(due=due)
        # what has no room in the stretch continues as soon as that is sent
        return QuotaExhausted() if recipients > state.quota_left else RetryAfter(seconds=0.0)

    def _current(self) -> RateState:
        """Return the remembered state unless its limits are outdated; then have SES asked first."""
        state = self._known
        if state is None or self._is_outdated(state):
            state = self._known = self._updated()
        return state

    def _is_outdated(self, state: RateState) -> bool:
        now = self._clock()
        return now >= self._ask_at and (
            now - state.read_at >= self._cache or self._throttled_at > state.read_at
        )

    def _updated(self) -> RateState:
        """Ask SES, unless another worker has done so; return the state as it is then."""
        # a read first: if all workers wrote at once, it would be more than an item takes
        state = self._store.read()
        now = self._clock()
        if self._is_outdated(state) and now - state.asked_at >= LIMITS_RETRY:
            answer = self._store.ask(now=now, after_seconds=LIMITS_RETRY)
            if isinstance(answer, Written):
                return self._ask_ses(answer.state)
            state = answer.state
        if self._is_outdated(state):
            self._ask_at = self._clock() + LIMITS_READ_WAIT
        reads = 0
        while state.max_send_rate is None and reads < LIMITS_READS:
            self._sleep(self._uniform(LIMITS_READ_WAIT / 2, LIMITS_READ_WAIT))
            state = self._store.read()
            reads += 1
        return state

    def _ask_ses(self, asked: RateState) -> RateState:
        read_at = self._clock()
        limits = self._read_limits()
        if limits is None:
            self._ask_at = read_at + min(LIMITS_RETRY * 2**self._unanswered, LONGEST_LIMITS_RETRY)
            self._unanswered = min(self._unanswered + 1, MAX_DOUBLINGS)
            return asked
        self._unanswered = 0
        if self._on_limits is not None:
            self._on_limits(limits)
        ahead = max(0.0, asked.taken_until + slots.LATENCY_SPREAD + COUNTED_SECONDS - read_at)
        uncounted = math.ceil(ahead * max(asked.rate, limits.max_send_rate))
        return self._store.set_limits(limits, asked, uncounted=uncounted, read_at=read_at).state
