from __future__ import annotations

import msgspec
import pytest

from mailbus_cdk import prices
from mailbus_cdk.settings import Settings
from mailbus_cdk.settings.receiving import Inbound
from mailbus_cdk.settings.tables import Events, Retention, Timeline
from mailbus_cli.costing import guarantees, lines
from mailbus_cli.costing.counted import deployed, nearest, points
from mailbus_cli.costing.plan import Options, Plan

LEAST = Options(sent=False, archive_days=0)
EVERYTHING = Options(timeline_days=30, index_messages=True, metadata_in_headers=False)


def total(plan: Plan) -> float:
    return lines.per_million(lines.of_mail(plan))


def of_part(plan: Plan, part: str) -> float:
    return lines.per_million(line for line in lines.of_mail(plan) if line.part == part)


def used(plan: Plan, what: str) -> float:
    (line,) = [line for line in lines.of_mail(plan) if line.what == what]
    return line.used


def test_a_million_mails_without_sent_and_archive_cost_at_most_8_dollars_at_100_a_second() -> None:
    assert total(Plan(rate=100, options=LEAST)) <= 8


def test_a_line_is_what_is_counted_times_its_price() -> None:
    plan = Plan(rate=100)
    sender = plan.point.sender
    assert used(plan, "the sender at 1,024 MB") == sender.seconds
    assert used(plan, "the ledger and the rate, written") == sender.write_units
    (line,) = [line for line in lines.of_mail(plan) if line.what == "`queued`"]
    assert line.per_million == pytest.approx(1.00)


def test_the_rate_is_the_nearest_below_that_was_counted() -> None:
    assert nearest(999, "mailing", sent=True).rate == 100
    assert nearest(5_000, "mailing", sent=True).rate == 1_000
    assert nearest(1, "mailing", sent=True).rate == 14
    assert nearest(14, "alone", sent=True).load == "alone"


@pytest.mark.parametrize("rate", [14, 100, 1_000])
def test_settings_that_are_off_cost_nothing(rate: int) -> None:
    least = Plan(rate=rate, options=LEAST)
    assert of_part(least, lines.ARCHIVE) == of_part(least, lines.TIMELINE) == 0
    assert total(least) < total(Plan(rate=rate)) < total(Plan(rate=rate, options=EVERYTHING))


def test_mails_that_come_alone_cost_more() -> None:
    assert total(Plan(load="alone")) > total(Plan())


def test_more_events_cost_what_an_event_costs_each() -> None:
    plans = [Plan(rate=100, events=events) for events in (4, 5, 6)]
    first, second, third = map(total, plans)
    assert third - second == pytest.approx(second - first)
    assert second - first > prices.MILLION * prices.EVENTS.each


@pytest.mark.parametrize(
    ("kilobytes", "put", "received"),
    [(4, 1 / 10, 0.0), (7, 2 / 10, 1 / 10), (64, 1.0, 9 / 10), (300, 5.0, 5 - 1 / 3)],
)
def test_large_jobs_take_more_requests_of_64_kb(kilobytes: float, put: float, received: float) -> None:
    plan = Plan(rate=100, kilobytes=kilobytes)
    (line,) = [line for line in lines.of_mail(plan) if line.what.startswith("jobs put on the queue")]
    assert line.used == pytest.approx(put)
    more = used(plan, "jobs received and deleted") - plan.point.sender.requests
    assert more == pytest.approx(received)


def test_a_job_over_1_mb_is_an_object_of_s3_and_a_small_message() -> None:
    plan = Plan(kilobytes=5_000)
    assert {line.what for line in lines.of_mail(plan) if line.service == "S3"} == {
        "jobs over 1 MB written",
        "and read",
    }
    assert used(plan, "jobs put on the queue, 10 in a call") == pytest.approx(0.1)


def test_sns_and_ses_are_apart() -> None:
    plan = Plan()
    assert [line.per_million for line in lines.of_sns(plan)] == pytest.approx([1.60, 2.00])
    assert [line.per_million for line in lines.of_ses(plan)][:2] == pytest.approx([100, 160])
    assert {line.service for line in lines.of_mail(plan)}.isdisjoint({"SES", "SNS"})


def test_a_month_without_mail_has_what_the_settings_deploy() -> None:
    least = {line.what: line for line in lines.of_month(Plan())}
    most = {
        line.what: line
        for line in lines.of_month(Plan(options=Options(timeline_days=30, inbound=True, webhook=True)))
    }
    assert least["keys of the topics"].each == pytest.approx(deployed().every.keys * 1.00)
    assert "secrets of the webhook" not in least
    assert most["secrets of the webhook"].each == pytest.approx(0.40)
    # five long polls of 20 s for each of the queues
    polls = deployed().every.pollers * 5 * 3 * 60 * 24 * 30
    assert least["queues that Lambda asks for messages"].used == polls


def test_the_options_are_those_of_the_settings() -> None:
    settings = Settings(
        stage="prod",
        region="us-east-1",
        identity="example.com",
        events=Events(sent=False),
        retention=Retention(event_archive_days=0),
        timeline=Timeline(days=7),
        inbound=Inbound(domains=("inbound.example.com",)),
    )
    expected = msgspec.structs.replace(LEAST, timeline_days=7, inbound=True)
    assert Options.of(settings) == expected
    assert Options.of(Settings(stage="prod", region="us-east-1", identity="example.com")) == Options()


@pytest.mark.parametrize(
    ("setting", "changed"),
    [
        ("events.sent = false", {"sent": False}),
        ("retention.event_archive_days = 0", {"archive_days": 0}),
        ("timeline.days = 0", {"timeline_days": 0}),
        ("tracking.notified_identities = []", {"index_messages": False}),
        ("metadata_in_headers = true", {"metadata_in_headers": True}),
    ],
)
def test_what_a_guarantee_costs_is_what_its_setting_saves(setting: str, changed: dict[str, bool]) -> None:
    plan = Plan(rate=100, options=EVERYTHING)
    (guarantee,) = [each for each in guarantees.of(plan) if each.setting == setting]
    saved = total(plan) - total(plan.with_options(**changed))
    assert guarantee.on
    # logs are a part of their own
    assert guarantee.per_million == pytest.approx(saved, abs=0.05)


def test_every_point_has_every_use() -> None:
    for point in points():
        for used_ in (point.sender, point.tracking, point.timeline):
            assert used_.seconds > 0
            assert used_.requests > 0
