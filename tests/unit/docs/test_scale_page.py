"""The page on scale has the numbers of the quotas and the workers."""

from __future__ import annotations

import pytest

from mailbus_cdk import lanes, limits
from mailbus_cdk.event_workers import TIMELINE, TRACKING
from mailbus_cdk.quotas import BY_NAME, uses
from mailbus_cdk.settings import Settings
from mailbus_cdk.settings.checks import BULK_WORKERS
from mailbus_cdk.settings.tables import Timeline
from tests.unit.docs.pages import prose, rows

PAGE = prose("scale.md")
PARTS = {
    cells[0]: cells
    for cells in rows("scale.md", "| part | a mail uses | ends at, mails a second | to pass it |")
}
HIGH = 5_000
REGION = "us-east-1"


def ends(name: str, *, timeline: bool = False, region: str | None = None) -> int:
    """The mails a second that a quota is enough for, in the smallest regions or in one."""
    quota = BY_NAME[name]
    limit = min((quota.default, *quota.by_region.values())) if region is None else quota.default_in(region)
    return int(limit / quota.used_by_a_mail(timeline=timeline))


def stage(rate: float) -> Settings:
    return Settings(
        stage="prod", region=REGION, identity="example.com", expected_rate=rate, timeline=Timeline(days=30)
    )


@pytest.mark.parametrize(
    ("part", "name", "unit"),
    [
        ("rate's item", "rate-item", "writes"),
        ("ledger, new", "ledger-new-table", "write units"),
        ("ledger", "ledger-writes", "write units"),
        ("events of SES by SNS", "sns-publish", "messages"),
        ("PutEvents", "events-put", "calls"),
        ("creating schedules", "scheduler-create", "call, if"),
        ("schedules that run", "scheduler-invocations", ", as above"),
    ],
)
def test_a_part_that_a_quota_ends_has_its_numbers(part: str, name: str, unit: str) -> None:
    used, documented = PARTS[part][1:3]
    assert used.startswith(f"{BY_NAME[name].per_mail:g}{'' if unit.startswith(',') else ' '}{unit}")
    most, least = ends(name, region=REGION), ends(name)
    assert documented == (f"{most:,}" if most == least else f"{most:,}; {least:,}")


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("timeline, new", "timeline-new-table"),
        ("timeline", "timeline-writes"),
        ("timeline's index by time", "timeline-shard"),
    ],
)
def test_a_part_of_the_timeline_has_its_numbers(part: str, name: str) -> None:
    used, documented = PARTS[part][1:3]
    assert used.startswith(f"{BY_NAME[name].per_mail_in_timeline:g} ")
    assert documented == f"{ends(name, timeline=True):,}"


def test_the_rules_of_the_bus_have_their_numbers() -> None:
    quota = BY_NAME["events-invocations"]
    without, with_ = (
        (ends(quota.name, timeline=timeline, region=REGION), ends(quota.name, timeline=timeline))
        for timeline in (False, True)
    )
    assert PARTS["events that rules pass on"][1:3] == [
        f"{quota.per_mail:g}, with a timeline {quota.used_by_a_mail(timeline=True):g}",
        f"{without[0]:,}, with a timeline {with_[0]:,}; {without[1]} and {with_[1]}",
    ]


def test_the_workers_have_their_numbers() -> None:
    seconds = lanes.BATCH_MILLISECONDS / 1000 / lanes.BATCH
    assert PARTS["workers of a lane"][1:3] == [
        f"{seconds:g} s, and as much to spare",
        f"{int(lanes.MOST_WORKERS * lanes.WORKER_RATE):,}; bulk {int(BULK_WORKERS * lanes.WORKER_RATE):,}",
    ]
    for part, reader in (("tracking's workers", TRACKING), ("timeline's workers", TIMELINE)):
        assert PARTS[part][1:3] == [
            f"{reader.events_of_a_mail:g} events",
            f"{reader.most_mails_a_second:,.0f}",
        ]


def test_lambda_runs_the_workers_of_the_documented_rate_and_no_more() -> None:
    most = int(PARTS["Lambda's concurrency"][2].replace(",", ""))
    limit = BY_NAME["lambda-concurrency"].default
    assert limits.workers(stage(most)) == limit < limits.workers(stage(most + 1))


def test_no_worker_holds_so_much_that_a_queue_ends() -> None:
    sent = lanes.MOST_WORKERS * lanes.BATCH
    tracked = 100 * limits.TRACKING.batch_size
    documented = PARTS["SQS, messages in flight"][2]
    assert f"{lanes.MOST_WORKERS:,} workers with {lanes.BATCH} jobs are {sent:,}," in documented
    assert f"100 with {limits.TRACKING.batch_size} events are {tracked:,}," in documented
    assert f"of {BY_NAME['sqs-in-flight'].default:,}" in documented


def test_at_5000_a_second_what_does_not_fit_is_what_the_page_says() -> None:
    used = {use.quota.name: use for use in uses(HIGH, region=REGION, timeline=True)}
    assert {name for name, use in used.items() if use.fits is False} == {
        *("events-invocations", "ledger-new-table", "timeline-new-table", "timeline-writes")
    }
    assert {name for name, use in used.items() if use.most and use.most < HIGH and use.quota.only} == {
        "scheduler-invocations",
        # the webhook's, which is for other accounts
        "api-requests",
    }
    assert f"the two lanes have {lanes.workers(HIGH)} workers each" in PAGE
    assert f"{limits.workers(stage(HIGH))} of the 1,000 that Lambda runs at a time" in PAGE
    assert f"takes {used['rate-item'].needed:.0f} writes a second of 1,000" in PAGE
    assert TRACKING.workers(HIGH) == TIMELINE.workers(HIGH) == 100


def test_the_command_for_a_new_table_is_that_of_the_warning() -> None:
    quota = BY_NAME["ledger-new-table"]
    needed = HIGH * quota.per_mail
    assert f"before, for 5,000 mails a second to {needed:,.0f}:" in PAGE
    command = quota.increase(needed, REGION)
    assert command is not None
    assert command.removesuffix(f" --region {REGION}") in PAGE
