"""The pace of all workers together: SES refuses what comes faster than the account's rate.

A leaky bucket as one number (GCRA, https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm): the ledger
keeps the moment up to which the rate is spoken for. `reserve` works out from that state which mails of a
batch get a turn and what the state is then, without any call; `Pacer` writes it under the condition that
nobody wrote meanwhile, and works it out anew where somebody did.
"""

from __future__ import annotations

import math
import random
import time
from typing import TYPE_CHECKING, Final, Literal, Protocol

import msgspec

from mailbus.ledger.table import Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Lane = Literal["transactional", "bulk"]

# How far ahead, in seconds, a transactional batch reserves: the function's time is enough for that, for a
# slow answer and for a bus that hangs.
PATIENCE: Final = 10.0
# What bulk may find reserved before it and what it takes, in seconds of the rate: a transactional mail finds
# no more than both before it, or one bulk mail of many recipients.
BULK_AHEAD: Final = 0.1
BULK_STRETCH: Final = 0.4
# How much of the rate, in seconds, one bulk call may be for.
LARGEST_CALL: Final = 0.5
# A gap so short, in seconds, is what calls take between two batches of a backlog, and is caught up. A longer
# one is idleness, which saves nothing up.
CREDIT: Final = 0.25
# How much later than another, in seconds, a call may reach SES, though both left in time.
SLACK: Final = 0.1
# How many seconds' worth SES's own bucket is taken to hold.
BUCKET: Final = 1.0
# What SES gives an account in the sandbox; for as long as neither SES nor the ledger says more.
LOWEST_RATE: Final = 1.0
# After SES did not tell its limits, in seconds: it answers once a second, to one worker. Doubled each time,
# up to the last.
ASK_AGAIN: Final = 1.0
ASK_AGAIN_AT_MOST: Final = 60.0
# The worker that SES answered writes it down within milliseconds: how often the others look, and after how
# many seconds each time, before they go on with what they knew.
LOOKS: Final = 5
LOOK_AGAIN: Final = 0.1
# Without the ledger no job can be claimed either, so there is nothing to be won by asking sooner.
UNREACHABLE_SECONDS: Final = 1.0
SOONEST: Final = 0.05
# Seconds, for each try that came to nothing: others write as well, and what was read gets old soon.
JITTER: Final = 0.002
# https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendBulkEmail.html
MOST_ENTRIES: Final = 50


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What SES tells of the account: recipients a second, and how many more today (None: any number)."""

    max_send_rate: float
    quota_left: int | None = None


class RateState(msgspec.Struct, frozen=True, kw_only=True):
    """What all workers know together, times in epoch seconds.

    The limits as they were at `read_at`, with the quota counted down since; the moments up to which the rate
    (`taken_until`) and the bulk lane's share of it (`bulk_until`) are spoken for, and when SES's own bucket
    is full again (`full_at`), for mails that need much of it. `version` counts the writes; 0 means none.
    """

    max_send_rate: float | None = None
    quota_left: int | None = None
    read_at: float = 0.0
    taken_until: float = 0.0
    full_at: float = 0.0
    bulk_until: float = 0.0
    version: int = 0

    @property
    def rate(self) -> float:
        """Recipients a second, the lowest there is for as long as nobody knows."""
        return self.max_send_rate or LOWEST_RATE


class Now(msgspec.Struct, frozen=True, kw_only=True):
    """A mail's turn: it may go at `due`, in epoch seconds; at once where that has passed."""

    due: float


class Later(msgspec.Struct, frozen=True, kw_only=True):
    """A mail has no turn that a worker could wait for; in so many seconds it is worth asking again."""

    seconds: float


class Exhausted(msgspec.Struct, frozen=True, kw_only=True):
    """The account's 24-hour quota does not suffice for the mail."""


Turn = Now | Later | Exhausted


class Reservation(msgspec.Struct, frozen=True, kw_only=True):
    """Each mail's turn, in order, and the state that gives them."""

    turns: tuple[Turn, ...]
    state: RateState


class LaneRules(msgspec.Struct, frozen=True, kw_only=True):
    """How a lane may reserve, in seconds: only up to `ahead` of now, and up to `stretch` from there.

    The first mail of a batch is not held to the stretch: else it could never go. What gets no turn asks
    again `early` before the rate is free, after `tries` writes that others got ahead of.
    """

    ahead: float
    stretch: float
    early: float
    tries: int


