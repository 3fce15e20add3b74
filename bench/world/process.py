"""A process of the sender's function: its processor, its clock, its calls, and perhaps its sudden end."""

from __future__ import annotations

import heapq
import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from botocore.exceptions import ClientError
from greenlet import getcurrent

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

    from greenlet import greenlet

    from bench.world.clock import Clock

T = TypeVar("T")
R = TypeVar("R")


class Died(BaseException):
    """The process has ended in the middle of its work, as one does that has used up its memory."""


class ModelFailed(BaseException):
    """A model of a service raised what no service answers; this ends the simulation."""


class Process:
    """One process with one processor, for which its threads queue.

    The processor has `speed` of a whole one. Its clock is `skew` seconds ahead of time. Each of its calls is
    its last one with the probability that `death` returns: it dies before the request leaves, or before it
    reads the answer.
    """

    def __init__(
        self,
        clock: Clock,
        chance: random.Random,
        *,
        skew: float = 0.0,
        death: Callable[[], float] = lambda: 0.0,
        speed: float = 1.0,
    ) -> None:
        self._clock = clock
        self._chance = chance
        self._skew = skew
        self._death = death
        self._speed = speed
        self._ended_at = math.inf
        self._busy_until = 0.0
        self._waits: dict[greenlet, float] = {}
        self._date = datetime.fromtimestamp(self.time(), UTC)
        self._dated_at = self._clock.now

    def end_at(self, moment: float) -> None:
        """End at a moment of the simulation, as a function does that runs out of time."""
        self._ended_at = moment

    def time(self) -> float:
        """Return the time by this process's clock."""
        return self._clock.now + self._skew

    def date(self) -> datetime:
        """Return the same in UTC."""
        if self._dated_at != self._clock.now:
            self._date, self._dated_at = datetime.fromtimestamp(self.time(), UTC), self._clock.now
        return self._date

    def sleep(self, seconds: float) -> None:
        """Wait so many seconds; this counts as waiting."""
        self._wait_until(self._clock.now + seconds)

    def wait_until(self, moment: float) -> None:
        """Wait until this process's clock has a time; this counts as waiting."""
        self._wait_until(moment - self._skew)

    def pause(self, seconds: float) -> None:
        """Wait so many seconds, as before a retry; this counts as work."""
        self._clock.sleep(seconds)
        self._check_alive()

    def compute(self, seconds: float) -> None:
        """Use the processor for so long, as soon as it is free."""
        self._clock.sleep_until(self._computed(seconds))

    def take_waited(self) -> float:
        """Return how many seconds this thread has waited since it was asked last."""
        return self._waits.pop(getcurrent(), 0.0)

    def call(self, cpu: float, there: float, back: float, answer: Callable[[], T]) -> T:
        """Call a service: its `answer` is made when the request has arrived, `there` seconds after it left.

        Raise its `ClientError` when that has come `back`.
        """
        death = self._death()
        dies = death > 0 and self._chance.random() < death
        if dies and self._chance.choice((True, False)):
            self._ended_at = self._clock.now
        leaves_at = self._computed(cpu)
        self._clock.sleep_until(leaves_at + there)
        if self._ended_at <= leaves_at:
            raise Died
        error: ClientError | None = None
        try:
            answered = answer()
        except ClientError as refusal:
            error = refusal
        except Exception as failure:
            raise ModelFailed from failure
        self._clock.sleep(back)
        if dies:
            self._ended_at = min(self._ended_at, self._clock.now)
        self._check_alive()
        if error is not None:
            raise error
        return answered

    def side_by_side(self, step: Callable[[T], R], items: Sequence[T], most: int, /) -> list[R]:
        """Run `step` for each item, at most `most` at a time, as threads do.

        What counts as waiting is how much sooner all would have ended if none of them had waited.
        """
        began = self._clock.now
        work = [0.0] * len(items)

        def timed(index: int) -> R:
            began = self._clock.now
            try:
                return step(items[index])
            finally:
                work[index] = self._clock.now - began - self.take_waited()

        try:
            return self._clock.side_by_side(timed, range(len(items)), most)
        finally:
            self._count_waited(self._clock.now - began - makespan(work, most))

    def _wait_until(self, moment: float) -> None:
        began = self._clock.now
        self._clock.sleep_until(moment)
        self._count_waited(self._clock.now - began)
        self._check_alive()

    def _count_waited(self, seconds: float) -> None:
        if seconds > 0:
            thread = getcurrent()
            self._waits[thread] = self._waits.get(thread, 0.0) + seconds

    def _computed(self, seconds: float) -> float:
        """Queue work of a whole processor; return when it is done."""
        self._busy_until = max(self._busy_until, self._clock.now) + seconds / self._speed
        return self._busy_until

    def _check_alive(self) -> None:
        if self._ended_at <= self._clock.now:
            raise Died


def makespan(work: Sequence[float], most: int) -> float:
    """Return how long steps take that begin in order, at most `most` at a time."""
    ends = [0.0] * min(most, len(work))
    for seconds in work:
        heapq.heapreplace(ends, ends[0] + seconds)
    return max(ends, default=0.0)
