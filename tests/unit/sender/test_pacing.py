from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mailbus.ledger import Occupied, RateItem, Taken, Unreachable
from sender.pacing import LOWEST_RATE, PATIENCE, Later, Now, Pacer, Turn


class Table:
    """The ledger's promise, kept in memory: no stretch is given twice."""

    def __init__(self, item: RateItem | None = None, *, broken: bool = False) -> None:
        self.item = item or RateItem()
        self.broken = broken

    def rate(self) -> RateItem | Unreachable:
        return Unreachable(code="ProvisionedThroughputExceededException") if self.broken else self.item

    def note_rate(self, max_send_rate: float, read_at: int) -> RateItem | Unreachable:
        self.item = RateItem(max_send_rate=max_send_rate, read_at=read_at, taken_until=self.item.taken_until)
        return self.rate()

    def take(self, length: int, *, now: int, latest: int, known: RateItem) -> Taken | Occupied | Unreachable:
        del known
        if self.broken:
            return Unreachable(code="InternalServerError")
        if self.item.taken_until > latest:
            return Occupied(item=self.item)
        start = max(now, self.item.taken_until)
        self.item = RateItem(
            max_send_rate=self.item.max_send_rate, read_at=self.item.read_at, taken_until=start + length
        )
        return Taken(start=start, item=self.item)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class SesAccount:
    def __init__(self, rate: float | None) -> None:
        self.rate = rate
        self.asked = 0

    def __call__(self) -> float | None:
        self.asked += 1
        return self.rate


def pacer(table: Table, account: SesAccount, clock: Clock) -> Pacer:
    return Pacer(table, account, cache_seconds=60, clock=clock)


def due(turns: list[Turn]) -> list[float]:
    return [round(turn.due, 3) for turn in turns if isinstance(turn, Now)]


def test_an_idle_rate_lets_the_first_mail_go_at_once_and_the_next_when_its_recipients_have_passed() -> None:
    turns = pacer(Table(), SesAccount(10.0), Clock()).reserve([1, 5, 1])
    assert due(turns) == [1000.0, 1000.1, 1000.6]


def test_workers_follow_one_another() -> None:
    table, account, clock = Table(), SesAccount(10.0), Clock()
    first, second = pacer(table, account, clock), pacer(table, account, clock)
    assert due(first.reserve([5])) == [1000.0]
    assert due(second.reserve([5])) == [1000.5]
    assert due(first.reserve([1])) == [1001.0]


def test_time_that_nobody_used_is_not_saved_up() -> None:
    table, clock = Table(), Clock()
    worker = pacer(table, SesAccount(10.0), clock)
    worker.reserve([1])
    clock.now += 30
    assert due(worker.reserve([1, 1])) == [1030.0, 1030.1]


def test_a_turn_beyond_patience_is_for_later() -> None:
    table, clock = Table(), Clock()
    worker = pacer(table, SesAccount(1.0), clock)
    assert due(worker.reserve([int(PATIENCE) + 5])) == [1000.0]
    assert worker.reserve([1, 1]) == [Later(seconds=PATIENCE + 5)] * 2


def test_a_batch_that_would_keep_a_worker_too_long_goes_in_part() -> None:
    worker = pacer(Table(), SesAccount(1.0), Clock())
    first, second, third, fourth = worker.reserve([10, 10, 10, 10])
    assert (first, second) == (Now(due=1000.0), Now(due=1010.0))
    assert third == fourth == Later(seconds=20.0)


def test_a_mail_for_more_recipients_than_a_worker_has_patience_for_still_has_its_turn() -> None:
    assert pacer(Table(), SesAccount(1.0), Clock()).reserve([50]) == [Now(due=1000.0)]


def test_no_mail_reserves_nothing() -> None:
    account = SesAccount(1.0)
    assert pacer(Table(), account, Clock()).reserve([]) == []
    assert account.asked == 0


def test_the_rate_is_asked_for_once_in_its_cache_time_by_all_workers_together() -> None:
    table, account, clock = Table(), SesAccount(10.0), Clock()
    workers = [pacer(table, account, clock) for _ in range(3)]
    for worker in workers:
        worker.reserve([1])
    assert account.asked == 1
    account.rate = 20.0
    clock.now += 61
    assert due(workers[0].reserve([1, 1])) == [1061.0, 1061.05]
    assert account.asked == 2


def test_a_rate_that_ses_does_not_tell_is_taken_from_the_ledger_and_asked_for_again() -> None:
    table = Table(RateItem(max_send_rate=5.0, read_at=0))
    account, clock = SesAccount(None), Clock()
    worker = pacer(table, account, clock)
    assert due(worker.reserve([1, 1])) == [1000.0, 1000.2]
    worker.reserve([1])
    assert account.asked == 1
    clock.now += 1
    worker.reserve([1])
    assert account.asked == 2


def test_an_account_that_nobody_knows_is_taken_for_the_slowest() -> None:
    turns = pacer(Table(), SesAccount(None), Clock()).reserve([1, 1])
    assert due(turns) == [1000.0, 1000.0 + 1 / LOWEST_RATE]


def test_without_the_ledger_mail_goes_on() -> None:
    assert due(pacer(Table(broken=True), SesAccount(10.0), Clock()).reserve([1, 1])) == [1000.0, 1000.0]


@given(
    st.lists(st.tuples(st.integers(0, 3), st.lists(st.integers(1, 50), min_size=1, max_size=10)), max_size=30)
)
def test_together_workers_never_exceed_the_rate(batches: list[tuple[int, list[int]]]) -> None:
    table, clock, rate = Table(), Clock(), 100.0
    workers = [pacer(table, SesAccount(rate), clock) for _ in range(4)]
    sent: list[tuple[float, int]] = []
    for who, recipients in batches:
        turns = workers[who].reserve(recipients)
        sent += [
            (turn.due, count) for turn, count in zip(turns, recipients, strict=True) if isinstance(turn, Now)
        ]
        clock.now += 0.01
    sent.sort()
    for (moment, recipients), (following, _) in pairwise(sent):
        assert following - moment >= recipients / rate - 1e-3