LANES: Final[Mapping[Lane, LaneRules]] = {
    # asks when half of the others' time is over: enough to get in before the rate is idle
    "transactional": LaneRules(ahead=PATIENCE, stretch=PATIENCE, early=PATIENCE / 2, tries=10),
    "bulk": LaneRules(ahead=BULK_AHEAD, stretch=BULK_STRETCH, early=BULK_AHEAD, tries=4),
}


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """The state is in the ledger."""


class Overtaken(msgspec.Struct, frozen=True, kw_only=True):
    """Another worker wrote before; `state` is what the ledger holds."""

    state: RateState


class RateStore(Protocol):
    """What pacing needs of the ledger."""

    def look(self) -> RateState | Unreachable:
        """Read the state; the empty one where there is none."""

    def write(self, state: RateState) -> Written | Overtaken | Unreachable:
        """Write a state if the ledger still holds the one of the version before."""


def measured(state: RateState, limits: Limits, *, read_at: float) -> RateState:
    """Take up what SES tells: what is reserved already takes as long as the new rate needs for it.

    The quota comes without the mails that have a turn and have not gone yet, or only just: SES has not
    counted them.
    """
    scale = state.rate / limits.max_send_rate

    def moved(moment: float) -> float:
        return read_at + (moment - read_at) * scale if moment > read_at else moment

    taken_until = moved(state.taken_until)
    waiting = math.ceil(max(0.0, taken_until + SLACK - read_at) * limits.max_send_rate)
    return msgspec.structs.replace(
        state,
        max_send_rate=limits.max_send_rate,
        quota_left=None if limits.quota_left is None else max(0, limits.quota_left - waiting),
        read_at=read_at,
        taken_until=taken_until,
        full_at=moved(state.full_at),
        bulk_until=moved(state.bulk_until),
    )


def reserve(
    state: RateState, recipients: Sequence[int], lane: Lane, *, now: float, bulk_share: float
) -> Reservation:
    """Give mails with so many recipients each their turns, from `now` on.

    A mail that the quota does not suffice for takes nothing from those behind it; the first that comes too
    late for the lane keeps those behind it back as well.
    """
    rules = LANES[lane]
    latest = max(state.taken_until, now) + rules.stretch
    opened = _free_at(state, lane) <= now + rules.ahead
    first = True
    turns: list[Turn | None] = []
    for count in recipients:
        if state.quota_left is not None and count > state.quota_left:
            turns.append(Exhausted())
            continue
        due, taken = _take(state, count, lane, now=now, bulk_share=bulk_share)
        opened = opened and (first or taken.taken_until <= latest)
        turns.append(Now(due=due) if opened else None)
        if opened:
            state, first = taken, False
    later = Later(seconds=max(SOONEST, _free_at(state, lane) - rules.early - now))
    return Reservation(turns=tuple(turn or later for turn in turns), state=state)


def _free_at(state: RateState, lane: Lane) -> float:
    return max(state.taken_until, state.bulk_until) if lane == "bulk" else state.taken_until


def _take(
    state: RateState, count: int, lane: Lane, *, now: float, bulk_share: float
) -> tuple[float, RateState]:
    """Give one mail the next part of the rate: when it is due, and the state after it.

    A mail may go when its part begins, though SES's bucket must hold its recipients by then, or be full.
    """
    need = count / state.rate
    bucket = max(BUCKET, 1 / state.rate)
    begin = state.taken_until if state.taken_until > now - CREDIT else now
    due = max(begin, state.full_at + SLACK - bucket + min(need, bucket))
    bulk_until = max(state.bulk_until, now - CREDIT) + need / bulk_share
    return due, msgspec.structs.replace(
        state,
        quota_left=None if state.quota_left is None else state.quota_left - count,
        taken_until=due + need,
        full_at=max(state.full_at, due, now) + need,
        bulk_until=bulk_until if lane == "bulk" else state.bulk_until,
    )


class _Reading(msgspec.Struct, frozen=True, kw_only=True):
    limits: Limits
    read_at: float


