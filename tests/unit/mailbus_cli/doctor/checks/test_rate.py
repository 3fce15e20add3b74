from __future__ import annotations

import pytest

from mailbus_cdk import lanes
from mailbus_cli.doctor.checks.rate import judge, judge_account


@pytest.mark.parametrize(("rate", "level"), [(14.0, "ok"), (500.0, "ok"), (501.0, "warning")])
def test_fourteen_workers_are_enough_for_five_hundred_a_second(rate: float, level: str) -> None:
    assert judge(rate, {"transactional": 5, "bulk": 9}).level == level


def test_the_bulk_lane_gets_the_workers_that_are_missing() -> None:
    verdict = judge(1000.0, {"transactional": 5, "bulk": 5})
    assert verdict.text == "1000 a second, for 10 workers: about 28 would use all of it"
    assert verdict.fix == (
        "set expected_rate = 1000, which the workers follow, or where max_concurrency is set raise that of "
        "bulk to 23, and deploy"
    )


@pytest.mark.parametrize("rate", [1.0, 14.0, 100.0, 5_000.0])
def test_a_stage_that_expects_the_accounts_rate_has_enough_workers(rate: float) -> None:
    workers = lanes.workers(rate)
    assert judge(rate, {"transactional": workers, "bulk": workers}).level == "ok"
    assert judge(rate, {"transactional": 2, "bulk": workers - 2}).level == "ok"


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
