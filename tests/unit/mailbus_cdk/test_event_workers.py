"""The workers that read events for the mails a second that the account sends."""

from __future__ import annotations

import pytest

from mailbus_cdk import limits
from mailbus_cdk.event_workers import MOST_EVENT_WORKERS, TIMELINE, TRACKING, EventReader
from mailbus_cdk.settings import Settings

READERS = pytest.mark.parametrize("reader", [TRACKING, TIMELINE], ids=["tracking", "timeline"])


def stage(rate: float, **values: object) -> Settings:
    given = {"stage": "prod", "region": "us-east-1", "identity": "example.com", "expected_rate": rate}
    return Settings.checked(given | values)


@pytest.mark.parametrize(
    ("rate", "tracking", "timeline"),
    [(0.1, 2, 2), (14, 2, 2), (80, 2, 2), (81, 2, 3), (101, 3, 3), (1_000, 20, 25), (5_000, 100, 100)],
)
def test_the_workers_of_events_follow_the_rate(rate: float, tracking: int, timeline: int) -> None:
    assert (limits.tracking_concurrency(stage(rate)), limits.timeline_concurrency(stage(rate))) == (
        tracking,
        timeline,
    )


def test_workers_that_the_settings_have_replace_those_of_the_rate() -> None:
    own = stage(1_000, tracking={"max_concurrency": 7}, timeline={"max_concurrency": 8})
    assert (limits.tracking_concurrency(own), limits.timeline_concurrency(own)) == (7, 8)


@READERS
@pytest.mark.parametrize("rate", [1, 14, 100, 1_000, 5_000])
def test_the_workers_are_enough_for_the_events_of_the_rate(reader: EventReader, rate: float) -> None:
    assert reader.workers(rate) * reader.events_a_second >= rate * reader.events_of_a_mail


@READERS
def test_at_their_limit_they_are_enough_for_no_more(reader: EventReader) -> None:
    most = reader.most_mails_a_second
    assert most * reader.events_of_a_mail == pytest.approx(MOST_EVENT_WORKERS * reader.events_a_second)
    assert most > 5_000


def test_on_the_embedded_aws_each_worker_is_a_process() -> None:
    local = Settings.checked(
        {"stage": "local", "region": "us-east-1", "identity": "example.com", "expected_rate": 5_000}
    )
    assert (limits.tracking_concurrency(local), limits.timeline_concurrency(local)) == (3, 2)
