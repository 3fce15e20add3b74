from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, get_args

import pytest
from botocore.exceptions import EndpointConnectionError

from mailbus.events import lane_event
from mailbus.ledger.lanes import Lanes
from mailbus.stages import Lane
from sender.rate.pacer import FIRST_JITTER, LONGEST_JITTER, REFUSED_MARGIN, UNREACHABLE_SECONDS, Pacer
from sender.rate.slots import LANES, LARGE_SPREAD, LanePaused, Limits, QuotaExhausted, RetryAfter, SendAt
from tests.unit.sender.rate.shared_item import NOW, SharedItem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sender.rate.slots import Decision

OUTAGE = EndpointConnectionError(endpoint_url="https://dynamodb.eu-west-1.amazonaws.com")


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


def pacer(
    item: SharedItem,
    account: SesAccount,
    clock: Clock | None = None,
    *,
    sleep: Callable[[float], None] = lambda _: None,
) -> Pacer:
    return Pacer(
        item.rates(),
        account,
        cache_seconds=60,
        clock=clock or Clock(),
        sleep=sleep,
        uniform=lambda _, high: high,
    )


def due(decisions: Sequence[Decision]) -> list[float]:
    """Return when the mails that may be sent are due, in seconds from now."""
    return [round(decision.due - NOW, 3) for decision in decisions if isinstance(decision, SendAt)]


def waits(decisions: Sequence[Decision]) -> list[float]:
    """Return after how many seconds the other mails are tried again."""
    return [round(decision.seconds, 3) for decision in decisions if isinstance(decision, RetryAfter)]


def test_workers_take_one_stretch_after_another() -> None:
    item, account = SharedItem(), SesAccount(100.0)
    first, second = pacer(item, account), pacer(item, account)
    assert due(first.reserve([5, 5], "transactional")) == [0.0, 0.05]
    assert due(second.reserve([5], "transactional")) == [0.1]
    assert due(first.reserve([1], "transactional")) == [0.15]


def test_a_busy_worker_makes_one_call_a_stretch() -> None:
    item = SharedItem()
    worker = pacer(item, SesAccount(100.0))
    worker.reserve([1], "transactional")
    item.calls.clear()
    worker.reserve([1], "transactional")
    assert item.calls == ["write"]


def test_a_worker_that_finds_an_idle_account_busy_takes_what_follows() -> None:
    item, account = SharedItem(), SesAccount(100.0)
    worker, other = pacer(item, account), pacer(item, account)
    worker.largest_call()
    other.reserve([20], "transactional")
    item.calls.clear()
    assert due(worker.reserve([1], "transactional")) == [0.2]
    # a read takes nothing of the writes that an item has
    assert item.calls == ["read", "write"]


def test_what_has_no_room_in_the_stretch_continues_at_once() -> None:
    decisions = pacer(SharedItem(), SesAccount(10.0)).reserve([1] * 6, "bulk")
    assert due(decisions) == [0.0, 0.1]
    assert waits(decisions) == [0.0] * 4


@pytest.mark.parametrize("lane", get_args(Lane))
def test_a_rate_that_is_taken_too_far_ahead_is_tried_again_when_it_is_not(lane: Lane) -> None:
    item, account, clock = SharedItem(), SesAccount(10.0), Clock()
    pacer(item, account).reserve([30], "transactional")
    worker = pacer(item, account, clock)
    (decision,) = worker.reserve([1], lane)
    assert isinstance(decision, RetryAfter)
    assert 3.0 - LANES[lane].ahead <= decision.seconds <= 3.0 - LANES[lane].ahead + LONGEST_JITTER
    item.calls.clear()
    worker.reserve([1], lane)
    assert item.calls == ["read"]
    clock.now += decision.seconds
    assert len(due(worker.reserve([1], lane))) == 1


def test_the_longer_a_worker_finds_no_rate_the_longer_it_waits() -> None:
    item, account = SharedItem(), SesAccount(10.0)
    pacer(item, account).reserve([600], "transactional")
    worker = pacer(item, account)
    found = [waits(worker.reserve([1], "transactional"))[0] for _ in range(8)]
    assert found == sorted(found)
    assert found[-1] - found[0] == pytest.approx(LONGEST_JITTER - 0.1)


def test_ses_may_not_answer_for_days() -> None:
    item, account, clock = SharedItem(), SesAccount(None), Clock()
    worker = pacer(item, account, clock)
    for _ in range(1200):
        item.clock.now = clock.now = clock.now + 61
        worker.largest_call()
    assert account.requests == 1200


def test_a_worker_may_find_no_rate_for_days() -> None:
    item, account = SharedItem(), SesAccount(10.0, quota_left=0)
    worker = pacer(item, account)
    assert {len(worker.reserve([1], "bulk")) for _ in range(2000)} == {1}


