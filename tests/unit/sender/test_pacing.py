from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbus.ledger.table import Unreachable
from sender.rate.pacer import (
    BULK_AHEAD,
    BULK_STRETCH,
    CREDIT,
    LANES,
    LOWEST_RATE,
    PATIENCE,
    SLACK,
    UNREACHABLE_SECONDS,
    Exhausted,
    Lane,
    Later,
    Limits,
    Now,
    Overtaken,
    Pacer,
    RateState,
    Written,
    measured,
    reserve,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sender.rate.pacer import Reservation, Turn

NOW = 1_794_000_000.0
LOST = Unreachable(code="ProvisionedThroughputExceededException")


def known(rate: float = 10.0, *, taken: float = 0.0, **changes: float | None) -> RateState:
    """An account's state, `taken` seconds ahead."""
    state = RateState(
        max_send_rate=rate, read_at=NOW, taken_until=NOW + taken, full_at=NOW + taken, version=7
    )
    return msgspec.structs.replace(state, **changes)


def idle(rate: float = 10.0) -> RateState:
    return known(rate, taken=-60.0)


def reserved(
    state: RateState, recipients: Sequence[int], lane: Lane = "transactional", *, share: float = 1.0
) -> Reservation:
    return reserve(state, recipients, lane, now=NOW, bulk_share=share)


def due(turns: Sequence[Turn]) -> list[float]:
    """When mails go, in seconds from now."""
    return [round(turn.due - NOW, 3) for turn in turns if isinstance(turn, Now)]


def later(turns: Sequence[Turn]) -> list[float]:
    return [round(turn.seconds, 3) for turn in turns if isinstance(turn, Later)]


def test_an_idle_rate_lets_the_first_mail_go_at_once_and_the_next_when_its_recipients_have_passed() -> None:
    plan = reserved(idle(), [1, 5, 1])
    assert due(plan.turns) == [0.0, 0.1, 0.6]
    assert plan.state.taken_until == pytest.approx(NOW + 0.7)


def test_a_batch_goes_behind_those_before() -> None:
    assert due(reserved(known(taken=2.0), [5, 1]).turns) == [2.0, 2.5]


def test_time_that_nobody_used_is_not_saved_up() -> None:
    assert due(reserved(known(taken=-CREDIT - 0.01), [1, 1]).turns) == [0.0, 0.1]


def test_a_gap_as_short_as_between_two_batches_is_caught_up() -> None:
    assert due(reserved(known(taken=-0.2), [1, 1, 1]).turns) == [-0.2, -0.1, 0.0]


def test_a_batch_that_would_keep_a_worker_too_long_goes_in_part() -> None:
    turns = reserved(idle(1.0), [4, 5, 4, 1]).turns
    assert due(turns[:2]) == [0.0, 4.0 + SLACK]
    assert later(turns[2:]) == [round(9.0 + SLACK - PATIENCE / 2, 3)] * 2


def test_a_batch_beyond_patience_is_for_later_and_takes_nothing() -> None:
    state = known(taken=PATIENCE + 0.1)
    plan = reserved(state, [1, 1])
    assert later(plan.turns) == [5.1, 5.1]
    assert plan.state == state


def test_a_mail_for_more_recipients_than_a_worker_has_patience_for_still_has_its_turn() -> None:
    assert due(reserved(idle(1.0), [50]).turns) == [0.0]


def test_a_mail_that_needs_all_of_sess_bucket_waits_until_it_is_full() -> None:
    # a message for more than one second's worth is accepted from a full bucket alone
    assert due(reserved(known(taken=2.0), [1, 1, 10, 1]).turns) == [2.0, 2.1, 2.3, 3.3]


def test_a_mail_waits_for_no_more_of_the_bucket_than_its_recipients_need() -> None:
    # behind a gap that was caught up the bucket holds so much less
    state = known(taken=1.0, full_at=NOW + 1.0 + CREDIT)
    assert due(reserved(state, [6]).turns) == [1.0]
    assert due(reserved(state, [8]).turns) == [round(1.0 + CREDIT + SLACK - 0.2, 3)]


def test_a_bucket_that_has_long_been_full_keeps_no_mail_waiting() -> None:
    assert due(reserved(idle(1.0), [1]).turns) == [0.0]
    assert due(reserved(idle(14.0), [50]).turns) == [0.0]


def test_no_mail_reserves_nothing() -> None:
    assert reserved(idle(), []).turns == ()


def test_bulk_waits_until_the_others_turns_are_almost_over() -> None:
    assert due(reserved(known(taken=BULK_AHEAD), [1], "bulk").turns) == [BULK_AHEAD]
    state = known(taken=1.0)
    plan = reserved(state, [1], "bulk")
    assert later(plan.turns) == [1.0 - BULK_AHEAD]
    assert plan.state == state


def test_bulk_takes_so_little_at_a_time_that_a_transactional_mail_hardly_waits() -> None:
    plan = reserved(idle(100.0), [10] * 10, "bulk")
    assert due(plan.turns) == [0.0, 0.1, 0.2, 0.3]
    assert later(plan.turns) == [round(BULK_STRETCH - BULK_AHEAD, 3)] * 6
    assert due(reserved(plan.state, [1]).turns) == [BULK_STRETCH]


def test_a_bulk_mail_for_many_has_its_turn_when_it_is_the_first() -> None:
    turns = reserved(idle(14.0), [50, 1], "bulk").turns
    assert due(turns) == [0.0]
    assert later(turns) == [round(50 / 14 - BULK_AHEAD, 3)]


def test_bulk_that_has_had_its_share_waits_though_the_rate_is_idle() -> None:
    first = reserved(idle(100.0), [40], "bulk", share=0.25)
    assert due(first.turns) == [0.0]
    assert first.state.bulk_until == pytest.approx(NOW - CREDIT + 1.6)
    state = msgspec.structs.replace(first.state, taken_until=NOW, full_at=NOW)
    assert later(reserved(state, [1], "bulk", share=0.25).turns) == [round(1.6 - CREDIT - BULK_AHEAD, 3)]
    assert due(reserved(state, [1]).turns) == [0.0]


@given(
    st.lists(
        st.tuples(st.floats(0.0, 2.0), st.lists(st.integers(1, 50), min_size=1, max_size=9)), max_size=30
    )
)
def test_the_whole_rate_for_bulk_is_no_limit_of_its_own(batches: list[tuple[float, list[int]]]) -> None:
    state, now = idle(), NOW
    for gap, recipients in batches:
        now += gap
        state = reserve(state, recipients, "bulk", now=now, bulk_share=1.0).state
        assert state.bulk_until <= max(state.taken_until, now - CREDIT) + 1e-6


def test_a_quota_that_does_not_suffice_for_a_mail_is_left_to_the_smaller_ones() -> None:
    plan = reserved(known(taken=-60, quota_left=12), [5, 10, 7, 1])
    assert [type(turn) for turn in plan.turns] == [Now, Exhausted, Now, Exhausted]
    assert plan.state.quota_left == 0


def test_mails_for_later_take_nothing_off_the_quota() -> None:
    plan = reserved(known(1.0, taken=-60, quota_left=200), [9, 9])
    assert [type(turn) for turn in plan.turns] == [Now, Later]
    assert plan.state.quota_left == 191


def test_an_account_without_a_quota_is_never_exhausted() -> None:
    assert reserved(idle(1000.0), [50] * 3).state.quota_left is None


@pytest.mark.parametrize(("new", "ahead"), [(20.0, 2.0), (5.0, 8.0), (10.0, 4.0)])
def test_what_is_reserved_takes_as_long_as_the_new_rate_needs_for_it(new: float, ahead: float) -> None:
    state = measured(known(taken=4.0, bulk_until=NOW - 3.0), Limits(max_send_rate=new), read_at=NOW)
    assert state.max_send_rate == new
    assert (state.taken_until, state.full_at) == (NOW + ahead, NOW + ahead)
    assert state.bulk_until == NOW - 3.0


def test_a_quota_as_ses_counts_it_comes_without_the_mails_that_are_still_to_go() -> None:
    state = measured(known(taken=4.0), Limits(max_send_rate=10.0, quota_left=100), read_at=NOW)
    assert state.quota_left == 59  # and one on its way
    assert measured(state, Limits(max_send_rate=10.0, quota_left=7), read_at=NOW).quota_left == 0


@given(
    st.lists(
        st.tuples(
            st.floats(0.0, 3.0),
            st.lists(st.integers(1, 50), min_size=1, max_size=10),
            st.sampled_from(get_args(Lane)),
        ),
        max_size=30,
    ),
    st.sampled_from([1.0, 14.0, 100.0, 1000.0]),
)
def test_mails_that_leave_when_they_are_due_never_find_sess_bucket_too_empty(
    batches: list[tuple[float, list[int], Lane]], rate: float
) -> None:
    state, now = idle(rate), NOW
    sent: list[tuple[float, int]] = []
    for gap, recipients, lane in batches:
        now += gap
        plan = reserve(state, recipients, lane, now=now, bulk_share=1.0)
        assert len(plan.turns) == len(recipients)
        state = plan.state
        sent += [
            (max(now, turn.due), count)
            for turn, count in zip(plan.turns, recipients, strict=True)
            if isinstance(turn, Now)
        ]
    full = max(rate, 1.0)
    tokens, filled_at = full, NOW
    for moment, count in sorted(sent, key=lambda mail: mail[0]):
        tokens = min(full, tokens + (moment - filled_at) * rate)
        filled_at = moment
        assert tokens + 1e-3 >= min(count, full)
        tokens -= count


class Store:
    """The ledger's promise, kept in memory; `meanwhile` is what others write before this worker does."""

    def __init__(self, state: RateState | None = None) -> None:
        self.state = state or RateState()
        self.meanwhile: list[Callable[[RateState], RateState]] = []
        self.calls: list[str] = []
        self.lost = False

    def look(self) -> RateState | Unreachable:
        self.calls.append("look")
        return LOST if self.lost else self.state

    def write(self, state: RateState) -> Written | Overtaken | Unreachable:
        self.calls.append("write")
        if self.lost:
            return LOST
        if self.meanwhile:
            others = self.meanwhile.pop(0)(self.state)
            self.state = msgspec.structs.replace(others, version=self.state.version + 1)
        if state.version != self.state.version + 1:
            return Overtaken(state=self.state)
        self.state = state
        return Written()


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


class SesAccount:
    def __init__(self, rate: float | None, quota_left: int | None = None) -> None:
        self.rate = rate
        self.quota_left = quota_left
        self.asked = 0

    def __call__(self) -> Limits | None:
        self.asked += 1
        if self.rate is None:
            return None
        return Limits(max_send_rate=self.rate, quota_left=self.quota_left)


def pacer(store: Store, account: SesAccount, clock: Clock | None = None) -> Pacer:
    return Pacer(
        store,
        account,
        cache_seconds=60,
        clock=clock or Clock(),
        sleep=lambda _: None,
        uniform=lambda low, _: low,
    )


def taken_by_others(seconds: float) -> Callable[[RateState], RateState]:
    def write(state: RateState) -> RateState:
        until = max(state.taken_until, NOW) + seconds
        return msgspec.structs.replace(state, taken_until=until, full_at=until)

    return write


def test_workers_follow_one_another() -> None:
    store, account = Store(), SesAccount(10.0)
    first, second = pacer(store, account), pacer(store, account)
    assert due(first.reserve([5], "transactional")) == [0.0]
    assert due(second.reserve([5], "transactional")) == [0.5]
    assert due(first.reserve([1], "transactional")) == [1.0]


def test_a_worker_that_nobody_gets_ahead_of_makes_one_call_a_batch() -> None:
    store = Store(idle())
    worker = pacer(store, SesAccount(10.0))
    worker.reserve([1], "transactional")
    store.calls.clear()
    worker.reserve([1], "transactional")
    assert store.calls == ["write"]


def test_a_worker_that_another_got_ahead_of_makes_two_calls_and_goes_behind_it() -> None:
    store = Store(idle())
    worker = pacer(store, SesAccount(10.0))
    worker.reserve([1], "transactional")
    store.calls.clear()
    store.meanwhile = [taken_by_others(2.0)]
    assert due(worker.reserve([1], "transactional")) == [2.1]
    assert store.calls == ["write", "write"]


@pytest.mark.parametrize("lane", get_args(Lane))
def test_a_worker_that_others_are_always_quicker_than_lets_them(lane: Lane) -> None:
    store = Store(idle())
    store.meanwhile = [lambda state: state] * 1000
    turns = pacer(store, SesAccount(10.0)).reserve([1, 1], lane)
    assert [type(turn) for turn in turns] == [Later, Later]
    assert store.calls.count("write") == LANES[lane].tries


def test_no_worker_is_put_off_by_what_has_passed() -> None:
    store, account, clock = Store(idle(1.0)), SesAccount(1.0), Clock()
    worker = pacer(store, account, clock)
    worker.reserve([50], "transactional")
    assert later(worker.reserve([1], "transactional")) == [45.0]
    store.state = measured(store.state, Limits(max_send_rate=100.0), read_at=NOW + 1)
    clock.now += 1
    assert due(worker.reserve([1], "transactional")) == [1.49]


def test_no_mail_makes_no_call() -> None:
    store, account = Store(), SesAccount(1.0)
    assert pacer(store, account).reserve([], "bulk") == []
    assert (store.calls, account.asked) == ([], 0)


def test_the_limits_are_asked_for_once_in_their_cache_time_by_all_workers_together() -> None:
    store, account, clock = Store(), SesAccount(10.0), Clock()
    workers = [pacer(store, account, clock) for _ in range(3)]
    for worker in workers:
        worker.reserve([1], "transactional")
    assert account.asked == 1
    account.rate = 20.0
    clock.now += 61
    assert due(workers[0].reserve([1, 1], "transactional")) == [61.0, 61.05]
    for worker in workers:
        worker.reserve([1], "transactional")
    assert account.asked == 2


def test_limits_that_ses_does_not_tell_are_taken_from_the_ledger_and_asked_for_again() -> None:
    store = Store(msgspec.structs.replace(idle(5.0), read_at=0.0))
    account, clock = SesAccount(None), Clock()
    worker = pacer(store, account, clock)
    assert due(worker.reserve([1, 1], "transactional")) == [0.0, 0.2]
    worker.reserve([1], "transactional")
    assert account.asked == 1
    clock.now += 1
    worker.reserve([1], "transactional")
    assert account.asked == 2


def test_an_account_that_nobody_knows_is_taken_for_the_slowest() -> None:
    turns = pacer(Store(), SesAccount(None)).reserve([1, 1], "transactional")
    assert due(turns) == [0.0, 1 / LOWEST_RATE + SLACK]


def test_what_another_worker_read_later_stands() -> None:
    store, clock = Store(), Clock()
    slow = pacer(store, SesAccount(10.0), clock)
    slow.largest_call()
    store.meanwhile = [lambda state: measured(state, Limits(max_send_rate=20.0), read_at=NOW + 1)]
    clock.now += 2
    slow.reserve([1], "transactional")
    assert store.state.max_send_rate == 20.0


def test_an_exhausted_quota_is_asked_for_again_after_its_cache_time_only() -> None:
    store, account, clock = Store(), SesAccount(10.0, quota_left=1), Clock()
    worker = pacer(store, account, clock)
    assert [type(turn) for turn in worker.reserve([1, 1], "bulk")] == [Now, Exhausted]
    clock.now += 59
    account.quota_left = 100
    assert worker.reserve([1], "bulk") == [Exhausted()]
    assert account.asked == 1
    clock.now += 1
    assert due(worker.reserve([1], "bulk")) == [60.0]


@pytest.mark.parametrize("lane", get_args(Lane))
def test_without_the_ledger_all_mail_is_for_later(lane: Lane) -> None:
    store = Store(idle())
    worker = pacer(store, SesAccount(10.0))
    worker.reserve([1], lane)
    store.lost = True
    assert later(worker.reserve([1, 1], lane)) == [UNREACHABLE_SECONDS] * 2
    assert later(pacer(store, SesAccount(10.0)).reserve([1], lane)) == [UNREACHABLE_SECONDS]
    store.lost = False
    assert len(due(worker.reserve([1], lane))) == 1


@pytest.mark.parametrize(
    ("rate", "most"), [(None, 1), (1.0, 1), (3.9, 1), (14.0, 7), (99.0, 49), (100.0, 50), (5000.0, 50)]
)
def test_a_bulk_call_is_for_half_a_second_of_the_rate_and_for_50_at_most(
    rate: float | None, most: int
) -> None:
    assert pacer(Store(), SesAccount(rate)).largest_call() == most


def test_a_bulk_call_is_for_one_while_the_ledger_is_not_there() -> None:
    store = Store(idle(100.0))
    store.lost = True
    assert pacer(store, SesAccount(100.0)).largest_call() == 1


def test_asking_for_the_largest_call_asks_ses_no_more_often() -> None:
    store, account = Store(), SesAccount(14.0)
    worker = pacer(store, account)
    assert (worker.largest_call(), worker.largest_call()) == (7, 7)
    assert due(worker.reserve([1, 1], "transactional")) == [0.0, round(1 / 14, 3)]
    assert account.asked == 1


@given(
    st.lists(st.tuples(st.integers(0, 3), st.lists(st.integers(1, 50), min_size=1, max_size=10)), max_size=30)
)
def test_together_workers_never_exceed_the_rate(batches: list[tuple[int, list[int]]]) -> None:
    store, clock, rate = Store(), Clock(), 100.0
    workers = [pacer(store, SesAccount(rate), clock) for _ in range(4)]
    sent: list[tuple[float, int]] = []
    for who, recipients in batches:
        turns = workers[who].reserve(recipients, "transactional")
        sent += [
            (turn.due, count) for turn, count in zip(turns, recipients, strict=True) if isinstance(turn, Now)
        ]
        clock.now += 0.01
    for (moment, recipients), (following, _) in pairwise(sorted(sent)):
        assert following - moment >= recipients / rate - 1e-3


def test_a_worker_that_ses_does_not_answer_waits_for_what_it_told_another() -> None:
    store = Store(known(read_at=NOW - 100))
    told = known(rate=14.0, read_at=NOW)

    def another_worker_writes(_seconds: float) -> None:
        store.state = msgspec.structs.replace(told, version=store.state.version + 1)

    pacer = Pacer(
        store,
        lambda: None,
        cache_seconds=60,
        clock=lambda: NOW,
        sleep=another_worker_writes,
        uniform=lambda low, _high: low,
    )
    pacer.reserve([1])
    assert store.state.rate == 14.0
