"""`make bench`: every comparison, printed when it is done, and written to build/bench.json in the end.

`--only SECTION` measures a section alone, and only prints it; `--docs` also writes the pages.
"""

from __future__ import annotations

import argparse
import os
import time
from itertools import chain
from typing import TYPE_CHECKING, Final

from rich.console import Console

from bench import page
from bench.comparisons import (
    cold_start,
    composing,
    deployed_pace,
    event_processor,
    growth,
    inbound,
    latency,
    pacing,
    processor,
    storing,
    throughput,
    timeline,
    tracking,
)
from bench.results import BUILT, read, run_of, shown, shown_goal, shown_ratio, written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from bench.results import Result

#: What is measured, in the order of the page.
SECTIONS: Final[Mapping[str, Sequence[Callable[[], Iterator[Result]]]]] = {
    "starts": (cold_start.measure,),
    "events": (tracking.measure, timeline.measure),
    "sending": (composing.measure, throughput.measure),
    "processor": (processor.measure, event_processor.measure),
    "received": (inbound.measure, storing.measure),
    "growth": (growth.measure,),
    "latency": (latency.measure,),
    "pacing": (deployed_pace.measure, pacing.measure),
}
#: The load of a machine that does nothing else.
IDLE: Final = 0.5


def main(names: Sequence[str], *, docs: bool) -> None:
    """Measure sections, and print each result; write all of them, if there are all."""
    console = Console(soft_wrap=True, highlight=False)
    began, load = time.monotonic(), os.getloadavg()[0]
    if load > IDLE:
        console.print(f"other processes run on this machine (load {load:.1f}): the figures are not its best")
    sections: dict[str, list[Result]] = {}
    for name in names or SECTIONS:
        section_began = time.monotonic()
        sections[name] = []
        for result in chain.from_iterable(measure() for measure in SECTIONS[name]):
            console.print(line(result))
            for note in result.notes:
                console.print(f"    {note}", style="dim")
            sections[name].append(result)
        console.print(f"== {name}: {time.monotonic() - section_began:.0f} s")
    if names:
        return
    run = run_of(sections, seconds=time.monotonic() - began, load=load)
    BUILT.parent.mkdir(exist_ok=True)
    BUILT.write_bytes(written(run))
    console.print(f"{BUILT.relative_to(BUILT.parents[1])} has them all, after {run.seconds} s")
    if docs:
        page.write(read(BUILT))


def line(result: Result) -> str:
    """Return a result in a line."""
    figures = (
        f"{result.title}: {shown(result.value)} {result.unit} {result.measured}, "
        f"{shown(result.baseline_value)} {result.unit} {result.baseline}, ratio {shown_ratio(result.ratio)}"
    )
    goal = shown_goal(result)
    return f"{figures}, goal {goal}" if goal else figures


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=SECTIONS, help="this section, and print it alone")
    parser.add_argument("--docs", action="store_true", help="write the results into the docs and README.md")
    given = parser.parse_args()
    main(given.only or (), docs=given.docs)
