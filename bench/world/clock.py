"""Virtual time: greenlets that sleep, of which one runs at a time.

Time passes only while all of them sleep. What happens at the same moment happens in the order in which it was
arranged, so that a simulation depends on nothing but its seed.
"""

from __future__ import annotations

import heapq
import math
from typing import TYPE_CHECKING, Final, TypeVar

from greenlet import GreenletExit, getcurrent, greenlet

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")
R = TypeVar("R")

# 2026-11-22 12:00 UTC
START: Final = 1_795_348_800.0


class Clock:
    """The time of a simulation, in epoch seconds."""

    def __init__(self) -> None:
        self.now = START
        self._order = 0
        self._sleeping: list[tuple[float, int, greenlet]] = []
        self._main = getcurrent()
        self._working: set[greenlet] = set()

    def time(self) -> float:
        """Return the time."""
        return self.now

    def spawn(self, work: Callable[[], object], *, after: float = 0.0) -> None:
        """Run `work` beside all else, that many seconds from now."""

        def run() -> None:
            try:
                work()
            finally:
                self._working.discard(worker)

        worker = greenlet(run, self._main)
        self._working.add(worker)
        self._wake_at(self.now + after, worker)

    def sleep(self, seconds: float) -> None:
        """Let other work continue for so many seconds."""
        self._wake_at(self.now + seconds if seconds > 0 else self.now, getcurrent())
        self._main.switch()

    def sleep_until(self, moment: float) -> None:
        """Let other work continue until a moment; return at once if it has passed."""
        if moment > self.now:
            self._wake_at(moment, getcurrent())
            self._main.switch()

    def run(self, until: float = math.inf) -> None:
        """Let time pass until a moment, or until nothing is left to do. Raise what the work raises."""
        sleeping = self._sleeping
        while sleeping and sleeping[0][0] <= until:
            self.now, _, woken = heapq.heappop(sleeping)
            woken.switch()
        if until < math.inf:
            self.now = max(self.now, until)

    def end(self) -> None:
        """End all work that is not done: what sleeps for ever is never freed."""
        self._sleeping.clear()
        for worker in list(self._working):
            worker.throw(GreenletExit)
        self._working.clear()

    def side_by_side(self, step: Callable[[T], R], items: Sequence[T], most: int, /) -> list[R]:
        """Run `step` for each item as `mailbus.side_by_side.in_threads` does."""
        if len(items) == 1:
            return [step(items[0])]
        results: dict[int, R] = {}
        errors: dict[int, BaseException] = {}
        waiting = iter(range(len(items)))
        running = min(most, len(items))
        caller = getcurrent()

        def work() -> None:
            nonlocal running
            for index in waiting:
                try:
                    results[index] = step(items[index])
                except GreenletExit:
                    # the simulation was given up
                    raise
                except BaseException as error:  # noqa: BLE001 - raised again below
                    errors[index] = error
            running -= 1
            if not running:
                self._wake_at(self.now, caller)

        for _ in range(running):
            self.spawn(work)
        if running:
            self._main.switch()
        if errors:
            raise errors[min(errors)]
        return [results[index] for index in range(len(items))]

    def _wake_at(self, moment: float, sleeper: greenlet) -> None:
        self._order += 1
        heapq.heappush(self._sleeping, (moment, self._order, sleeper))