def test_a_worker_that_found_no_rate_leaves_what_is_hardly_free_to_others() -> None:
    item, account, clock = SharedItem(), SesAccount(10.0), Clock()
    pacer(item, account).reserve([30], "transactional")
    worker = pacer(item, account, clock)
    worker.reserve([1], "transactional")
    item.calls.clear()
    clock.now += 2.0 + REFUSED_MARGIN / 2
    assert due(worker.reserve([1], "transactional")) == []
    clock.now += REFUSED_MARGIN
    assert due(worker.reserve([1], "transactional")) == [3.0 + LARGE_SPREAD]
    assert item.calls == ["read", "read", "write"]


def test_an_empty_batch_makes_no_call() -> None:
    item, account = SharedItem(), SesAccount(1.0)
    assert pacer(item, account).reserve([], "bulk") == []
    assert (item.calls, account.requests) == ([], 0)


def test_all_workers_together_ask_for_the_limits_once_in_the_cache_time() -> None:
    item, account, clock = SharedItem(), SesAccount(10.0), Clock()
    workers = [pacer(item, account, clock) for _ in range(3)]
    for worker in workers:
        worker.reserve([1], "transactional")
    assert account.requests == 1
    account.rate = 20.0
    clock.now += 61
    assert due(workers[0].reserve([1, 1], "transactional")) == [61.0, 61.05]
    for worker in workers:
        worker.reserve([1], "transactional")
    assert account.requests == 2


def test_a_worker_that_ses_throttles_has_it_asked_again_at_once_but_once_a_second() -> None:
    item, account, clock = SharedItem(), SesAccount(500.0), Clock()
    workers = [pacer(item, account, clock) for _ in range(3)]
    for worker in workers:
        worker.reserve([1], "transactional")
    clock.now += 5
    account.rate = 14.0
    for worker in workers:
        worker.throttled()
        worker.reserve([1], "transactional")
    assert account.requests == 2
    assert {worker.largest_call() for worker in workers} == {7}


def test_a_rate_that_fell_meanwhile_leaves_out_what_has_no_room() -> None:
    item = SharedItem()
    worker, rates = pacer(item, SesAccount(100.0)), item.rates()
    worker.reserve([1], "transactional")
    slower = Limits(max_send_rate=20.0)
    item.before = lambda: rates.set_limits(slower, rates.read(), uncounted=0, read_at=NOW + 1)
    decisions = worker.reserve([1] * 10, "transactional")
    assert len(due(decisions)) == 2
    assert waits(decisions) == [0.0] * 8
    assert len(due(worker.reserve([1] * 10, "transactional"))) == 8


def test_limits_that_ses_does_not_report_are_asked_for_again_after_a_while() -> None:
    item, account, clock = SharedItem(), SesAccount(5.0), Clock()
    worker = pacer(item, account, clock)
    worker.reserve([1], "transactional")
    account.rate = None
    clock.now += 60
    assert due(worker.reserve([1, 1], "transactional")) == [60.0, 60.2]
    worker.reserve([1], "transactional")
    assert account.requests == 2
    clock.now += 1
    worker.reserve([1], "transactional")
    assert account.requests == 3


def test_an_unknown_account_has_the_lowest_rate() -> None:
    decisions = pacer(SharedItem(), SesAccount(None)).reserve([1, 1], "transactional")
    assert len(due(decisions)) == 1
    assert waits(decisions) == [0.0]


def test_a_worker_that_knows_no_limits_waits_for_those_that_another_one_asks_for() -> None:
    item = SharedItem()
    rates = item.rates()
    asked = rates.ask(now=NOW, after_seconds=1).state

    def another_is_answered(_seconds: float) -> None:
        rates.set_limits(Limits(max_send_rate=14.0), asked, uncounted=0, read_at=NOW)

    account = SesAccount(None)
    assert pacer(item, account, sleep=another_is_answered).largest_call() == 7
    assert account.requests == 0


def test_an_exhausted_quota_is_asked_for_again_after_its_cache_time_only() -> None:
    item, account, clock = SharedItem(), SesAccount(10.0, quota_left=1), Clock()
    worker = pacer(item, account, clock)
    assert [type(decision) for decision in worker.reserve([1, 1], "bulk")] == [SendAt, QuotaExhausted]
    clock.now += 59
    account.quota_left = 100
    assert worker.reserve([1], "bulk") == [QuotaExhausted()]
    assert account.requests == 1
    clock.now += 1
    assert due(worker.reserve([1], "bulk")) == [60.0]


def test_mails_with_a_slot_that_ses_has_not_counted_are_not_given_out_twice() -> None:
    item, account, clock = SharedItem(), SesAccount(10.0, quota_left=100), Clock()
    worker = pacer(item, account, clock)
    worker.reserve([50], "bulk")
    # the 50 are on their way; SES has counted none of them
    worker.throttled()
    clock.now += 1
    worker.throttled()
    worker.reserve([1], "transactional")
    assert item.rates().read().quota_left <= 50


