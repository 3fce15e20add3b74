"""Writes the tables of docs/cost.md: `python -m mailbus_cli.costing.page docs`."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mailbus_cdk import prices
from mailbus_cdk.prices import Price
from mailbus_cli.costing import guarantees, lines
from mailbus_cli.costing.counted import points
from mailbus_cli.costing.plan import Options, Plan

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NAME: Final = "cost.md"
#: The rate whose line items are shown.
RATE: Final = 100
#: Settings, from the least to the most expensive ones.
SETTINGS: Final = {
    "without `sent` and archive": Options(sent=False, archive_days=0),
    "the defaults": Options(),
    "with a timeline of 30 days": Options(timeline_days=30),
}


def written(page: str) -> str:
    """Return the page with its tables as they are now."""
    for name, table in _tables().items():
        begin, end = f"<!-- Written by `make schemas`: {name}. -->", "<!-- End. -->"
        marked = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
        text = f"{begin}\n\n{table}\n\n{end}"
        page, count = marked.subn(lambda _, text=text: text, page)  # type: ignore[misc] # bound at once
        assert count == 1, f"{NAME} has the marks of {name}"  # noqa: S101 - our own page
    return page


def _tables() -> dict[str, str]:
    return {
        "by rate": _by_rate(),
        "line items": _line_items(),
        "guarantees": _guarantees(),
        "a month": _month(),
        "prices": _prices(),
    }


def _by_rate() -> str:
    header = ("mails a second", *SETTINGS, "of each, the sender")
    plans = [
        (
            "one at a time" if point.load == "alone" else f"{point.rate:,g}",
            Plan(rate=point.rate, load=point.load),
        )
        for point in points()
        if point.sent
    ]
    return _table(
        header,
        (
            (
                name,
                *(
                    _usd(Plan(rate=plan.rate, load=plan.load, options=options))
                    for options in SETTINGS.values()
                ),
                f"{lines.per_million(line for line in lines.of_mail(plan) if line.part == lines.SEND):.2f}",
            )
            for name, plan in plans
        ),
    )


def _usd(plan: Plan) -> str:
    own = lines.per_million(lines.of_mail(plan))
    put, published = (line.per_million for line in lines.of_sns(plan))
    return f"**{own:.2f}**; {own + put:.2f}; {own + put + published:.2f}"


def _line_items() -> str:
    """Return the items of the most expensive settings, each with what it costs with the others."""
    plans = [Plan(rate=RATE, options=options) for options in SETTINGS.values()]
    items = [{(line.part, line.service, line.what): line for line in _all(plan)} for plan in plans]
    rows: list[Sequence[str]] = [
        (
            part,
            service,
            what,
            _used(items[-1][part, service, what].used),
            *(_cost(each.get((part, service, what))) for each in items),
        )
        for part, service, what in items[-1]
    ]
    totals = [f"**{lines.per_million(lines.of_mail(plan)):.2f}**" for plan in plans]
    rows.append(("", "", "without SNS", "", *totals))
    return _table(("part", "service", "", "a mail uses", *SETTINGS), rows)


def _all(plan: Plan) -> tuple[lines.Line, ...]:
    return (*lines.of_mail(plan), *lines.of_sns(plan))


def _used(used: float) -> str:
    return f"{used:.3g}" if used >= 1e-4 else f"{used * lines.GB:,.0f} bytes"  # noqa: PLR2004 - of GB


def _cost(line: lines.Line | None) -> str:
    return "" if line is None else f"{line.per_million:.2f}"


def _guarantees() -> str:
    plan = Plan(rate=RATE)
    return _table(
        ("guarantee", "USD", "without it"),
        (
            (each.name, f"{each.per_million:.2f}", f"`{each.setting}`" if each.setting else "")
            for each in guarantees.of(plan)
        ),
    )


def _month() -> str:
    least = Plan()
    most = Plan(options=Options(timeline_days=30, inbound=True, webhook=True))
    items = {line.what: line for line in lines.of_month(least)}
    found = lines.of_month(most)
    rows: list[Sequence[str]] = [
        (
            line.service,
            line.what,
            f"{items[line.what].each:.2f}" if line.what in items else "",
            f"{line.each:.2f}",
        )
        for line in found
    ]
    totals = [f"**{sum(line.each for line in each):.2f}**" for each in (items.values(), found)]
    rows.append(("", "", *totals))
    return _table(("service", "", "by default", "with receiving, timeline and webhook"), rows)


def _prices() -> str:
    found = [value for value in vars(prices).values() if isinstance(value, Price)]
    return _table(
        ("USD", "of", ""),
        (
            (price.shown, f"[{_service(price.source)}]({price.source})", "second-hand" * price.second_hand)
            for price in found
        ),
    )


def _service(source: str) -> str:
    return source.removeprefix("https://aws.amazon.com/").partition("/")[0]


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    every = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in every)


if __name__ == "__main__":
    path = Path(sys.argv[1]) / NAME
    path.write_text(written(path.read_text(encoding="utf-8")), encoding="utf-8")
