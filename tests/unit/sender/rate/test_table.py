from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from mailbus.errors import SendError
from mailbus.ledger.lanes import RATE_KEY
from sender.rate.slots import CATCH_UP, LANES, NO_QUOTA, Limits, RateState, Stretch
from sender.rate.table import RateTable, Refused, Written
from tests.unit.sender.rate.shared_item import NOW, SharedItem

if TYPE_CHECKING:
    from mailbus.stages import Lane


def begun(item: SharedItem, *, rate: float = 10.0, quota_left: int | None = None) -> RateState:
    """Have a worker ask SES for the limits, and write them."""
    rates = item.rates()
    asked = rates.ask(now=NOW, after_seconds=1)
    assert isinstance(asked, Written)
    limits = Limits(max_send_rate=rate, quota_left=quota_left)
    return rates.set_limits(limits, asked.state, uncounted=0, read_at=NOW).state


def take(
    rates: RateTable, known: RateState, seconds: float, *, now: float = NOW, lane: Lane = "transactional"
) -> Written | Refused:
    stretch = Stretch(mails=(0,), seconds=seconds, recipients=round(seconds * 10))
    return rates.take(stretch, lane, known, now=now)


def test_a_table_without_the_item_has_the_empty_state() -> None:
    assert SharedItem().rates().read() == RateState()


def test_what_is_written_is_read() -> None:
    item = SharedItem()
    state = begun(item, rate=14.5, quota_left=200)
    assert state == item.rates().read()
    assert (state.max_send_rate, state.quota_left, state.read_at) == (14.5, 200, NOW)


def test_times_are_stored_as_whole_microseconds() -> None:
    item = SharedItem()
    take(item.rates(), begun(item), 0.25)
    stored = item.get_item(Key=RATE_KEY, ConsistentRead=True)["Item"]
    assert stored["taken_until"] == {"N": str(round((NOW + 0.25) * 1_000_000))}


def test_an_idle_account_is_taken_from_now_on_and_a_busy_one_where_it_ends() -> None:
    item = SharedItem()
    first, second = item.rates(), item.rates()
    idle = begun(item)
    taken = take(first, idle, 0.5)
    assert isinstance(taken, Written)
    assert taken.state.taken_until == pytest.approx(NOW + 0.5)
    more = take(second, taken.state, 0.25, now=NOW + 0.1)
    assert isinstance(more, Written)
    assert more.state.taken_until == pytest.approx(NOW + 0.75)
    assert more.state.taken == 7


def test_nobody_elses_stretch_makes_an_addition_fail() -> None:
    item = SharedItem()
    first, second = item.rates(), item.rates()
    known = take(first, begun(item), 0.3).state
    item.before = lambda: take(second, known, 0.2)
    taken = take(first, known, 0.1)
    assert isinstance(taken, Written)
    assert taken.state.taken_until == pytest.approx(NOW + 0.6)


def test_a_short_gap_is_caught_up_and_a_longer_one_is_not() -> None:
    item = SharedItem()
    known = take(item.rates(), begun(item), 0.1).state
    late = take(item.rates(), known, 0.1, now=NOW + 0.1 + CATCH_UP - 0.01)
    assert late.state.taken_until == pytest.approx(NOW + 0.2)
    idle = take(item.rates(), late.state, 0.1, now=NOW + 9)
    assert idle.state.taken_until == pytest.approx(NOW + 9.1)


def test_two_workers_that_both_find_the_account_idle_do_not_take_the_same_stretch() -> None:
    item = SharedItem()
    idle = begun(item)
    first = take(item.rates(), idle, 0.1)
    second = take(item.rates(), idle, 0.1)
    assert isinstance(first, Written)
    assert second == Refused(state=first.state)
    assert isinstance(take(item.rates(), second.state, 0.1), Written)


