from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mailbus_cli.pace import (
    LOOKS_BACK,
    PERIOD,
    Limits,
    Pace,
    number,
    of_account,
    of_metric,
    of_seconds,
    quota_words,
)

NOW = datetime(2026, 11, 29, 14, 32, 8, tzinfo=UTC)


def limits(used: float, most: float = 50_000) -> Limits:
    return Limits(rate=14, most=most, used=used)


def pace(*rates: float) -> Pace:
    return Pace(until=NOW, step=5, rates=rates)


def test_seconds_become_spans_that_begin_at_multiples_of_their_length() -> None:
    # 1003 is 3 seconds into its span, which is left out
    answer = {"until": 1003, "recipients": [0] * 890 + [7, 7, 5, 5, 5, 5, 5, 9, 9, 9], "throttled": [1] * 900}
    found = of_seconds(answer)
    assert found.until == datetime.fromtimestamp(1000, UTC)
    assert found.rates[-2:] == (2.8, 5.0)
    assert len(found.rates) == 120
    assert (found.now, found.most, found.since) == (5.0, 5.0, found.until - timedelta(minutes=10))


def test_the_metrics_of_an_account_are_rates_of_whole_periods() -> None:
    end = datetime(2026, 11, 29, 14, 30, tzinfo=UTC)
    period = timedelta(seconds=PERIOD)
    # the period that is not over has a sum too
    result = {"Timestamps": [end, end - period, end - 3 * period], "Values": [30.0, 3600.0, 1200.0]}
    found = of_metric(result, NOW)
    assert (found.until, found.rates[-4:]) == (end, (0.0, 4.0, 0.0, 12.0))
    assert found.since == end - LOOKS_BACK


def test_periods_that_cloudwatch_is_late_with_are_not_shown_as_a_standstill() -> None:
    end = datetime(2026, 11, 29, 14, 30, tzinfo=UTC)
    late = {"Timestamps": [end - timedelta(seconds=3 * PERIOD)], "Values": [900.0]}
    assert of_metric(late, NOW).now == 3.0
    assert of_metric({"Timestamps": [], "Values": []}, NOW).now == 0.0


@pytest.mark.parametrize(
    ("used", "most", "rates", "words"),
    [
        (41_212, 50_000, (0.5,), "82 % used · 8,788 left, at this pace enough until about 19:25"),
        (41_212, 50_000, (0.0,), "82 % used · 8,788 left"),
        (100, 50_000, (0.1,), "0 % used · 49,900 left"),
        (50_000, 50_000, (1.0,), "All used: mail waits until older mail is 24 hours old, nothing is lost."),
        (7, -1, (1.0,), "No limit."),
    ],
)
def test_the_quota_in_words(used: float, most: float, rates: tuple[float, ...], words: str) -> None:
    assert quota_words(limits(used, most), pace(*rates), NOW) == words


def test_an_account_in_which_sending_is_paused() -> None:
    quota = {"MaxSendRate": 14.0, "Max24HourSend": 200.0, "SentLast24Hours": 50.0}
    found = of_account({"SendQuota": quota, "SendingEnabled": False})
    assert (found.is_enabled, found.left, found.share) == (False, 150.0, 0.25)


@pytest.mark.parametrize(
    ("rate", "text"), [(12.06, "12.1"), (86, "86"), (0.2, "0.2"), (0, "0"), (1500.4, "1,500")]
)
def test_a_rate_has_a_decimal_only_if_that_says_something(rate: float, text: str) -> None:
    assert number(rate) == text