class Pacer:
    """One worker's part; it remembers the state, and lets SES be asked once in `cache_seconds`.

    `clock` gives epoch seconds, `uniform(low, high)` draws the jitter between two tries.
    """

    def __init__(  # noqa: PLR0913 - time and chance are passed in
        self,
        store: RateStore,
        read_limits: Callable[[], Limits | None],
        *,
        cache_seconds: float,
        bulk_share: float = 1.0,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._store = store
        self._read_limits = read_limits
        self._cache = cache_seconds
        self._bulk_share = bulk_share
        self._clock = clock
        self._sleep = sleep
        self._uniform = uniform
        self._known: RateState | None = None
        self._reading: _Reading | None = None
        self._ask_at = 0.0
        self._unanswered = 0

    def reserve(self, recipients: Sequence[int], lane: Lane = "transactional") -> list[Turn]:
        """Reserve the rate for mails with so many recipients each; each has its turn, in order.

        One write where nobody else wrote since the last one, two where somebody did. Without an answer of
        the ledger all mails are for later, and where others are always quicker.
        """
        if not recipients:
            return []
        turns = self._turns(recipients, lane)
        if isinstance(turns, Unreachable):
            return [Later(seconds=UNREACHABLE_SECONDS)] * len(recipients)
        return list(turns)

    def largest_call(self) -> int:
        """Tell for how many recipients one bulk call should be at most, 1 to 50.

        One for more would keep transactional mail waiting, or find SES's bucket too small.
        """
        state = self._learn()
        rate = LOWEST_RATE if isinstance(state, Unreachable) else self._with_reading(state).rate
        return min(MOST_ENTRIES, max(1, math.floor(rate * LARGEST_CALL)))

    def _turns(self, recipients: Sequence[int], lane: Lane) -> Sequence[Turn] | Unreachable:
        state = self._learn()
        if isinstance(state, Unreachable):
            return state
        looked = False
        for attempt in range(LANES[lane].tries):
            plan = reserve(
                self._with_reading(state), recipients, lane, now=self._clock(), bulk_share=self._bulk_share
            )
            if plan.state == state and looked:
                return plan.turns
            # nobody gets put off by what may have passed meanwhile
            answer = self._store.look() if plan.state == state else self._write(plan.state)
            if isinstance(answer, Written):
                return plan.turns
            if isinstance(answer, Unreachable):
                return answer
            if isinstance(answer, Overtaken):
                answer = answer.state
                self._sleep(self._uniform(0.0, JITTER * (attempt + 1)))
            self._known, state, looked = answer, answer, True
        return [Later(seconds=self._uniform(SOONEST, 2 * SOONEST))] * len(recipients)

    def _write(self, state: RateState) -> Written | Overtaken | Unreachable:
        state = msgspec.structs.replace(state, version=state.version + 1)
        answer = self._store.write(state)
        if isinstance(answer, Written):
            self._known = state
        return answer

    def _learn(self) -> RateState | Unreachable:
        """Take what is remembered, or else ask: first the ledger, since another worker may have asked SES."""
        if self._known is not None and not self._is_old(self._known):
            return self._known
        state = self._store.look()
        if isinstance(state, Unreachable):
            return state
        if self._is_old(state) and not self._ask() and self._unanswered == 1:
            state = self._look_out(state)
        self._known = state
        return state

    def _look_out(self, state: RateState) -> RateState:
        """Wait for what SES told another worker, for a moment."""
        for _ in range(LOOKS):
            self._sleep(self._uniform(LOOK_AGAIN / 2, LOOK_AGAIN))
            found = self._store.look()
            if not isinstance(found, Unreachable) and found.read_at > state.read_at:
                return found
        return state

    def _is_old(self, state: RateState) -> bool:
        now = self._clock()
        return now >= self._ask_at and now - self._with_reading(state).read_at >= self._cache

    def _ask(self) -> bool:
        read_at = self._clock()
        limits = self._read_limits()
        if limits is None:
            self._ask_at = read_at + min(ASK_AGAIN * 2**self._unanswered, ASK_AGAIN_AT_MOST)
            self._unanswered += 1
            return False
        self._reading = _Reading(limits=limits, read_at=read_at)
        self._unanswered = 0
        return True

    def _with_reading(self, state: RateState) -> RateState:
        """Put in what SES told this worker, unless another worker wrote what it told later."""
        reading = self._reading
        if reading is None or reading.read_at <= state.read_at:
            return state
        return measured(state, reading.limits, read_at=reading.read_at)
