from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from mailbus.events import LaneEvent, lane_event
from mailbus.ledger.lanes import RATE_KEY, REASON_BYTES, Lanes, paused_lanes, short_reason
from mailbus.stages import LANES, Lane
from sender.rate.slots import Limits
from sender.rate.table import Written
from tests.unit.sender.rate.shared_item import SharedItem

if TYPE_CHECKING:
    from collections.abc import Callable

AT = datetime(2026, 11, 30, 10, 0, 0, 250_000, UTC)
LATER = AT + timedelta(minutes=5)


def of(item: SharedItem) -> Lanes:
    client: Any = item
    return Lanes(client, "ledger")


def pause(lane: Lane = "bulk", at: datetime = AT, **fields: Any) -> LaneEvent:
    return lane_event("lane_paused", lane, at=at, **{"by": "operator", **fields})


def test_a_table_without_the_item_has_no_paused_lane() -> None:
    lanes = of(SharedItem())
    assert lanes.paused() == ()
    assert lanes.resume("bulk", at=AT, by="operator", reason=None).event is None


def test_a_pause_is_read_as_the_event_that_was_written() -> None:
    lanes = of(SharedItem())
    event = pause(by="guard", reason="bounces", metric="Reputation.BounceRate", threshold=0.075)
    assert lanes.pause(event).changed
    assert lanes.paused() == (event,)


def test_a_lane_that_is_paused_already_keeps_its_first_event() -> None:
    lanes = of(SharedItem())
    first = pause(reason="wrong list")
    lanes.pause(first)
    again = lanes.pause(pause(at=LATER, by="guard"))
    assert (again.changed, again.event) == (False, first)


def test_each_lane_is_paused_by_itself() -> None:
    lanes = of(SharedItem())
    bulk, transactional = pause("bulk"), pause("transactional", at=LATER)
    lanes.pause(bulk)
    lanes.pause(transactional)
    assert lanes.paused() == (transactional, bulk)
    lanes.resume("bulk", at=LATER, by="operator", reason=None)
    assert lanes.paused() == (transactional,)


def test_a_resumed_lane_says_since_when_it_was_paused_and_says_it_again() -> None:
    lanes = of(SharedItem())
    lanes.pause(pause())
    resumed = lanes.resume("bulk", at=LATER, by="operator", reason="list cleaned")
    assert resumed.changed
    assert resumed.event == lane_event(
        "lane_resumed", "bulk", at=LATER, by="operator", reason="list cleaned", paused_at=AT
    )
    again = lanes.resume("bulk", at=LATER + timedelta(hours=1), by="operator", reason=None)
    assert (again.changed, again.event) == (False, resumed.event)


def test_what_asked_for_a_pause_before_a_lane_was_resumed_does_not_pause_it_again() -> None:
    lanes = of(SharedItem())
    lanes.pause(pause())
    lanes.resume("bulk", at=LATER, by="operator", reason=None)
    late = lanes.pause(pause(at=LATER + timedelta(hours=1)), unless_resumed_since=AT)
    assert not late.changed
    assert late.event is not None
    assert late.event.event_type == "lane_resumed"
    anew = lanes.pause(pause(at=LATER + timedelta(hours=2)), unless_resumed_since=LATER + timedelta(hours=2))
    assert anew.changed


def test_a_pause_between_the_read_and_the_write_of_a_resumption_is_resumed_too() -> None:
    item = SharedItem()
    lanes, other = of(item), of(item)
    lanes.pause(pause())

    def resumed_and_paused() -> None:
        other.resume("bulk", at=LATER, by="operator", reason=None)
        other.pause(pause(at=LATER))

    item.before = resumed_and_paused
    change = lanes.resume("bulk", at=LATER + timedelta(seconds=1), by="operator", reason=None)
    assert change.changed
    assert change.event is not None
    assert change.event.paused_at == LATER


def _asked(item: SharedItem) -> None:
    rates = item.rates()
    asked = rates.ask(now=item.clock.now, after_seconds=1)
    assert isinstance(asked, Written)
    limits = Limits(max_send_rate=5000.123, quota_left=50_000_000)
    rates.set_limits(limits, asked.state, uncounted=0, read_at=item.clock.now)


@pytest.mark.parametrize("order", [lambda one, two: (one, two), lambda one, two: (two, one)])
def test_the_item_may_exist_before_the_rate_is_used_and_after(
    order: Callable[..., tuple[Callable[[], object], ...]],
) -> None:
    item = SharedItem()
    for step in order(lambda: _asked(item), lambda: of(item).pause(pause())):
        step()
    state = item.rates().read()
    assert (state.max_send_rate, state.paused) == (5000.123, frozenset({"bulk"}))


def _bytes(item: dict[str, Any]) -> int:
    """Return an item's bytes at most, as DynamoDB counts them.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    return sum(
        len(name) + (math.ceil(len(value["N"]) / 2) + 2 if "N" in value else len(value["S"].encode()))
        for name, value in item.items()
    )


def test_the_item_stays_within_the_kilobyte_that_an_update_is_counted_by() -> None:
    item = SharedItem()
    _asked(item)
    for lane in LANES:
        of(item).pause(pause(lane, reason="ä" * (REASON_BYTES // 2)))
        of(item).resume(lane, at=LATER, by="operator", reason="ä" * (REASON_BYTES // 2))
    resumed = item.get_item(Key=RATE_KEY, ConsistentRead=True)["Item"]
    assert paused_lanes(resumed) == frozenset()
    of(item).pause(pause("bulk", at=LATER, by="guard", reason="x" * 60, metric="Reputation.ComplaintRate"))
    assert _bytes(resumed) < 1024
    assert _bytes(item.get_item(Key=RATE_KEY, ConsistentRead=True)["Item"]) < 1024


def test_a_reason_is_cut_between_characters() -> None:
    assert short_reason("ä" * REASON_BYTES) == "ä" * (REASON_BYTES // 2)
    assert short_reason("a" + "ä" * REASON_BYTES) == "a" + "ä" * (REASON_BYTES // 2 - 1)
