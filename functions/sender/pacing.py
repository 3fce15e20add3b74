"""The pace of all workers together: SES refuses what comes faster than the account's rate.

A leaky bucket as one number (GCRA, https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm): the
ledger keeps the moment up to which the rate is spoken for. A batch takes the next stretch that its
recipients need by one conditional write, and each of its mails goes when its part of that begins.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from mailbus.ledger import Occupied, RateItem, Taken, Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MICROSECONDS: Final = 1_000_000
# How far ahead, in seconds, a batch reserves, and how late it may begin: so its last mail goes within twice
# as long, and the function's time is enough for that, for a slow answer and for a bus that hangs.
PATIENCE: Final = 10.0
# What SES gives an account in the sandbox; for as long as neither SES nor the ledger says more.
LOWEST_RATE: Final = 1.0
# After SES did not tell the rate, in seconds: it answers once a second, to one worker.
ASK_AGAIN: Final = 1.0


class RateLedger(Protocol):
    """What pacing needs of the ledger."""

    def rate(self) -> RateItem | Unreachable:
        """Look at the rate."""

    def note_rate(self, max_send_rate: float, read_at: int) -> RateItem | Unreachable:
        """Write the rate down."""

    def take(self, length: int, *, now: int, latest: int, known: RateItem) -> Taken | Occupied | Unreachable:
        """Take a stretch of time."""


class Now(msgspec.Struct, frozen=True, kw_only=True):
    """A mail's turn: it may go at `due`, in epoch seconds."""

    due: float


class Later(msgspec.Struct, frozen=True, kw_only=True):
    """A mail has no turn that a worker could wait for; in so many seconds there may be one."""

    seconds: float


Turn = Now | Later


class Pacer:
    """One worker's part; it remembers the rate for `cache_seconds`. `clock` gives epoch seconds."""

    def __init__(
        self,
        ledger: RateLedger,
        read_rate: Callable[[], float | None],
        *,
        cache_seconds: float,
        clock: Callable[[], float],
    ) -> None:
        self._ledger = ledger
        self._read_rate = read_rate
        self._cache = round(cache_seconds * MICROSECONDS)
        self._clock = clock
        self._known = RateItem()
        self._ask_at = 0

    def reserve(self, recipients: Sequence[int]) -> list[Turn]:
        """Reserve the rate for mails with so many recipients each; each has its turn, in order.

        Without an answer of the ledger the mails go at once: SES's own refusal is then the brake.
        """
        if not recipients:
            return []
        rate = self._rate()
        begins = [count / rate for count in accumulate(recipients[:-1], initial=0)]
        # the first always, however many recipients it has
        fitting = max(1, sum(begin <= PATIENCE for begin in begins))
        length = round(sum(recipients[:fitting]) / rate * MICROSECONDS)
        now = self._now()
        latest = now + round(PATIENCE * MICROSECONDS)
        answer = self._ledger.take(length, now=now, latest=latest, known=self._known)
        if isinstance(answer, Unreachable):
            return [Now(due=now / MICROSECONDS)] * len(recipients)
        self._known = answer.item
        later = Later(seconds=max(0.0, (answer.item.taken_until - now) / MICROSECONDS))
        if isinstance(answer, Occupied):
            return [later] * len(recipients)
        turns: list[Turn] = [Now(due=answer.start / MICROSECONDS + begin) for begin in begins[:fitting]]
        return turns + [later] * (len(recipients) - fitting)

    def _now(self) -> int:
        return round(self._clock() * MICROSECONDS)

    def _rate(self) -> float:
        now = self._now()
        if self._known.max_send_rate is None:
            self._learn(self._ledger.rate())
        if now - self._known.read_at >= self._cache and now >= self._ask_at:
            rate = self._read_rate()
            if rate is None:
                self._ask_at = now + round(ASK_AGAIN * MICROSECONDS)
                self._learn(self._ledger.rate())
            else:
                self._learn(self._ledger.note_rate(rate, now))
        return self._known.max_send_rate or LOWEST_RATE

    def _learn(self, item: RateItem | Unreachable) -> None:
        if isinstance(item, RateItem):
            self._known = item
