"""docs/cost.md has the tables that the counts and prices make, and what it says of them."""

from __future__ import annotations

from bench.world import costs
from mailbus_cli.costing import lines
from mailbus_cli.costing.page import NAME, written
from mailbus_cli.costing.plan import Options, Plan
from tests.unit.docs.pages import page, prose, rows

PAGE = prose(NAME)


def test_the_tables_are_up_to_date() -> None:
    assert page(NAME) == written(page(NAME)), "make schemas"


def test_the_times_of_calls_are_those_of_the_simulation() -> None:
    assumed = (
        f"SES {1000 * costs.SES_SECONDS:.0f} ms, EventBridge {1000 * costs.EVENTS_SECONDS:.0f} ms,"
        f" SQS {1000 * costs.SQS_SECONDS:.0f} ms"
    )
    assert assumed in PAGE


def test_the_page_of_the_timeline_has_its_cost() -> None:
    plan = Plan(rate=100, options=Options(timeline_days=30))
    cost = lines.per_million(line for line in lines.of_mail(plan) if line.part == lines.TIMELINE)
    assert f"About {cost:.0f} dollars for a million mails" in prose("timeline.md")


def test_the_table_by_rate_falls_with_the_rate() -> None:
    header = (
        "| mails a second | without `sent` and archive | the defaults | with a timeline of 30 days"
        " | of each, the sender |"
    )
    firsts = [float(row[1].split("**")[1]) for row in rows(NAME, header)]
    assert firsts == sorted(firsts, reverse=True)
