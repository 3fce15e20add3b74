"""Many workers on one account, in simulated time: their calls overlap, and take random times.

The account is that of the simulated SES, so that what SES would refuse is counted.
"""

from __future__ import annotations

import heapq
import itertools
import random
import threading
from typing import TYPE_CHECKING

import msgspec

from mailbus_local.ses.errors import SesError
from mailbus_local.ses.state.account import UNLIMITED, Account, Limits
from sender.rate import gcra
from sender.rate.gcra import QuotaExhausted, RetryAfter, SendAt
from sender.rate.pacer import Pacer
from tests.unit.sender.rate.fake_rate import NOW, FakeRateStore

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sender.rate.gcra import Lane, RateState

CACHE_SECONDS = 5.0
# the numbers of recipients of a shop's mails: mostly one, sometimes a team
MIXED = (1,) * 12 + (2, 2, 3, 5, 8)


class Stopped(BaseException):
    """Ends a worker's thread when the simulation ends."""


class Simulation:
    """Simulated time: threads run one at a time, so that the seed alone decides what happens."""

    def __init__(self, seed: int) -> None:
        self.now = NOW
        self.chance = random.Random(seed)  # noqa: S311 - the same each time
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._asleep: list[threading.Semaphore] = []
        self._paused = threading.Semaphore(0)
        self._stopped = False
        self._failures: list[BaseException] = []
        self._threads: list[threading.Thread] = []

    def clock(self) -> float:
        return self.now

    def at(self, moment: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._due, (moment, next(self._order), act))

    def sleep(self, seconds: float) -> None:
        if self._stopped:
            raise Stopped
        woken = threading.Semaphore(0)
        self._asleep.append(woken)
        self.at(self.now + seconds, lambda: self._wake(woken))
        self._paused.release()
        woken.acquire()
        if self._stopped:
            raise Stopped

    def _wake(self, woken: threading.Semaphore) -> None:
        self._asleep.remove(woken)
        woken.release()
        self._paused.acquire()

    def spawn(self, work: Callable[[], None]) -> None:
        def run() -> None:
            try:
                self.sleep(0)
                work()
            except Stopped:
                pass
            except BaseException as error:  # noqa: BLE001 - raised again in the test
                self._failures.append(error)
            finally:
                self._paused.release()

        thread = threading.Thread(target=run, daemon=True)
        self._threads.append(thread)
        thread.start()
        self._paused.acquire()

    def run(self, seconds: float) -> None:
        """Simulate so many seconds, then end all threads."""
        end = self.now + seconds
        while self._due and self._due[0][0] <= end and not self._failures:
            self.now, _, act = heapq.heappop(self._due)
            act()
        self._stopped = True
        while self._asleep:
            self._wake(self._asleep[0])
        for thread in self._threads:
            thread.join(10)
        if self._failures:
            raise self._failures[0]


class SlowStore(FakeRateStore):
    """The ledger, with the time that a request and its answer take."""

    def __init__(self, simulation: Simulation) -> None:
        super().__init__()
        self.simulation = simulation

    def read(self) -> RateState:
        self._travel()
        state = super().read()
        self._travel()
        return state

    def write(self, state: RateState) -> RateState | None:
        self._travel()
        found = super().write(state)
        self._travel()
        return found

    def _travel(self) -> None:
        self.simulation.sleep(self.simulation.chance.uniform(0.001, 0.005))


class Mail(msgspec.Struct, kw_only=True):
    recipients: int
    first_try: float | None = None


