from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbus.stages import Lane
from sender.rate.slots import (
    CATCH_UP,
    LANES,
    LARGE_SPREAD,
    LATENCY_SPREAD,
    LONGEST_AHEAD,
    RateState,
    due_times,
    is_open,
    plan,
    retry_after,
    slot_seconds,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

NOW = 1_794_000_000.0


def state(rate: float = 10.0, *, taken: float = -60.0, **changes: float) -> RateState:
    """Return the state of an account whose rate is taken for so many seconds from now."""
    known = RateState(max_send_rate=rate, read_at=NOW, taken_until=NOW + taken)
    return msgspec.structs.replace(known, **changes)


def due(known: RateState, recipients: Sequence[int], lane: Lane = "transactional") -> list[float]:
    """Return when the mails of a batch that have room in a stretch are due, in seconds from its begin."""
    moments = due_times(known, plan(known, recipients, lane), recipients, begin=NOW)
    return [round(moment - NOW, 3) for moment in moments.values()]


def test_each_mail_is_due_when_the_recipients_before_it_have_had_their_time() -> None:
    assert due(state(100.0), [1, 5, 1]) == [0.0, 0.01, 0.06]


@pytest.mark.parametrize("lane", get_args(Lane))
def test_a_stretch_has_as_many_mails_as_there_is_room_for(lane: Lane) -> None:
    stretch = plan(state(100.0), [1] * 100, lane)
    assert len(stretch.mails) == stretch.recipients == pytest.approx(LANES[lane].stretch * 100, abs=1)
    assert stretch.seconds == pytest.approx(stretch.recipients / 100)


def test_a_mail_that_needs_more_than_a_stretch_is_alone_in_one() -> None:
    stretch = plan(state(14.0), [50, 1], "bulk")
    assert (stretch.mails, stretch.recipients) == ((0,), 50)
    assert stretch.seconds == pytest.approx(50 / 14 + LARGE_SPREAD)
    assert plan(state(14.0), [1, 50, 1], "bulk").mails == (0,)


def test_no_mails_need_no_stretch() -> None:
    assert plan(state(), [], "bulk").mails == ()


@pytest.mark.parametrize(("rate", "recipients"), [(14.0, 7), (14.0, 1), (100.0, 50)])
def test_a_mail_that_sess_bucket_holds_anyway_is_due_when_its_slot_begins(
    rate: float, recipients: int
) -> None:
    assert due(state(rate), [recipients]) == [0.0]
    assert slot_seconds(recipients, rate) == recipients / rate


def test_a_large_mail_is_due_when_what_is_late_before_it_is_in_the_bucket_again() -> None:
    assert due(state(14.0), [50]) == due(state(1.0), [1]) == [round(CATCH_UP + LATENCY_SPREAD, 3)]
    assert due(state(10.0), [8]) == [round(CATCH_UP + LATENCY_SPREAD - 0.2, 3)]


def test_mails_have_no_room_in_a_stretch_that_was_planned_at_a_higher_rate() -> None:
    recipients = [1] * 8
    stretch = plan(state(100.0), recipients, "transactional")
    slower = due_times(state(50.0), stretch, recipients, begin=NOW)
    assert list(slower) == [0, 1, 2, 3]
    assert len(due_times(state(200.0), stretch, recipients, begin=NOW)) == 8
    # or it could never be sent
    assert list(due_times(state(1.0), stretch, recipients, begin=NOW)) == [0]


def test_a_quota_too_small_for_a_mail_is_left_to_smaller_ones() -> None:
    stretch = plan(state(1000.0, quota_left=12), [5, 10, 7, 1], "transactional")
    assert (stretch.mails, stretch.recipients) == ((0, 2), 12)
    assert plan(state(quota_left=0), [1, 1], "bulk").mails == ()


def test_a_lane_may_take_the_rate_until_it_is_taken_too_far_ahead() -> None:
    for lane, rules in LANES.items():
        assert is_open(state(taken=rules.ahead - 0.001), lane, now=NOW)
        assert not is_open(state(taken=rules.ahead + 0.001), lane, now=NOW)
        assert retry_after(state(taken=rules.ahead + 3), lane, now=NOW) == pytest.approx(3)


def test_bulk_that_used_its_share_waits_although_the_rate_is_idle() -> None:
    used = state(bulk_taken_until=NOW + 2)
    assert not is_open(used, "bulk", now=NOW)
    assert retry_after(used, "bulk", now=NOW) == pytest.approx(2)
    assert is_open(used, "transactional", now=NOW)


def test_bulk_leaves_most_of_the_rate_ahead_to_transactional_mail() -> None:
    bulk, transactional = LANES["bulk"], LANES["transactional"]
    assert bulk.ahead + bulk.stretch <= transactional.ahead / 2


@given(
    st.lists(
        st.tuples(st.floats(0.0, 3.0), st.lists(st.integers(1, 50), min_size=1, max_size=10)), max_size=30
    ),
    st.sampled_from([1.0, 14.0, 100.0, 1000.0]),
    st.sampled_from(get_args(Lane)),
)
def test_mails_sent_when_due_never_exceed_sess_bucket(
    batches: list[tuple[float, list[int]]], rate: float, lane: Lane
) -> None:
    known, now = state(rate), NOW
    sent: list[tuple[float, int]] = []
    for gap, recipients in batches:
        now += gap
        if not is_open(known, lane, now=now):
            continue
        stretch = plan(known, recipients, lane)
        begin = known.taken_until if known.taken_until >= now - CATCH_UP else now
        known = msgspec.structs.replace(known, taken_until=begin + stretch.seconds)
        moments = due_times(known, stretch, recipients, begin=begin)
        assert list(moments) == list(stretch.mails)
        assert all(moment <= now + LONGEST_AHEAD for moment in moments.values())
        sent += [(max(now, moment), recipients[mail]) for mail, moment in moments.items()]
    full = max(rate, 1.0)
    tokens, filled_at = full, NOW
    for moment, count in sorted(sent, key=lambda mail: mail[0]):
        tokens = min(full, tokens + (moment - filled_at) * rate)
        filled_at = moment
        assert tokens + 1e-3 >= min(count, full)
        tokens -= count
