from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sender.rate.gcra import (
    LANES,
    LATENCY_SPREAD,
    LOWEST_RATE,
    Lane,
    Limits,
    QuotaExhausted,
    RateState,
    RetryAfter,
    SendAt,
    with_limits,
)
from sender.rate.pacer import UNREACHABLE_SECONDS, Pacer
from tests.unit.sender.rate.fake_rate import NOW, FakeRateStore, due, idle, known, waits

if TYPE_CHECKING:
    from collections.abc import Callable


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


class SesAccount:
    def __init__(self, rate: float | None, quota_left: int | None = None) -> None:
        self.rate = rate
        self.quota_left = quota_left
        self.requests = 0

    def __call__(self) -> Limits | None:
        self.requests += 1
        if self.rate is None:
            return None
        return Limits(max_send_rate=self.rate, quota_left=self.quota_left)


def pacer(store: FakeRateStore, account: SesAccount, clock: Clock | None = None) -> Pacer:
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
        until = max(state.reserved_until, NOW) + seconds
        return msgspec.structs.replace(state, reserved_until=until, bucket_full_at=until)

    return write


def test_workers_reserve_one_after_another() -> None:
    store, account = FakeRateStore(), SesAccount(10.0)
    first, second = pacer(store, account), pacer(store, account)
    assert due(first.reserve([5], "transactional")) == [0.0]
    assert due(second.reserve([5], "transactional")) == [0.5]
    assert due(first.reserve([1], "transactional")) == [1.0]


def test_a_worker_without_conflict_makes_one_call_a_batch() -> None:
    store = FakeRateStore(idle())
    worker = pacer(store, SesAccount(10.0))
    worker.reserve([1], "transactional")
    store.calls.clear()
    worker.reserve([1], "transactional")
    assert store.calls == ["write"]


def test_after_a_conflict_a_worker_writes_again_and_reserves_after_the_other() -> None:
    store = FakeRateStore(idle())
    worker = pacer(store, SesAccount(10.0))
    worker.reserve([1], "transactional")
    store.calls.clear()
    store.meanwhile = [taken_by_others(2.0)]
    assert due(worker.reserve([1], "transactional")) == [2.1]
    assert store.calls == ["write", "write"]


@pytest.mark.parametrize("lane", get_args(Lane))
def test_a_worker_gives_up_after_its_lanes_number_of_conflicts(lane: Lane) -> None:
    store = FakeRateStore(idle())
    store.meanwhile = [lambda state: state] * 1000
    decisions = pacer(store, SesAccount(10.0)).reserve([1, 1], lane)
    assert [type(decision) for decision in decisions] == [RetryAfter, RetryAfter]
    assert store.calls.count("write") == LANES[lane].max_writes


def test_no_mail_is_deferred_by_an_outdated_state() -> None:
    store, account, clock = FakeRateStore(idle(1.0)), SesAccount(1.0), Clock()
    worker = pacer(store, account, clock)
    worker.reserve([50], "transactional")
    assert waits(worker.reserve([1], "transactional")) == [45.0]
    store.state = with_limits(store.state, Limits(max_send_rate=100.0), read_at=NOW + 1)
    clock.now += 1
    assert due(worker.reserve([1], "transactional")) == [1.49]


def test_an_empty_batch_makes_no_call() -> None:
    store, account = FakeRateStore(), SesAccount(1.0)
    assert pacer(store, account).reserve([], "bulk") == []
    assert (store.calls, account.requests) == ([], 0)


def test_all_workers_together_ask_for_the_limits_once_in_the_cache_time() -> None:
    store, account, clock = FakeRateStore(), SesAccount(10.0), Clock()
    workers = [pacer(store, account, clock) for _ in range(3)]
    for worker in workers:
        worker.reserve([1], "transactional")
    assert account.requests == 1
    account.rate = 20.0
    clock.now += 61
    assert due(workers[0].reserve([1, 1], "transactional")) == [61.0, 61.05]
    for worker in workers:
        worker.reserve([1], "transactional")
    assert account.requests == 2


def test_limits_that_ses_does_not_report_are_taken_from_the_ledger_and_asked_for_again() -> None:
    store = FakeRateStore(msgspec.structs.replace(idle(5.0), read_at=0.0))
    account, clock = SesAccount(None), Clock()
    worker = pacer(store, account, clock)
    assert due(worker.reserve([1, 1], "transactional")) == [0.0, 0.2]
    worker.reserve([1], "transactional")
    assert account.requests == 1
    clock.now += 1
    worker.reserve([1], "transactional")
    assert account.requests == 2


