from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from aws_lambda_powertools import Logger

from sender.account_limits import HIGHER, LOWER, SANDBOX, is_unexpected, reporter
from sender.rate.pacer import Pacer
from sender.rate.slots import Limits, RateState
from sender.rate.table import Written
from tests.unit.sender.settings import START

if TYPE_CHECKING:
    from mailbus.metrics import Metric


class Reports:
    """What is reported of an account whose deployment expects 100 recipients a second."""

    def __init__(self) -> None:
        self._stream = io.StringIO()
        self.metrics: list[tuple[Metric, float]] = []
        self.limits: list[tuple[Metric, float]] = []
        self.report = reporter(
            100,
            log=Logger(service=f"unexpected-rate-{id(self)}", stream=self._stream),
            put_metric=self._put,
        )

    def _put(self, name: Metric, value: float) -> None:
        (self.limits if name in {"MaxSendRate", "QuotaPercent"} else self.metrics).append((name, value))

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._stream.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("rate", "expected", "unexpected"),
    [
        (14.0, 14.0, False),
        (12.0, 14.0, False),
        (11.0, 14.0, True),
        (16.0, 14.0, False),
        (17.0, 14.0, True),
        (80.0, 100.0, False),
        (79.0, 100.0, True),
        (120.0, 100.0, False),
        (121.0, 100.0, True),
    ],
)
def test_a_rate_may_differ_by_a_fifth(rate: float, expected: float, unexpected: bool) -> None:  # noqa: FBT001
    assert is_unexpected(rate, expected) is unexpected


@pytest.mark.parametrize(("rate", "message"), [(500.0, HIGHER), (14.0, LOWER)])
def test_another_rate_is_logged_with_what_to_do_and_counted(rate: float, message: str) -> None:
    reports = Reports()
    reports.report(Limits(max_send_rate=rate))
    [line] = reports.lines
    assert (line["level"], line["message"]) == ("WARNING", message)
    assert (line["max_send_rate"], line["expected_rate"]) == (rate, 100)
    assert reports.metrics == [("UnexpectedRate", 1)]


def test_the_sandbox_is_logged_but_not_counted_since_no_setting_changes_it() -> None:
    reports = Reports()
    reports.report(Limits(max_send_rate=1.0, quota_left=200))
    assert [line["message"] for line in reports.lines] == [SANDBOX]
    assert reports.metrics == []


def test_the_expected_rate_is_not_reported() -> None:
    reports = Reports()
    reports.report(Limits(max_send_rate=100.0))
    assert (reports.lines, reports.metrics) == ([], [])


def test_the_limits_are_metrics_whatever_rate_is_expected() -> None:
    reports = Reports()
    reports.report(Limits(max_send_rate=100.0, quota_left=9_000, quota_percent=82.0))
    reports.report(Limits(max_send_rate=90.0))
    assert reports.limits == [("MaxSendRate", 100.0), ("QuotaPercent", 82.0), ("MaxSendRate", 90.0)]


class Ledger:
    """A ledger whose limits are outdated after a minute, and that lets this worker ask SES."""

    def read(self) -> RateState:
        return RateState()

    def take(self, *_: object, **__: object) -> Written:
        return Written(state=RateState())

    def ask(self, **_: object) -> Written:
        return Written(state=RateState())

    def set_limits(self, limits: Limits, *_: object, read_at: float, **__: object) -> Written:
        return Written(state=RateState(max_send_rate=limits.max_send_rate, read_at=read_at))


def test_each_answer_of_ses_is_reported_once() -> None:
    answers: list[Limits | None] = [Limits(max_send_rate=14.0), None, Limits(max_send_rate=500.0)]
    seconds = [START]
    reported: list[float] = []
    pacer = Pacer(
        Ledger(),
        lambda: answers.pop(0),
        cache_seconds=60,
        on_limits=lambda limits: reported.append(limits.max_send_rate),
        clock=lambda: seconds[0],
        sleep=lambda _: None,
    )
    for _ in range(3):
        pacer.largest_call()
    assert reported == [14.0]
    # SES does not answer, then another rate
    for passed in (60, 120):
        seconds[0] = START + passed
        pacer.largest_call()
    assert (reported, answers) == ([14.0, 500.0], [])
