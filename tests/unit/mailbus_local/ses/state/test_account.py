from __future__ import annotations

from mailbus_local.ses.errors import SesError
from mailbus_local.ses.state.account import Account, Limits
from tests.unit.mailbus_local.simulated_ses import Clock


def refused(account: Account, recipients: int) -> str | None:
    try:
        account.admit(recipients, recipients)
    except SesError as error:
        return error.reason
    return None


def test_the_bucket_holds_one_second_of_the_rate_and_refills() -> None:
    clock = Clock()
    account = Account(Limits(max_send_rate=14), clock)
    assert [refused(account, 1) for _ in range(14)] == [None] * 14
    assert refused(account, 1) == "Maximum sending rate exceeded."
    clock.now += 0.5
    assert [refused(account, 1) for _ in range(8)] == [None] * 7 + ["Maximum sending rate exceeded."]
    clock.now += 60
    assert [refused(account, 1) for _ in range(15)].count(None) == 14


def test_a_message_over_the_rate_needs_a_full_bucket_and_leaves_it_negative() -> None:
    clock = Clock()
    account = Account(Limits(max_send_rate=10), clock)
    assert refused(account, 1) is None
    assert refused(account, 50) == "Maximum sending rate exceeded."
    clock.now += 0.1
    assert refused(account, 50) is None
    clock.now += 4
    assert refused(account, 1) == "Maximum sending rate exceeded."
    clock.now += 0.2
    assert refused(account, 1) is None


def test_a_throttled_message_uses_no_rate_and_no_quota() -> None:
    account = Account(Limits(max_send_rate=2, max_24_hour_send=3), Clock())
    assert refused(account, 4) == "Daily message quota exceeded."
    assert refused(account, 2) is None
    assert account.sent_last_24_hours() == 2


def test_the_quota_is_a_rolling_window_of_24_hours() -> None:
    clock = Clock()
    account = Account(Limits(max_send_rate=100, max_24_hour_send=2), clock)
    assert refused(account, 1) is None
    clock.now += 3600
    assert refused(account, 1) is None
    assert refused(account, 1) == "Daily message quota exceeded."
    clock.now += 86_400 - 3600
    assert account.sent_last_24_hours() == 1
    assert refused(account, 1) is None


def test_sent_last_24_hours_can_be_set() -> None:
    account = Account(Limits(max_24_hour_send=200), Clock())
    account.change(account.limits, 199)
    assert [refused(account, 1), refused(account, 1)] == [None, "Daily message quota exceeded."]


def test_bulk_calls_are_limited_to_one_a_second_on_request() -> None:
    clock = Clock()

    def count(account: Account) -> str | None:
        try:
            account.count_bulk_call()
        except SesError as error:
            return error.reason
        return None

    unlimited, limited = Account(Limits(), clock), Account(Limits(limit_bulk_calls=True), clock)
    assert [count(unlimited), count(unlimited)] == [None, None]
    assert [count(limited), count(limited)] == [None, "Rate exceeded"]
    clock.now += 1
    assert (count(limited), limited.counters.throttled) == (None, 1)
