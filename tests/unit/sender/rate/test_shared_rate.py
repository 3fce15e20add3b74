"""Many workers on one account, in simulated time: their calls overlap, and take as long as chance has it.

The account is the simulated SES's own, so that what it would refuse is counted here.
"""

from __future__ import annotations

import heapq
import itertools
import random
import threading
from typing import TYPE_CHECKING

import msgspec
import pytest

from mailbus_local.ses.account import UNLIMITED, Account, Limits
from mailbus_local.ses.refusals import Refusal
from sender.rate import gcra
from sender.rate.gcra import QuotaExhausted, RetryAfter, SendAt
from sender.rate.pacer import Pacer
from tests.unit.sender.rate.fake_rate import FakeRateStore

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sender.rate.gcra import Lane, RateState

EPOCH = 1_794_000_000.0
CACHE_SECONDS = 5.0
# mails of a shop: most have one recipient, some go to a team
MIXED = (1,) * 12 + (2, 2, 3, 5, 8)


class Over(BaseException):
    """Ends a worker's thread with the simulation."""


class World:
    """Simulated time: threads take turns, one at a time, so that a seed decides everything."""

    def __init__(self, seed: int) -> None:
        self.now = EPOCH
        self.chance = random.Random(seed)  # noqa: S311 - the same each time
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._asleep: list[threading.Semaphore] = []
        self._baton = threading.Semaphore(0)
        self._over = False
        self._failures: list[BaseException] = []
        self._threads: list[threading.Thread] = []

    def clock(self) -> float:
        return self.now

    def at(self, moment: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._due, (moment, next(self._order), act))

    def sleep(self, seconds: float) -> None:
        if self._over:
            raise Over
        woken = threading.Semaphore(0)

        self._asleep.append(woken)
        self.at(self.now + seconds, lambda: self._wake(woken))
        self._baton.release()
        woken.acquire()
        if self._over:
            raise Over

    def _wake(self, woken: threading.Semaphore) -> None:
        self._asleep.remove(woken)
        woken.release()
        self._baton.acquire()

    def spawn(self, work: Callable[[], None]) -> None:
        def run() -> None:
            try:
                self.sleep(0)
                work()
            except Over:
                pass
            except BaseException as error:  # noqa: BLE001 - raised again where the test sees it
                self._failures.append(error)
            finally:
                self._baton.release()

        thread = threading.Thread(target=run, daemon=True)
        self._threads.append(thread)
        thread.start()
        self._baton.acquire()

    def run(self, seconds: float) -> None:
        """Play so much time, and end."""
        end = self.now + seconds
        while self._due and self._due[0][0] <= end and not self._failures:
            self.now, _, act = heapq.heappop(self._due)
            act()
        self._over = True
        while self._asleep:
            self._wake(self._asleep[0])
        for thread in self._threads:
            thread.join(10)
        if self._failures:
            raise self._failures[0]


