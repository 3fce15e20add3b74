from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sender.rate.gcra import (
    BULK_AHEAD,
    BULK_SPAN,
    CATCH_UP,
    LATENCY_SPREAD,
    TRANSACTIONAL_AHEAD,
    Lane,
    Limits,
    QuotaExhausted,
    RetryAfter,
    SendAt,
    reserve,
    with_limits,
)
from tests.unit.sender.rate.fake_rate import NOW, due, idle, known, waits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sender.rate.gcra import RateState, Reservation


def plan(
    state: RateState, recipients: Sequence[int], lane: Lane = "transactional", *, share: float = 1.0
) -> Reservation:
    return reserve(state, recipients, lane, now=NOW, bulk_share=share)


def test_at_an_idle_rate_each_mail_is_due_when_the_recipients_before_it_have_had_their_time() -> None:
    planned = plan(idle(), [1, 5, 1])
    assert due(planned.decisions) == [0.0, 0.1, 0.6]
    assert planned.state.reserved_until == pytest.approx(NOW + 0.7)


def test_a_batch_is_due_after_those_reserved_before() -> None:
    assert due(plan(known(reserved=2.0), [5, 1]).decisions) == [2.0, 2.5]


def test_unused_time_is_not_saved() -> None:
    assert due(plan(known(reserved=-CATCH_UP - 0.01), [1, 1]).decisions) == [0.0, 0.1]


def test_a_gap_as_short_as_between_two_batches_is_caught_up() -> None:
    assert due(plan(known(reserved=-0.2), [1, 1, 1]).decisions) == [-0.2, -0.1, 0.0]


def test_a_batch_that_would_keep_a_worker_too_long_is_reserved_in_part() -> None:
    decisions = plan(idle(1.0), [4, 5, 4, 1]).decisions
    assert due(decisions[:2]) == [0.0, 4.0 + LATENCY_SPREAD]
    assert waits(decisions[2:]) == [round(9.0 + LATENCY_SPREAD - TRANSACTIONAL_AHEAD / 2, 3)] * 2


def test_a_batch_that_would_start_too_late_is_tried_again_later_and_reserves_nothing() -> None:
    state = known(reserved=TRANSACTIONAL_AHEAD + 0.1)
    planned = plan(state, [1, 1])
    assert waits(planned.decisions) == [5.1, 5.1]
    assert planned.state == state


def test_a_mail_that_needs_more_time_than_a_batch_may_reserve_can_still_be_sent() -> None:
    assert due(plan(idle(1.0), [50]).decisions) == [0.0]


def test_a_mail_that_needs_all_of_sess_bucket_waits_until_it_is_full() -> None:
    # a message for more than one second's worth is accepted from a full bucket alone
    assert due(plan(known(reserved=2.0), [1, 1, 10, 1]).decisions) == [2.0, 2.1, 2.3, 3.3]


def test_a_mail_waits_for_no_more_of_the_bucket_than_its_recipients_need() -> None:
    # behind a gap that was caught up the bucket holds so much less
    state = known(reserved=1.0, bucket_full_at=NOW + 1.0 + CATCH_UP)
    assert due(plan(state, [6]).decisions) == [1.0]
    assert due(plan(state, [8]).decisions) == [round(1.0 + CATCH_UP + LATENCY_SPREAD - 0.2, 3)]


def test_a_full_bucket_delays_no_mail() -> None:
    assert due(plan(idle(1.0), [1]).decisions) == [0.0]
    assert due(plan(idle(14.0), [50]).decisions) == [0.0]


def test_an_empty_batch_reserves_nothing() -> None:
    assert plan(idle(), []).decisions == ()


def test_bulk_waits_until_the_reservations_before_it_are_almost_over() -> None:
    assert due(plan(known(reserved=BULK_AHEAD), [1], "bulk").decisions) == [BULK_AHEAD]
    state = known(reserved=1.0)
    planned = plan(state, [1], "bulk")
    assert waits(planned.decisions) == [1.0 - BULK_AHEAD]
    assert planned.state == state


def test_bulk_reserves_so_little_at_a_time_that_a_transactional_mail_hardly_waits() -> None:
    planned = plan(idle(100.0), [10] * 10, "bulk")
    assert due(planned.decisions) == [0.0, 0.1, 0.2, 0.3]
    assert waits(planned.decisions) == [round(BULK_SPAN - BULK_AHEAD, 3)] * 6
    assert due(plan(planned.state, [1]).decisions) == [BULK_SPAN]


