from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sender.retries import DELAYS, delay_seconds, is_final, no_rate_seconds

if TYPE_CHECKING:
    from sender.ses.errors import Kind


def test_an_unanswered_call_fails_no_job_and_has_no_delay_of_its_own() -> None:
    assert not is_final("unanswered", 10_000, 5)
    assert set(DELAYS) == {"retry", "throttled", "paused", "quota"}


@pytest.mark.parametrize("kind", ["throttled", "quota", "paused"])
def test_no_job_fails_for_waiting_for_the_account(kind: Kind) -> None:
    assert not is_final(kind, 10_000, 5)


@pytest.mark.parametrize("kind", ["failed", "rejected"])
def test_a_permanent_error_fails_a_job_at_once(kind: Kind) -> None:
    assert is_final(kind, 1, 5)


def test_a_retryable_error_fails_a_job_at_its_last_attempt() -> None:
    assert [is_final("retry", count, 5) for count in (1, 4, 5, 6)] == [False, False, True, True]


@pytest.mark.parametrize("kind", ["retry", "throttled"])
def test_the_delay_doubles_with_each_attempt_up_to_15_minutes(kind: Kind) -> None:
    longest = [delay_seconds(kind, count, lambda _low, high: high) for count in (1, 2, 3, 9, 10, 1000)]
    assert longest == [2, 4, 8, 512, 900, 900]
    shortest = [delay_seconds(kind, count, lambda low, _high: low) for count in (1, 9, 10, 1000)]
    assert shortest == [1, 1, 600, 600]


def test_a_job_without_rate_waits_longer_each_time_and_after_two_hours_as_long_as_any_other() -> None:
    def longest(receive_count: int, age: float) -> float:
        return no_rate_seconds(receive_count, age, max)

    assert [longest(1, 0), longest(2, 12), longest(3, 1200), longest(100, 1200)] == [5, 10, 150, 500]
    assert [no_rate_seconds(3, age, min) for age in (60.0, 7199.0, 7200.0)] == [0, 0, 600]
    assert longest(3, 7200) == longest(200, 60) == 900


@pytest.mark.parametrize("kind", ["paused", "quota"])
def test_what_the_account_does_not_allow_is_tried_after_15_seconds_then_less_and_less_often(
    kind: Kind,
) -> None:
    longest = [delay_seconds(kind, count, lambda _low, high: high) for count in (1, 2, 3, 50)]
    assert longest == [15, 30, 60, 900]
