"""The page on the fault run has the tables of a whole run in which nothing was wrong."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from bench.chaos import rules
from bench.chaos.episodes import EPISODES
from bench.chaos.jobs import SHARES
from bench.chaos.report import BEGIN, END
from bench.chaos.run import Size
from tests.architecture.source_tree import ROOT

if TYPE_CHECKING:
    from bench.chaos.plan import Rule

PAGE = (ROOT / "docs/chaos.md").read_text(encoding="utf-8")
RUN = PAGE.partition(BEGIN)[2].partition(END)[0]
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in RUN.splitlines() if line[:1] == "|"]


def number(name: str, place: int = 1) -> int:
    [found] = [row for row in ROWS if row[0] == name and re.fullmatch(r"[\d,]+", row[place])]
    return int(found[place].replace(",", ""))


def test_the_run_was_whole() -> None:
    size = Size()
    # two jobs have one id now and then
    assert number("all") >= size.jobs >= 10_000
    assert number("notifications published directly") >= size.notifications >= 5_000
    assert number("mails received") == size.mails >= 500
    assert {row[0] for row in ROWS} >= {*SHARES, "single"}


def test_nothing_was_lost_or_sent_twice() -> None:
    assert number("problems") == 0
    _, _, recipients, accepted, failed, lost, twice = next(
        row for row in ROWS if row[0] == "all" and len(row) == 7
    )
    assert (lost, twice) == ("0", "0")
    counts = [int(text.replace(",", "")) for text in (recipients, accepted, failed)]
    assert counts[0] == counts[1] + counts[2]


@pytest.mark.parametrize("rule", [rule for rule in rules.ALL if rule.is_kill], ids=lambda rule: rule.point)
def test_workers_were_killed_at_each_point(rule: Rule) -> None:
    assert [row for row in ROWS if row[:2] == [rule.function, rule.point] and int(row[2]) == rule.times]


def test_each_service_failed() -> None:
    assert {row[0] for row in ROWS} >= {rule.service for rule in rules.ALL}
    assert {row[1] for row in ROWS} >= {episode.name for episode in EPISODES}


def test_it_took_no_longer_than_the_page_says() -> None:
    assert number("all was settled after seconds") <= 25 * 60