def test_a_bulk_mail_for_many_recipients_can_be_sent_as_the_first_of_a_batch() -> None:
    decisions = plan(idle(14.0), [50, 1], "bulk").decisions
    assert due(decisions) == [0.0]
    assert waits(decisions) == [round(50 / 14 - BULK_AHEAD, 3)]


def test_bulk_that_used_its_share_waits_although_the_rate_is_idle() -> None:
    first = plan(idle(100.0), [40], "bulk", share=0.25)
    assert due(first.decisions) == [0.0]
    assert first.state.bulk_reserved_until == pytest.approx(NOW - CATCH_UP + 1.6)
    state = msgspec.structs.replace(first.state, reserved_until=NOW, bucket_full_at=NOW)
    assert waits(plan(state, [1], "bulk", share=0.25).decisions) == [round(1.6 - CATCH_UP - BULK_AHEAD, 3)]
    assert due(plan(state, [1]).decisions) == [0.0]


@given(
    st.lists(
        st.tuples(st.floats(0.0, 2.0), st.lists(st.integers(1, 50), min_size=1, max_size=9)), max_size=30
    )
)
def test_a_bulk_share_of_the_whole_rate_limits_nothing(
    batches: list[tuple[float, list[int]]],
) -> None:
    state, now = idle(), NOW
    for gap, recipients in batches:
        now += gap
        state = reserve(state, recipients, "bulk", now=now, bulk_share=1.0).state
        assert state.bulk_reserved_until <= max(state.reserved_until, now - CATCH_UP) + 1e-6


def test_a_quota_too_small_for_a_mail_is_left_to_smaller_ones() -> None:
    planned = plan(known(reserved=-60, quota_left=12), [5, 10, 7, 1])
    first, second, third, fourth = planned.decisions
    assert second == fourth == QuotaExhausted()
    assert isinstance(first, SendAt)
    assert isinstance(third, SendAt)
    assert planned.state.quota_left == 0


def test_mails_that_are_tried_again_later_use_none_of_the_quota() -> None:
    planned = plan(known(1.0, reserved=-60, quota_left=200), [9, 9])
    first, second = planned.decisions
    assert isinstance(first, SendAt)
    assert isinstance(second, RetryAfter)
    assert planned.state.quota_left == 191


def test_an_account_without_a_quota_is_never_exhausted() -> None:
    assert plan(idle(1000.0), [50] * 3).state.quota_left is None


@pytest.mark.parametrize(("new", "ahead"), [(20.0, 2.0), (5.0, 8.0), (10.0, 4.0)])
def test_reservations_are_scaled_to_a_new_rate(new: float, ahead: float) -> None:
    before = known(reserved=4.0, bulk_reserved_until=NOW - 3.0)
    state = with_limits(before, Limits(max_send_rate=new), read_at=NOW)
    assert state.max_send_rate == new
    assert (state.reserved_until, state.bucket_full_at) == (NOW + ahead, NOW + ahead)
    assert state.bulk_reserved_until == NOW - 3.0


def test_reserved_mails_that_ses_has_not_counted_are_subtracted_from_the_quota() -> None:
    state = with_limits(known(reserved=4.0), Limits(max_send_rate=10.0, quota_left=100), read_at=NOW)
    assert state.quota_left == 59  # and one on its way
    assert with_limits(state, Limits(max_send_rate=10.0, quota_left=7), read_at=NOW).quota_left == 0


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
def test_mails_sent_when_due_never_exceed_sess_bucket(
    batches: list[tuple[float, list[int], Lane]], rate: float
) -> None:
    state, now = idle(rate), NOW
    sent: list[tuple[float, int]] = []
    for gap, recipients, lane in batches:
        now += gap
        planned = reserve(state, recipients, lane, now=now, bulk_share=1.0)
        assert len(planned.decisions) == len(recipients)
        state = planned.state
        sent += [
            (max(now, decision.due), count)
            for decision, count in zip(planned.decisions, recipients, strict=True)
            if isinstance(decision, SendAt)
        ]
    full = max(rate, 1.0)
    tokens, filled_at = full, NOW
    for moment, count in sorted(sent, key=lambda mail: mail[0]):
        tokens = min(full, tokens + (moment - filled_at) * rate)
        filled_at = moment
        assert tokens + 1e-3 >= min(count, full)
        tokens -= count
