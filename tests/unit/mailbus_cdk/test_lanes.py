"""What a lane of sending gets for the mails a second that the account sends."""

from __future__ import annotations

import pytest

from mailbus_cdk import lanes
from mailbus_cdk.settings import Settings
from mailbus_cdk.settings.tables import Bulk, Transactional


def stage(rate: float, **values: object) -> Settings:
    return Settings.checked(
        {
            "stage": "prod",
            "region": "us-east-1",
            "identity": "example.com",
            "expected_rate": rate,
            "reserve_concurrency": True,
            **values,
        }
    )


@pytest.mark.parametrize(
    ("rate", "workers"),
    [
        (0.1, 2),
        (1, 2),
        (14, 2),
        (71, 2),
        (72, 3),
        (100, 3),
        (500, 14),
        (501, 15),
        (1_000, 28),
        (5_000, 140),
        (35_678, 999),
        (100_000, 1_000),
    ],
)
def test_a_lane_has_twice_the_workers_that_the_rate_keeps_busy_within_lambdas_limits(
    rate: float, workers: int
) -> None:
    assert lanes.workers(rate) == workers
    assert (stage(rate).transactional_workers, stage(rate).bulk_workers) == (workers, workers)


@pytest.mark.parametrize(
    ("rate", "jobs"), [(0.1, 1), (0.5, 1), (1, 2), (2.2, 5), (5, 10), (14, 10), (5_000, 10)]
)
def test_a_batch_has_no_more_than_two_seconds_of_the_rate(rate: float, jobs: int) -> None:
    assert lanes.batch_size(rate) == jobs


def test_workers_that_the_settings_have_replace_those_of_one_lane() -> None:
    urgent = stage(1_000, transactional={"max_concurrency": 40})
    assert (urgent.transactional_workers, urgent.bulk_workers) == (40, 28)
    both = Settings(
        stage="prod",
        region="us-east-1",
        identity="example.com",
        transactional=Transactional(max_concurrency=6),
        bulk=Bulk(max_concurrency=7),
    )
    assert (both.transactional_workers, both.bulk_workers) == (6, 7)
