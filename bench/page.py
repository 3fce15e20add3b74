"""`python -m bench.page`: writes docs/benchmarks.md, its plots and the table of README.md.

The results come from build/bench.json; docs/benchmarks.json keeps those that the pages show.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.comparisons.inbound import BY_SIZE, SIZES, memory_title
from bench.plots.bar_chart import bar_chart
from bench.plots.line_chart import line_chart
from bench.results import BUILT, read, shown, shown_goal, shown_ratio, written
from bench.support.markdown import replaced, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bench.results import Result, Run

ROOT: Final = Path(__file__).parents[1]
DOCS: Final = ROOT / "docs"
RESULTS: Final = DOCS / "benchmarks.json"
PAGE: Final = "benchmarks.md"
README: Final = "README.md"
#: The sections whose goals the README has; those of the others are of interest to who works on Mailbus.
IN_README: Final = ("starts", "events", "sending", "processor", "received")
MARK: Final = "Written by `make bench`"
HEADER: Final = ("", "measured", "baseline", "ratio", "goal")
_START: Final = "cold start: "
_MIDDLE: Final = re.compile(r",.*,")


def write(run: Run) -> None:
    """Write all that the docs have of a run."""
    RESULTS.write_bytes(written(run))
    for name, chart in plots(run).items():
        (DOCS / "images" / name).write_text(chart)
    for path, pages in ((DOCS / PAGE, page), (ROOT / README, readme)):
        path.write_text(pages(path.read_text(), run))


def page(text: str, run: Run) -> str:
    """Return the page of benchmarks with a run's figures."""
    text = replaced(text, f"{MARK}: run", _machine(run))
    text = replaced(text, f"{MARK}: goals", _goals(run, run.sections))
    for name, results in run.sections.items():
        notes = (f"- {result.title}: {'; '.join(result.notes)}" for result in results if result.notes)
        text = replaced(
            text, f"{MARK}: {name}", "\n\n".join(filter(None, (_table(results), "\n".join(notes))))
        )
    return text


def readme(text: str, run: Run) -> str:
    """Return README.md with a run's figures."""
    return replaced(text, MARK, _goals(run, IN_README))


def _goals(run: Run, sections: Iterable[str]) -> str:
    """Return the table of what has a goal in some sections."""
    return _table(result for name in sections for result in run.sections[name] if result.goal)


def plots(run: Run) -> Mapping[str, str]:
    """Return the plots of a run as SVG, by the name of their files."""
    starts = [result for result in run.sections["starts"] if result.title.startswith(_START)]
    latencies = run.sections["latency"]
    memory = {result.title: result for result in run.sections["received"]}
    found = {shape: [memory[memory_title(size, shape)] for size in SIZES] for shape in BY_SIZE}
    return {
        "bench-starts.svg": bar_chart(
            "Processor time of a cold start",
            [result.title.removeprefix(_START) for result in starts],
            {
                "Mailbus": [result.value for result in starts],
                "boto3 and the same clients": [result.baseline_value for result in starts],
            },
            unit="ms of a processor",
        ),
        "bench-latency.svg": bar_chart(
            "End-to-end latency on the embedded AWS",
            [_MIDDLE.sub(",", result.title) for result in latencies],
            {
                "Mailbus": [result.value for result in latencies],
                "a bare function with boto3": [result.baseline_value for result in latencies],
            },
            unit="ms",
        ),
        "bench-memory.svg": line_chart(
            "Peak memory for a mail with one attachment, and with 20 equal ones",
            [str(size) for size in SIZES],
            {
                f"{who}, {shape.removesuffix(' attachments').removesuffix(' attachment')}": [
                    result.value if who == "Mailbus" else result.baseline_value for result in results
                ]
                for shape, results in found.items()
                for who in ("Mailbus", "Anymail")
            },
            x="MB of the mail",
            y="MB",
        ),
    }


def _machine(run: Run) -> str:
    machine = run.machine
    return (
        f"Mailbus {run.version} on {run.date}, in {run.seconds // 60} minutes and {run.seconds % 60} "
        f"seconds,\nwith Python {machine.python} on {machine.platform}, {machine.processors} processors\n"
        f"({machine.processor}), whose load was {run.load:g} before."
    )


def _table(results: Iterable[Result]) -> str:
    return table(
        HEADER,
        (
            (
                result.title,
                f"**{shown(result.value)} {result.unit}** {result.measured}",
                f"{shown(result.baseline_value)} {result.unit} {result.baseline}",
                shown_ratio(result.ratio),
                shown_goal(result),
            )
            for result in results
        ),
    )


if __name__ == "__main__":
    write(read(BUILT))
