"""Keeps all workers together within the account's sending rate: SES refuses what exceeds it.

The workers share one state in the ledger. A worker reserves by `gcra.reserve` on the state that it knows, and
writes the result on condition that no other worker wrote meanwhile; otherwise it reserves again on what the
other wrote.
"""

from __future__ import annotations

import math
import random
import time
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from mailbus.errors import SendError
from sender.rate import gcra
from sender.rate.gcra import LANES, LOWEST_RATE, SHORTEST_RETRY, Limits, RetryAfter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sender.rate.gcra import Decision, Lane, RateState

# How much of the rate, in seconds, one bulk call may use.
BULK_CALL_SECONDS: Final = 0.5
# https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendBulkEmail.html
MAX_BULK_ENTRIES: Final = 50
# SES answers GetAccount once a second. A worker that got no answer asks again after the first, in seconds,
# which is doubled each time up to the second.
LIMITS_RETRY: Final = 1.0
LONGEST_LIMITS_RETRY: Final = 60.0
# The worker that SES did answer writes the limits within milliseconds. How often the others read the state,
# and how many seconds they wait each time at most, before they continue with the limits they know.
LIMITS_READS: Final = 5
LIMITS_READ_WAIT: Final = 0.1
# Without the ledger no job can be claimed either, so trying sooner gains nothing.
UNREACHABLE_SECONDS: Final = 1.0
# In seconds, times the number of conflicts so far: others write too, and a state becomes outdated quickly.
CONFLICT_JITTER: Final = 0.002


class RateStore(Protocol):
    """The state in the ledger; a `SendError` if the ledger does not answer."""

    def read(self) -> RateState:
        """Return the state; the empty one if there is none."""

    def write(self, state: RateState) -> RateState | None:
        """Replace the state of the version before.

        Return None if it is written, and if another worker wrote first, the state that the ledger holds.
        """


class _Report(msgspec.Struct, frozen=True, kw_only=True):
    limits: Limits
    read_at: float


class Pacer:
    """One worker's view: it remembers the state, and asks SES for the limits once in `cache_seconds`.

    `clock` returns epoch seconds, `uniform(low, high)` draws the jitter between two attempts.
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
        self._report: _Report | None = None
        self._ask_at = 0.0
        self._unanswered = 0

    def reserve(self, recipients: Sequence[int], lane: Lane = "transactional") -> list[Decision]:
        """Reserve the rate for mails with so many recipients each; return the decisions in order.

        It takes one write if no other worker wrote since the last one, and two if one did. If the ledger does
        not answer, or others are faster each time, all mails are to be tried again later.
        """
        if not recipients:
            return []
        try:
            return list(self._reserve(recipients, lane))
        except SendError:
            return [RetryAfter(seconds=UNREACHABLE_SECONDS)] * len(recipients)

    def largest_call(self) -> int:
        """Return how many recipients one bulk call may have, from 1 to 50.

        A larger one would hold up transactional mail, or need more than SES's bucket holds.
        """
        try:
            rate = self._with_report(self._current()).rate
        except SendError:
            rate = LOWEST_RATE
        return min(MAX_BULK_ENTRIES, max(1, math.floor(rate * BULK_CALL_SECONDS)))

    def _reserve(self, recipients: Sequence[int], lane: Lane) -> Sequence[Decision]:
        state = self._current()
        is_fresh = False
        for attempt in range(LANES[lane].max_writes):
            planned = gcra.reserve(
                self._with_report(state), recipients, lane, now=self._clock(), bulk_share=self._bulk_share
            )
            if planned.state != state:
                found = self._write(planned.state)
                if found is None:
                    return planned.decisions
                self._sleep(self._uniform(0.0, CONFLICT_JITTER * (attempt + 1)))
            elif is_fresh:
                return planned.decisions
            else:
                # nothing is reserved; the remembered state may be outdated, so that must not rest on it
                found = self._store.read()
            self._known, state, is_fresh = found, found, True
        return [RetryAfter(seconds=self._uniform(SHORTEST_RETRY, 2 * SHORTEST_RETRY))] * len(recipients)

    def _write(self, state: RateState) -> RateState | None:
        state = msgspec.structs.replace(state, version=state.version + 1)
        found = self._store.write(state)
        if found is None:
            self._known = state
        return found

    def _current(self) -> RateState:
        """Return the remembered state unless its limits are outdated.

        Otherwise read the ledger first, since another worker may have asked SES, and then ask SES.
        """
        if self._known is not None and not self._is_outdated(self._known):
            return self._known
        state = self._store.read()
        if self._is_outdated(state) and not self._ask_ses() and self._unanswered == 1:
            state = self._limits_of_another(state)
        self._known = state
        return state

    def _limits_of_another(self, state: RateState) -> RateState:
        """Wait a moment for the limits that SES reported to another worker; return the newest state."""
        for _ in range(LIMITS_READS):
            self._sleep(self._uniform(LIMITS_READ_WAIT / 2, LIMITS_READ_WAIT))
            try:
                found = self._store.read()
            except SendError:
                continue
            if found.read_at > state.read_at:
                return found
        return state

    def _is_outdated(self, state: RateState) -> bool:
        now = self._clock()
        return now >= self._ask_at and now - self._with_report(state).read_at >= self._cache

    def _ask_ses(self) -> bool:
        """Ask SES for the limits; return whether it reported them."""
        read_at = self._clock()
        limits = self._read_limits()
        if limits is None:
            self._ask_at = read_at + min(LIMITS_RETRY * 2**self._unanswered, LONGEST_LIMITS_RETRY)
            self._unanswered += 1
            return False
        self._report = _Report(limits=limits, read_at=read_at)
        self._unanswered = 0
        return True

    def _with_report(self, state: RateState) -> RateState:
        """Return the state with the limits that SES reported to this worker, unless the state's are newer."""
        report = self._report
        if report is None or report.read_at <= state.read_at:
            return state
        return gcra.with_limits(state, report.limits, read_at=report.read_at)