@pytest.mark.parametrize("lane", ["transactional", "bulk"])
def test_the_rate_is_not_taken_farther_ahead_than_a_lane_may(lane: Lane) -> None:
    item = SharedItem()
    ahead = LANES[lane].ahead
    known = take(item.rates(), begun(item), ahead + 0.01).state
    assert take(item.rates(), known, 0.1, lane=lane) == Refused(state=known)
    assert isinstance(take(item.rates(), known, 0.1, lane=lane, now=NOW + 0.02), Written)


def test_the_quota_is_counted_down_and_never_exceeded() -> None:
    item = SharedItem()
    known = take(item.rates(), begun(item, quota_left=5), 0.4).state
    assert known.quota_left == 1
    assert take(item.rates(), known, 0.2) == Refused(state=known)
    assert take(item.rates(), known, 0.1).state.quota_left == 0


def test_an_account_without_a_quota_has_more_than_anybody_sends() -> None:
    item = SharedItem()
    known = take(item.rates(), begun(item), 0.4).state
    assert known.quota_left == NO_QUOTA - 4


def test_what_is_taken_while_ses_is_asked_is_subtracted_from_the_quota() -> None:
    item = SharedItem()
    rates = item.rates()
    known = take(rates, begun(item, quota_left=100), 0.5).state
    asked = rates.ask(now=NOW + 60, after_seconds=1)
    assert isinstance(asked, Written)
    take(item.rates(), known, 0.3, now=NOW + 60)
    limits = Limits(max_send_rate=20.0, quota_left=90)
    state = rates.set_limits(limits, asked.state, uncounted=2, read_at=NOW + 60).state
    assert (state.max_send_rate, state.quota_left) == (20.0, 90 - 2 - 3)


def test_limits_that_another_worker_read_later_are_kept() -> None:
    item = SharedItem()
    known = begun(item)
    older = item.rates().set_limits(Limits(max_send_rate=1.0), known, uncounted=0, read_at=NOW - 1)
    assert older == Refused(state=known)


def test_one_worker_asks_ses_until_some_time_has_passed() -> None:
    item = SharedItem()
    assert isinstance(item.rates().ask(now=NOW, after_seconds=1), Written)
    assert isinstance(item.rates().ask(now=NOW + 0.9, after_seconds=1), Refused)
    assert isinstance(item.rates().ask(now=NOW + 1, after_seconds=1), Written)


def test_bulk_keeps_to_its_share() -> None:
    item = SharedItem()
    rates = item.rates(bulk_share=0.25)
    known = take(rates, begun(item), 0.05, lane="bulk").state
    assert known.bulk_taken_until == pytest.approx(NOW + 0.2)
    assert isinstance(take(rates, known, 0.05, lane="bulk", now=NOW + 0.19), Refused)
    later = take(rates, known, 0.05, lane="bulk", now=NOW + 0.21)
    assert later.state.bulk_taken_until == pytest.approx(NOW + 0.4)
    # each of the two clocks may be idle while the other is not
    busy = take(rates, later.state, 3.0, now=NOW + 0.3).state
    bulk = take(rates, busy, 0.05, lane="bulk", now=NOW + 3.3).state
    assert bulk.taken_until == pytest.approx(busy.taken_until + 0.05)
    assert bulk.bulk_taken_until == pytest.approx(NOW + 3.3 + 0.2)


@pytest.mark.parametrize(
    ("outage", "code"),
    [
        (
            ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, "UpdateItem"),
            "ProvisionedThroughputExceededException",
        ),
        (
            EndpointConnectionError(endpoint_url="https://dynamodb.eu-west-1.amazonaws.com"),
            "EndpointConnectionError",
        ),
    ],
    ids=["throttled", "unreached"],
)
def test_a_table_that_does_not_answer_is_a_retryable_error(outage: Exception, code: str) -> None:
    item = SharedItem()
    known = begun(item)
    item.outage = outage
    rates: Any = item.rates()
    for call in (rates.read, lambda: take(rates, known, 0.1), lambda: rates.ask(now=NOW, after_seconds=1)):
        with pytest.raises(SendError) as raised:
            call()
        assert (raised.value.code, raised.value.retryable) == (code, True)