def test_an_unknown_account_has_the_lowest_rate() -> None:
    decisions = pacer(FakeRateStore(), SesAccount(None)).reserve([1, 1], "transactional")
    assert due(decisions) == [0.0, 1 / LOWEST_RATE + LATENCY_SPREAD]


def test_limits_that_another_worker_read_later_are_kept() -> None:
    store, clock = FakeRateStore(), Clock()
    slow = pacer(store, SesAccount(10.0), clock)
    slow.largest_call()
    store.meanwhile = [lambda state: with_limits(state, Limits(max_send_rate=20.0), read_at=NOW + 1)]
    clock.now += 2
    slow.reserve([1], "transactional")
    assert store.state.max_send_rate == 20.0


def test_an_exhausted_quota_is_asked_for_again_after_its_cache_time_only() -> None:
    store, account, clock = FakeRateStore(), SesAccount(10.0, quota_left=1), Clock()
    worker = pacer(store, account, clock)
    assert [type(decision) for decision in worker.reserve([1, 1], "bulk")] == [SendAt, QuotaExhausted]
    clock.now += 59
    account.quota_left = 100
    assert worker.reserve([1], "bulk") == [QuotaExhausted()]
    assert account.requests == 1
    clock.now += 1
    assert due(worker.reserve([1], "bulk")) == [60.0]


@pytest.mark.parametrize("lane", get_args(Lane))
def test_without_the_ledger_all_mails_are_tried_again_later(lane: Lane) -> None:
    store = FakeRateStore(idle())
    worker = pacer(store, SesAccount(10.0))
    worker.reserve([1], lane)
    store.unreachable = True
    assert waits(worker.reserve([1, 1], lane)) == [UNREACHABLE_SECONDS] * 2
    assert waits(pacer(store, SesAccount(10.0)).reserve([1], lane)) == [UNREACHABLE_SECONDS]
    store.unreachable = False
    assert len(due(worker.reserve([1], lane))) == 1


@pytest.mark.parametrize(
    ("rate", "most"), [(None, 1), (1.0, 1), (3.9, 1), (14.0, 7), (99.0, 49), (100.0, 50), (5000.0, 50)]
)
def test_a_bulk_call_is_for_half_a_second_of_the_rate_and_for_50_at_most(
    rate: float | None, most: int
) -> None:
    assert pacer(FakeRateStore(), SesAccount(rate)).largest_call() == most


def test_a_bulk_call_has_one_recipient_while_the_ledger_is_unreachable() -> None:
    store = FakeRateStore(idle(100.0))
    store.unreachable = True
    assert pacer(store, SesAccount(100.0)).largest_call() == 1


def test_the_largest_call_needs_no_additional_request_to_ses() -> None:
    store, account = FakeRateStore(), SesAccount(14.0)
    worker = pacer(store, account)
    assert (worker.largest_call(), worker.largest_call()) == (7, 7)
    assert due(worker.reserve([1, 1], "transactional")) == [0.0, round(1 / 14, 3)]
    assert account.requests == 1


@given(
    st.lists(st.tuples(st.integers(0, 3), st.lists(st.integers(1, 50), min_size=1, max_size=10)), max_size=30)
)
def test_together_workers_never_exceed_the_rate(batches: list[tuple[int, list[int]]]) -> None:
    store, clock, rate = FakeRateStore(), Clock(), 100.0
    workers = [pacer(store, SesAccount(rate), clock) for _ in range(4)]
    sent: list[tuple[float, int]] = []
    for who, recipients in batches:
        decisions = workers[who].reserve(recipients, "transactional")
        sent += [
            (decision.due, count)
            for decision, count in zip(decisions, recipients, strict=True)
            if isinstance(decision, SendAt)
        ]
        clock.now += 0.01
    for (moment, count), (following, _) in pairwise(sorted(sent)):
        assert following - moment >= count / rate - 1e-3


def test_a_worker_that_ses_does_not_answer_waits_for_the_limits_reported_to_another() -> None:
    store = FakeRateStore(known(read_at=NOW - 100))
    reported = known(rate=14.0, read_at=NOW)

    def another_worker_writes(_seconds: float) -> None:
        store.state = msgspec.structs.replace(reported, version=store.state.version + 1)

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