class Workers:
    """The workers of one account, what they sent, and how long it took."""

    def __init__(self, rate: float, *, seed: int = 1, bulk_share: float = 1.0) -> None:
        self.simulation = Simulation(seed)
        self.store = SlowStore(self.simulation)
        self.account = Account(Limits(max_send_rate=rate, max_24_hour_send=UNLIMITED), self.simulation.clock)
        self.sent: dict[Lane, list[tuple[float, int]]] = {"transactional": [], "bulk": []}
        self._delays: list[tuple[float, float]] = []
        self.refused: list[tuple[float, int]] = []
        self.exhausted = 0
        self.queue: list[Mail] = []
        self._bulk_share = bulk_share

    def limits(self) -> gcra.Limits | None:
        self.simulation.sleep(self.simulation.chance.uniform(0.0, 0.1))
        try:
            self.account.count_get_account()
        except SesError:
            return None
        most = self.account.limits.max_24_hour_send
        return gcra.Limits(
            max_send_rate=self.account.limits.max_send_rate,
            quota_left=None if most == UNLIMITED else int(most) - self.account.sent_last_24_hours(),
        )

    def start(self, workers: int, lane: Lane, *, batch: int, backlog: Sequence[int] = ()) -> None:
        """Start workers. With a `backlog` each always has more such mails; else they send what is queued."""
        for _ in range(workers):
            pacer = Pacer(
                self.store,
                self.limits,
                cache_seconds=CACHE_SECONDS,
                bulk_share=self._bulk_share,
                clock=self.simulation.clock,
                sleep=self.simulation.sleep,
                uniform=self.simulation.chance.uniform,
            )
            self.simulation.spawn(lambda pacer=pacer: self._work(pacer, lane, batch, backlog))  # type: ignore[misc]

    def enqueue_randomly(self, share: float, *, recipients: Sequence[int]) -> None:
        """Have transactional mails arrive at random times; together they need a share of the rate."""
        mean = sum(recipients) / len(recipients)

        def arrive() -> None:
            count = self.simulation.chance.choice(recipients)
            self.queue.append(Mail(recipients=count))
            every = mean / (share * self.account.limits.max_send_rate)
            self.simulation.at(self.simulation.now + self.simulation.chance.expovariate(1 / every), arrive)

        self.simulation.at(self.simulation.now, arrive)

    def accepted(self, *, since: float, until: float, lane: Lane | None = None) -> float:
        """Return the share of the rate that SES accepted between two times in simulated seconds."""
        lanes = self.sent if lane is None else {lane: self.sent[lane]}
        total = sum(
            count for sent in lanes.values() for moment, count in sent if since <= moment - NOW < until
        )
        return total / (until - since) / self.account.limits.max_send_rate

    def delays(self, *, since: float = 0.0) -> list[float]:
        """Return how long the transactional mails were delayed for the rate, the shortest first."""
        return sorted(wait for moment, wait in self._delays if moment - NOW >= since)

    def _work(self, pacer: Pacer, lane: Lane, batch: int, backlog: Sequence[int]) -> None:
        while True:
            mails = self._take(batch, backlog)
            if not mails:
                self.simulation.sleep(0.05)
                continue
            while mails:
                mails = self._send(pacer, lane, mails)

    def _take(self, batch: int, backlog: Sequence[int]) -> list[Mail]:
        if backlog:
            return [Mail(recipients=count) for count in self.simulation.chance.choices(backlog, k=batch)]
        mails, self.queue = self.queue[:batch], self.queue[batch:]
        return mails

    def _send(self, pacer: Pacer, lane: Lane, mails: list[Mail]) -> list[Mail]:
        now = self.simulation.now
        decisions = pacer.reserve([mail.recipients for mail in mails], lane)
        # the jobs are claimed in the ledger
        self.simulation.sleep(self.simulation.chance.uniform(0.002, 0.01))
        left: list[Mail] = []
        ends = [self.simulation.now]
        for mail, decision in zip(mails, decisions, strict=True):
            mail.first_try = now if mail.first_try is None else mail.first_try
            if isinstance(decision, SendAt):
                sent_at = max(self.simulation.now, decision.due)
                if lane == "transactional":
                    self._delays.append((self.simulation.now, sent_at - mail.first_try))
                moment = sent_at + self.simulation.chance.uniform(0.0, 0.1)
                ends.append(moment)
                self.simulation.at(moment, lambda mail=mail: self._admit(mail, lane))  # type: ignore[misc]
            elif isinstance(decision, QuotaExhausted):
                self.exhausted += 1
            else:
                left.append(mail)
        waiting = min(
            (decision.seconds for decision in decisions if isinstance(decision, RetryAfter)), default=0.0
        )
        self.simulation.sleep(max(max(ends) - self.simulation.now, waiting if len(ends) == 1 else 0.0))
        # SES's answers are written to the ledger
        self.simulation.sleep(self.simulation.chance.uniform(0.002, 0.01))
        return left

    def _admit(self, mail: Mail, lane: Lane) -> None:
        try:
            self.account.admit(mail.recipients, mail.recipients)
        except SesError:
            self.refused.append((self.simulation.now, mail.recipients))
        else:
            self.sent[lane].append((self.simulation.now, mail.recipients))
