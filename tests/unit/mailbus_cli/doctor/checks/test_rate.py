from __future__ import annotations

import pytest

from mailbus_cli.doctor.checks.rate import judge, judge_account


@pytest.mark.parametrize(("rate", "level"), [(14.0, "ok"), (500.0, "ok"), (501.0, "warning")])
def test_ten_workers_are_enough_for_five_hundred_a_second(rate: float, level: str) -> None:
    assert judge(rate, {"transactional": 5, "bulk": 5}).level == level


def test_the_bulk_lane_gets_the_workers_that_are_missing() -> None:
    verdict = judge(1000.0, {"transactional": 5, "bulk": 5})
    assert verdict.fix == "raise bulk.max_concurrency to 15, and deploy"


@pytest.mark.parametrize(
    ("rate", "expected", "in_production", "level"),
    [
        (14.0, 14.0, True, "ok"),
        (14.0, None, True, "ok"),
        (14.0, 15.0, True, "warning"),
        (1.0, 14.0, False, "ok"),
    ],
)
def test_the_account_sends_what_the_stage_expects(
    rate: float,
    expected: float | None,
    in_production: bool,  # noqa: FBT001 - a parameter
    level: str,
) -> None:
    account = {"SendQuota": {"MaxSendRate": rate}, "ProductionAccessEnabled": in_production}
    assert judge_account(account, expected, "eu-west-1").level == level


def test_more_of_the_rate_is_asked_for_by_service_quotas() -> None:
    verdict = judge_account({"SendQuota": {"MaxSendRate": 14.0}}, 100.0, "eu-west-1")
    assert verdict.text == "the account sends 14 a second, and expected_rate is 100: mail waits"
    assert verdict.record == (
        "aws service-quotas request-service-quota-increase --service-code ses --quota-code L-CDEF9B6B"
        " --desired-value 100 --region eu-west-1"
    )
