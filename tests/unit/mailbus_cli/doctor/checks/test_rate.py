from __future__ import annotations

import pytest

from mailbus_cli.doctor.checks.rate import judge


@pytest.mark.parametrize(("rate", "level"), [(14.0, "ok"), (500.0, "ok"), (501.0, "warning")])
def test_ten_workers_are_enough_for_five_hundred_a_second(rate: float, level: str) -> None:
    assert judge(rate, {"transactional": 5, "bulk": 5}).level == level


def test_the_bulk_lane_gets_the_workers_that_are_missing() -> None:
    verdict = judge(1000.0, {"transactional": 5, "bulk": 5})
    assert verdict.fix == "raise bulk.max_concurrency to 15, and deploy"
