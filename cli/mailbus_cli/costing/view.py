"""Shows what mails cost."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from rich.text import Text

from mailbus_cdk import prices
from mailbus_cli.costing import guarantees, lines
from mailbus_cli.output import console, print_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mailbus_cli.costing.lines import Line
    from mailbus_cli.costing.plan import Plan

HEADER = ("", "service", "what", "a mail uses", "USD a million", "USD a month")


def show(plan: Plan) -> None:
    """Print the line items, what is apart, the fixed part and the guarantees."""
    is_terminal = sys.stdout.isatty()
    print_table(HEADER, rows(plan))
    if is_terminal:
        console().print()
    print_table(
        ("guarantee", "USD a million", "is on", "without it"),
        (
            (each.name, f"{each.per_million:.2f}", "yes" if each.on else "no", each.setting or "")
            for each in guarantees.of(plan)
        ),
    )
    if is_terminal:
        console().print()
        console().print(Text(described(plan), "dim"))


def described(plan: Plan) -> str:
    """Return what was counted and assumed, in a sentence."""
    point = plan.point
    how = "as mails that come alone" if plan.load == "alone" else f"at {point.rate:,g} mails a second"
    return (
        f"counted {how}; prices of us-east-1, read {prices.CHECKED}, without any free tier. "
        "docs/cost.md says how, and what is not known"
    )


def rows(plan: Plan) -> Iterator[Sequence[str]]:
    """Yield the rows of the table: line items and a total for each part, what is apart, and the month."""
    of_mail = lines.of_mail(plan)
    for part, title in lines.PARTS.items():
        of_part = [line for line in of_mail if line.part == part]
        yield from (_row(line, plan) for line in of_part)
        if of_part:
            yield _sum(title, of_part, plan)
    yield _sum("all of it, without SNS and SES", of_mail, plan)
    together = [*of_mail]
    for line in lines.of_sns(plan):
        together.append(line)
        yield _row(line, plan)
        yield _sum("all of it, with that", together, plan)
    yield from (_row(line, plan) for line in lines.of_ses(plan))
    month = lines.of_month(plan)
    for line in month:
        yield ("month", line.service, line.what, f"{line.used:,.10g}", "", f"{line.each:.2f}")
    yield ("month", "", "a month without any mail", "", "", f"{sum(line.each for line in month):.2f}")


def document(plan: Plan) -> dict[str, Any]:
    """Return what `--json` prints."""
    of_mail, sns, month = lines.of_mail(plan), lines.of_sns(plan), lines.of_month(plan)
    per_million = lines.per_million(of_mail)
    return {
        "mails": plan.mails,
        "events_per_mail": plan.events,
        "kilobytes": plan.kilobytes,
        "rate": plan.rate,
        "counted_at": {"load": plan.point.load, "rate": plan.point.rate},
        "settings": plan.options,
        "prices_read": prices.CHECKED,
        "lines": [_document(line) for line in of_mail],
        "per_million": per_million,
        "a_month": _month(per_million, plan),
        "sns": [_document(line) for line in sns],
        "per_million_with_sns": per_million + lines.per_million(sns),
        "ses": [_document(line) for line in lines.of_ses(plan)],
        "fixed": [
            {"service": line.service, "what": line.what, "used": line.used, "a_month": line.each}
            for line in month
        ],
        "fixed_a_month": sum(line.each for line in month),
        "guarantees": [
            {
                "name": each.name,
                "per_million": each.per_million,
                "is_on": each.on,
                "setting_without": each.setting,
            }
            for each in guarantees.of(plan)
        ],
    }


def _document(line: Line) -> dict[str, Any]:
    return {
        "part": line.part,
        "service": line.service,
        "what": line.what,
        "used_by_a_mail": line.used,
        "price": line.price.shown,
        "price_source": line.price.source,
        "price_is_second_hand": line.price.second_hand,
        "per_million": line.per_million,
    }


def _row(line: Line, plan: Plan) -> Sequence[str]:
    used = f"{line.used:.3g}" if line.used >= 1e-4 else f"{line.used * 1e9:,.0f} bytes"  # noqa: PLR2004 - of GB
    return (
        line.part,
        line.service,
        line.what,
        used,
        f"{line.per_million:.2f}",
        f"{_month(line.per_million, plan):,.2f}",
    )


def _sum(title: str, of: Iterable[Line], plan: Plan) -> Sequence[str]:
    per_million = lines.per_million(of)
    return ("", "", title, "", f"{per_million:.2f}", f"{_month(per_million, plan):,.2f}")


def _month(per_million: float, plan: Plan) -> float:
    return per_million * plan.mails / prices.MILLION
