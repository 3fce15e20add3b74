"""The workers of each rate on the page of limits are those that a deployment has."""

from __future__ import annotations

from mailbus_cdk import event_workers, lanes, limits
from mailbus_cdk.event_workers import TIMELINE, TRACKING
from mailbus_cdk.quotas import BY_NAME
from mailbus_cdk.settings import Settings
from mailbus_cdk.settings.checks import BULK_WORKERS
from mailbus_cdk.settings.receiving import Inbound
from mailbus_cdk.settings.tables import Timeline
from sender import account_limits
from tests.unit.docs.pages import prose, rows


def test_each_rate_has_its_workers_and_batches() -> None:
    header = "| `expected_rate` | workers of each lane | jobs of a batch | pace | Lambda a mail | waiting |"
    documented = [
        tuple(int(cell.replace(",", "")) for cell in cells[:3]) for cells in rows("limits.md", header)
    ]
    assert documented == [
        (rate, lanes.workers(rate), lanes.batch_size(rate)) for rate in (1, 14, 100, 500, 1_000, 5_000)
    ]


def test_the_pages_have_the_numbers_of_the_code() -> None:
    page, doctor = prose("limits.md"), prose("doctor.md")
    assert f"needs about {lanes.BATCH_MILLISECONDS / 1000} s to send it" in page
    assert lanes.workers(17_857) == BULK_WORKERS
    assert f"have {BULK_WORKERS} workers, the number for 17,857 mails a second" in page
    assert (
        f"one for each {lanes.WORKER_RATE:.0f} recipients a second, and {lanes.FEWEST_WORKERS} at" in doctor
    )
    assert account_limits.TOLERANCE == 1 / 5
    assert "differ by more than a fifth" in page


def test_each_rate_has_its_workers_of_events() -> None:
    documented = [
        tuple(int(cell.replace(",", "")) for cell in cells)
        for cells in rows("limits.md", "| `expected_rate` | tracking | timeline |")
    ]
    assert documented == [
        (rate, TRACKING.workers(rate), TIMELINE.workers(rate)) for rate in (14, 100, 500, 1_000, 5_000)
    ]


def test_the_page_has_the_numbers_of_the_workers_of_events() -> None:
    page = prose("limits.md")
    tracking, timeline = (
        reader.events_a_second / reader.events_of_a_mail / lanes.SPARE for reader in (TRACKING, TIMELINE)
    )
    assert (
        f"tracking one for each {tracking:.0f} mails a second, the timeline one for each {timeline:.0f}"
        in page
    )
    few, most = lanes.FEWEST_WORKERS, event_workers.MOST_EVENT_WORKERS
    assert f"both {few} at least and {most} at most" in page
    assert f"tracks about {TRACKING.events_a_second} events a second" in page
    assert f"[about {TIMELINE.events_a_second} a second]" in page
    every = (lanes.workers, TRACKING.workers, TIMELINE.workers)
    assert {workers(71) for workers in every} == {few} < {workers(72) for workers in every}
    assert f"all but `inbound` have {few} anyway up to 71 mails a second" in page


def test_the_quota_has_the_workers_of_a_stage_by_default() -> None:
    stage = Settings(
        stage="prod",
        region="us-east-1",
        identity="example.com",
        inbound=Inbound(domains=("inbound.example.com",)),
        timeline=Timeline(days=30),
    )
    assert f"{limits.workers(stage)} by default, with received" in BY_NAME["lambda-concurrency"].uses
