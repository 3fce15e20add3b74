"""`make sweep`: simulate all runs, and write their tables and plots into the documentation."""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.plots.line_chart import line_chart
from bench.support.markdown import replaced, table
from bench.world.sweep import FACTORS, RATES, ROUND_TRIPS, SANDBOX, USUAL_ROUND_TRIP, backlog, runs, simulate
from mailbus_cdk import lanes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from bench.world.measures import Measures
    from bench.world.sweep import Result

    # by rate, round trip, and times as many workers
    Cells = Mapping[tuple[int, int, float], Measures]

DOCS: Final = Path(__file__).parents[2] / "docs"
#: Of the plots, beside those of the table.
MORE_FACTORS: Final = (0.5, 2)


def main() -> int:
    """Simulate all runs; return 1 if some missed a goal."""
    of_plots = (backlog(rate, USUAL_ROUND_TRIP, factor) for rate in RATES for factor in MORE_FACTORS)
    wanted = [*runs(), *of_plots]
    results: dict[str, Result] = {}
    with ProcessPoolExecutor() as pool:
        for done in as_completed([pool.submit(simulate, run) for run in wanted]):
            result = done.result()
            results[result.run.title] = result
            _say(f"{len(results)}/{len(wanted)} {result.run.title}: {result.measures.pace:.1%}")
            for missed in result.missed:
                _say(f"    MISSED: {missed}")
    _write(results)
    failed = sum(bool(result.missed) for result in results.values())
    _say(f"{failed} of {len(wanted)} runs missed a goal")
    return 1 if failed else 0


def _write(results: Mapping[str, Result]) -> None:
    """Write the tables between their marks, and the plots."""
    cells = {
        (rate, round_trip, factor): title
        for rate in (SANDBOX, *RATES)
        for round_trip in ROUND_TRIPS
        for factor in (*FACTORS, *MORE_FACTORS)
        if (title := backlog(rate, round_trip, factor).title) in results
    }
    by_cell = {cell: results[title].measures for cell, title in cells.items()}
    shown = {title for (rate, _, _), title in cells.items() if rate != SANDBOX}
    others = [results[run.title] for run in runs() if run.title not in shown]
    _replace(DOCS / "limits.md", "what to set", _settings(by_cell))
    _replace(DOCS / "scale.md", "backlogs", _backlogs(by_cell))
    _replace(DOCS / "scale.md", "other runs", _others(others))
    for name, title, value in (
        ("pace", "Percent of the rate that are used, by the number of workers", _percent),
        ("waiting", "Seconds a mail in which a worker waits, by the number of workers", _waiting),
    ):
        (DOCS / "images" / f"{name}.svg").write_text(_plot(title, value, by_cell))


def _settings(cells: Cells) -> str:
    """Return what follows from each rate, with what it costs."""
    header = (
        "`expected_rate`",
        "workers of each lane",
        "jobs of a batch",
        "pace",
        "Lambda a mail",
        "waiting",
    )
    found = [(rate, cells[rate, USUAL_ROUND_TRIP, 1]) for rate in (SANDBOX, *RATES)]
    return table(
        header,
        (
            (f"{rate:,}", lanes.workers(rate), lanes.batch_size(rate), *_pace(measured))
            for rate, measured in found
        ),
    )


def _percent(found: Measures) -> float:
    # a little of the time before the measurement may be caught up in it
    return min(100.0, 100 * found.pace)


def _waiting(found: Measures) -> float:
    return found.waiting


def _pace(found: Measures) -> tuple[str, str, str]:
    return f"{found.pace:.1%}", f"{found.running:.3f} s", f"{found.waiting:.3f} s"


def _backlogs(cells: Cells) -> str:
    header = (
        *("a second", "workers", "to DynamoDB", "pace", "Lambda a mail", "waiting", "receives a mail"),
        *("SES throttled", "writes throttled"),
    )
    return table(
        header,
        (
            (
                f"{rate:,}",
                _workers(rate, factor),
                f"{round_trip} ms",
                *_pace(found),
                f"{found.receives:.1f}",
                f"{found.ses_throttled:.2%}",
                f"{found.rate_writes_throttled:.2%}",
            )
            for rate in RATES
            for factor in FACTORS
            for round_trip in ROUND_TRIPS
            for found in (cells[rate, round_trip, factor],)
        ),
    )


def _workers(rate: int, factor: float) -> str:
    count = round(lanes.workers(rate) * factor)
    return f"{count}" if factor == 1 else f"{count} ({factor:g} ×)"


def _others(results: Iterable[Result]) -> str:
    header = (
        *("", "pace", "Lambda a mail", "waiting", "receives a mail", "99 % of urgent mail within"),
        *("longest silence", "SES throttled", "writes throttled"),
    )
    return table(
        header,
        (
            (
                result.run.title,
                *_pace(found),
                f"{found.receives:.1f}",
                "" if result.run.is_backlog else f"{found.delay_p99:.2f} s",
                f"{found.longest_silence:.2f} s",
                f"{found.ses_throttled:.2%}",
                f"{found.rate_writes_throttled:.2%}",
            )
            for result in results
            for found in (result.measures,)
        ),
    )


def _plot(title: str, value: Callable[[Measures], float], cells: Cells) -> str:
    factors = sorted((*FACTORS, *MORE_FACTORS))
    return line_chart(
        title,
        [f"{factor:g} ×" for factor in factors],
        {
            f"{rate:,} a second": [value(cells[rate, USUAL_ROUND_TRIP, factor]) for factor in factors]
            for rate in RATES
        },
    )


def _replace(page: Path, name: str, text: str) -> None:
    """Replace what is between the marks of a table on a page."""
    page.write_text(replaced(page.read_text(), f"Written by `make sweep`: {name}", text))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