class SlowStore(FakeRateStore):
    """The ledger, with the time that a call takes both ways."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world

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
        self.world.sleep(self.world.chance.uniform(0.001, 0.005))


class Mail(msgspec.Struct, kw_only=True):
    recipients: int
    arrived: float
    asked: float | None = None


class Office:
    """An account with its workers: what they send, and how long it took."""

    def __init__(self, rate: float, *, seed: int = 1, bulk_share: float = 1.0) -> None:
        self.world = World(seed)
        self.store = SlowStore(self.world)
        self.account = Account(Limits(max_send_rate=rate, max_24_hour_send=UNLIMITED), self.world.clock)
        self.sent: dict[Lane, list[tuple[float, int]]] = {"transactional": [], "bulk": []}
        self.waits: list[tuple[float, float]] = []
        self.refused: list[tuple[float, int]] = []
        self.exhausted = 0
        self.batches = 0
        self.queue: list[Mail] = []
        self._bulk_share = bulk_share

    def limits(self) -> gcra.Limits | None:
        self.world.sleep(self.world.chance.uniform(0.0, 0.1))
        try:
            self.account.read()
        except Refusal:
            return None
        most = self.account.limits.max_24_hour_send
        return gcra.Limits(
            max_send_rate=self.account.limits.max_send_rate,
            quota_left=None if most == UNLIMITED else int(most) - self.account.sent_last_24_hours(),
        )

    def employ(self, workers: int, lane: Lane, *, batch: int, backlog: Sequence[int] = ()) -> None:
        """Add workers; with a `backlog` each always finds more of such mails, else what is in the queue."""
        for _ in range(workers):
            pacer = Pacer(
                self.store,
                self.limits,
                cache_seconds=CACHE_SECONDS,
                bulk_share=self._bulk_share,
                clock=self.world.clock,
                sleep=self.world.sleep,
                uniform=self.world.chance.uniform,
            )
            self.world.spawn(lambda pacer=pacer: self._work(pacer, lane, batch, backlog))  # type: ignore[misc]

    def trickle(self, share: float, *, recipients: Sequence[int]) -> None:
        """Let transactional mails come in by chance, which together take a share of the rate."""
        mean = sum(recipients) / len(recipients)

        def arrive() -> None:
            count = self.world.chance.choice(recipients)
            self.queue.append(Mail(recipients=count, arrived=self.world.now))
            every = mean / (share * self.account.limits.max_send_rate)
            self.world.at(self.world.now + self.world.chance.expovariate(1 / every), arrive)

        self.world.at(self.world.now, arrive)

    def accepted(self, *, since: float, until: float, lane: Lane | None = None) -> float:
        """Tell the share of the rate that SES accepted in a span of simulated seconds."""
        lanes = self.sent if lane is None else {lane: self.sent[lane]}
        total = sum(
            count for sent in lanes.values() for moment, count in sent if since <= moment - EPOCH < until
        )
        return total / (until - since) / self.account.limits.max_send_rate

    def waited(self, *, since: float = 0.0) -> list[float]:
        """Tell how long the transactional mails waited for their turns, the shortest first."""
        return sorted(wait for moment, wait in self.waits if moment - EPOCH >= since)

    def _work(self, pacer: Pacer, lane: Lane, batch: int, backlog: Sequence[int]) -> None:
        while True:
            mails = self._take(batch, backlog)
            if not mails:
                self.world.sleep(0.02)
                continue
            self.batches += 1
            while mails:
                mails = self._play(pacer, lane, mails)

    def _take(self, batch: int, backlog: Sequence[int]) -> list[Mail]:
        if backlog:
            chosen = self.world.chance.choices(backlog, k=batch)
            return [Mail(recipients=count, arrived=self.world.now) for count in chosen]
        mails, self.queue = self.queue[:batch], self.queue[batch:]
        return mails

    def _play(self, pacer: Pacer, lane: Lane, mails: list[Mail]) -> list[Mail]:
        asked = self.world.now
        turns = pacer.reserve([mail.recipients for mail in mails], lane)
        # the jobs are claimed in the ledger
        self.world.sleep(self.world.chance.uniform(0.002, 0.01))
        left: list[Mail] = []
        ends = [self.world.now]
        for mail, turn in zip(mails, turns, strict=True):
            mail.asked = asked if mail.asked is None else mail.asked
            if isinstance(turn, SendAt):
                goes = max(self.world.now, turn.due)
                if lane == "transactional":
                    self.waits.append((self.world.now, goes - mail.asked))
                moment = goes + self.world.chance.uniform(0.0, 0.1)
                ends.append(moment)
                self.world.at(moment, lambda mail=mail: self._admit(mail, lane))  # type: ignore[misc]
            elif isinstance(turn, QuotaExhausted):
                self.exhausted += 1
            else:
                left.append(mail)
        waiting = min((turn.seconds for turn in turns if isinstance(turn, RetryAfter)), default=0.0)
        self.world.sleep(max(max(ends) - self.world.now, waiting if len(ends) == 1 else 0.0))
        # what SES answered is noted in the ledger
        self.world.sleep(self.world.chance.uniform(0.002, 0.01))
        return left

    def _admit(self, mail: Mail, lane: Lane) -> None:
        try:
            self.account.admit(mail.recipients, mail.recipients)
        except Refusal:
            self.refused.append((self.world.now, mail.recipients))
        else:
            self.sent[lane].append((self.world.now, mail.recipients))


# by rate: the simulated seconds, and how many mails a batch holds, so that even one worker can carry it
BACKLOGS = [(14, 60, 10), (100, 25, 100), (1000, 12, 100)]


@pytest.mark.parametrize("lane", ["transactional", "bulk"])
@pytest.mark.parametrize("workers", [1, 4, 20])
@pytest.mark.parametrize(("rate", "seconds", "batch"), BACKLOGS)
def test_a_backlog_uses_the_whole_rate_and_nothing_is_throttled(
    rate: int, seconds: int, batch: int, workers: int, lane: Lane
) -> None:
    office = Office(rate)
    office.employ(workers, lane, batch=batch, backlog=MIXED)
    office.world.run(seconds)
    assert office.refused == []
    assert 0.97 <= office.accepted(since=5, until=seconds) <= 1.01


@pytest.mark.parametrize("share", [0.2, 0.4, 0.6])
@pytest.mark.parametrize(
    ("rate", "workers", "seconds", "recipients"),
    # at 14 a second one mail for eight takes half a second by itself
    [(14, 4, 150, (1,)), (100, 4, 40, MIXED), (1000, 20, 15, MIXED)],
)
def test_a_transactional_mail_has_its_turn_within_a_second_while_bulk_takes_what_is_left(
    rate: int, workers: int, seconds: int, recipients: tuple[int, ...], share: float
) -> None:
    office = Office(rate)
    office.employ(workers, "transactional", batch=10)
    office.employ(4, "bulk", batch=100, backlog=MIXED)
    office.trickle(share, recipients=recipients)
    office.world.run(seconds)
    assert office.refused == []
    assert 0.97 <= office.accepted(since=5, until=seconds) <= 1.01
    assert office.accepted(since=5, until=seconds, lane="bulk") == pytest.approx(
        1 - office.accepted(since=5, until=seconds, lane="transactional"), abs=0.03
    )
    waited = office.waited(since=5)
    assert len(waited) > 100
    assert waited[-1] < 1.0


def test_bulk_hardly_gets_a_turn_while_transactional_mail_needs_the_whole_rate() -> None:
    office = Office(100)
    office.employ(8, "transactional", batch=20, backlog=MIXED)
    office.employ(4, "bulk", batch=20, backlog=MIXED)
    office.world.run(40)
    assert office.refused == []
    assert office.accepted(since=5, until=40, lane="bulk") < 0.05


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_bulk_keeps_to_its_share_though_the_rest_is_idle(share: float) -> None:
    office = Office(100, bulk_share=share)
    office.employ(4, "bulk", batch=10, backlog=MIXED)
    office.world.run(60)
    assert office.accepted(since=5, until=60) == pytest.approx(share, rel=0.03)


@pytest.mark.parametrize(("before", "after"), [(14, 100), (50, 100), (100, 14), (1000, 100)])
def test_a_changed_rate_is_followed_within_the_cache_time(before: int, after: int) -> None:
    office = Office(before)
    office.employ(4, "transactional", batch=10, backlog=MIXED)
    changed = 12
    office.world.at(
        EPOCH + changed, lambda: office.account.change(Limits(max_send_rate=after, max_24_hour_send=-1), None)
    )
    office.world.run(70)
    # what had its turn at the former rate goes first, and SES is asked once a second
    since = changed + CACHE_SECONDS + 5
    assert [moment for moment, _ in office.refused if moment - EPOCH > since] == []
    assert 0.97 <= office.accepted(since=since, until=70) <= 1.01


@pytest.mark.parametrize("rate", [14, 50, 100])
def test_mails_for_more_recipients_than_the_bucket_holds_are_not_throttled_either(rate: int) -> None:
    office = Office(rate)
    office.employ(4, "transactional", batch=10, backlog=(*MIXED, 14, 20, 50))
    office.world.run(120)
    assert office.refused == []
    # each may find the bucket full for as long as calls differ in how long they take
    assert 0.93 <= office.accepted(since=5, until=120) <= 1.01


def test_an_exhausted_quota_is_noticed_before_ses_says_so_and_a_raised_one_within_the_cache_time() -> None:
    office = Office(100)
    office.account.change(Limits(max_send_rate=100, max_24_hour_send=600), 0)
    office.employ(4, "bulk", batch=20, backlog=(1,))
    office.world.at(
        EPOCH + 20, lambda: office.account.change(Limits(max_send_rate=100, max_24_hour_send=900), None)
    )
    office.world.run(40)
    early = [moment for moment, _ in office.sent["bulk"] if moment - EPOCH < 20]
    assert len(early) == 600
    assert len(office.sent["bulk"]) == 900
    assert office.refused == []
    assert office.exhausted > 0