@pytest.mark.parametrize("lane", get_args(Lane))
def test_without_the_ledger_all_mails_are_tried_again_later(lane: Lane) -> None:
    item = SharedItem()
    worker = pacer(item, SesAccount(100.0))
    worker.reserve([1], lane)
    item.outage = OUTAGE
    assert waits(worker.reserve([1, 1], lane)) == [UNREACHABLE_SECONDS + FIRST_JITTER] * 2
    assert waits(pacer(item, SesAccount(100.0)).reserve([1], lane)) == [UNREACHABLE_SECONDS + FIRST_JITTER]
    item.outage = None
    assert len(due(worker.reserve([1], lane))) == 1


@pytest.mark.parametrize(
    ("rate", "most"), [(None, 1), (1.0, 1), (3.9, 1), (14.0, 7), (99.0, 49), (100.0, 50), (5000.0, 50)]
)
def test_a_bulk_call_is_for_half_a_second_of_the_rate_and_for_50_at_most(
    rate: float | None, most: int
) -> None:
    assert pacer(SharedItem(), SesAccount(rate)).largest_call() == most


def test_a_bulk_call_has_one_recipient_while_the_ledger_is_unreachable() -> None:
    item = SharedItem()
    item.outage = OUTAGE
    assert pacer(item, SesAccount(100.0)).largest_call() == 1


def test_the_largest_call_needs_no_additional_request_to_ses() -> None:
    item, account = SharedItem(), SesAccount(14.0)
    worker = pacer(item, account)
    assert (worker.largest_call(), worker.largest_call()) == (7, 7)
    assert due(worker.reserve([1, 1], "transactional")) == [0.0, round(1 / 14, 3)]
    assert account.requests == 1


def lanes(item: SharedItem) -> Lanes:
    client: Any = item
    return Lanes(client, "ledger")


def pause(item: SharedItem, lane: Lane = "bulk") -> None:
    event = lane_event("lane_paused", lane, at=datetime.fromtimestamp(NOW, UTC), by="operator")
    assert lanes(item).pause(event).changed


def resume(item: SharedItem, lane: Lane = "bulk") -> None:
    change = lanes(item).resume(lane, at=datetime.fromtimestamp(NOW, UTC), by="operator", reason=None)
    assert change.changed


def test_a_pause_takes_effect_with_the_next_reservation_of_any_worker() -> None:
    item, account = SharedItem(), SesAccount(100.0)
    one, other = pacer(item, account), pacer(item, account)
    assert due(one.reserve([5], "bulk")) == [0.0]
    other.largest_call()
    pause(item)
    item.calls.clear()
    assert one.reserve([5, 5], "bulk") == [LanePaused(), LanePaused()]
    # the write is refused, and shows why
    assert item.calls == ["write"]
    assert other.reserve([5], "bulk") == [LanePaused()]


def test_a_paused_lane_costs_a_read_for_a_batch_and_takes_nothing() -> None:
    item = SharedItem()
    worker = pacer(item, SesAccount(100.0))
    worker.reserve([5], "bulk")
    pause(item)
    worker.reserve([5], "bulk")
    before = item.rates().read()
    item.calls.clear()
    worker.reserve([1] * 10, "bulk")
    assert item.calls == ["read"]
    assert item.rates().read() == before


def test_the_other_lane_goes_on_at_the_same_cost() -> None:
    item = SharedItem()
    worker = pacer(item, SesAccount(100.0))
    pause(item)
    assert due(worker.reserve([5], "transactional")) == [0.0]
    item.calls.clear()
    assert due(worker.reserve([5], "transactional")) == [0.05]
    assert item.calls == ["write"]


def test_a_resumed_lane_goes_on_with_the_next_reservation() -> None:
    item = SharedItem()
    worker = pacer(item, SesAccount(100.0))
    pause(item)
    assert worker.reserve([5], "bulk") == [LanePaused()]
    resume(item)
    assert due(worker.reserve([5], "bulk")) == [0.0]


def test_a_paused_transactional_lane_leaves_all_of_the_rate_to_bulk() -> None:
    item = SharedItem()
    worker = pacer(item, SesAccount(100.0))
    pause(item, "transactional")
    assert worker.reserve([1], "transactional") == [LanePaused()]
    assert due(worker.reserve([1] * 3, "bulk")) == [0.0, 0.01, 0.02]


def test_a_lane_that_is_paused_before_ses_was_ever_asked_waits() -> None:
    item = SharedItem()
    pause(item)
    worker = pacer(item, SesAccount(100.0))
    assert worker.largest_call() == 50
    assert worker.reserve([1], "bulk") == [LanePaused()]
