"""Run many schedules of the sender's and the tracker's protocol, each from its seed; report what goes wrong.

`--seed N` runs that one schedule alone, and prints its faults, its jobs and its events.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from typing import TYPE_CHECKING, Final

import msgspec
from rich.console import Console

from bench.protocol.outcome import problems
from bench.protocol.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

COUNT: Final = 200_000
# schedules that a process runs before it reports
CHUNK: Final = 200
REPORTED_EVERY: Final = 10_000
NEVER: Final = "it is never settled"


class Totals(msgspec.Struct, kw_only=True):
    """Counts of all schedules so far; `wrong` has the problems by seed."""

    schedules: int = 0
    jobs: int = 0
    mails: int = 0
    events: int = 0
    died: int = 0
    wrong: dict[int, list[str]] = {}

    def add(self, other: Totals) -> None:
        """Add other schedules."""
        self.schedules += other.schedules
        self.jobs += other.jobs
        self.mails += other.mails
        self.events += other.events
        self.died += other.died
        self.wrong |= other.wrong


def run(seeds: range) -> Totals:
    """Run the schedules of these seeds."""
    totals = Totals()
    for seed in seeds:
        world = World(seed)
        found = problems(world) if world.run() else [NEVER]
        wrong = {seed: found} if found else {}
        totals.add(
            Totals(
                schedules=1,
                jobs=len(world.jobs),
                mails=len(world.ses.accepted),
                events=len(world.events),
                died=world.died,
                wrong=wrong,
            )
        )
    return totals


def show(seed: int, console: Console) -> bool:
    """Run one schedule and print what became of it; return whether all is well."""
    world = World(seed)
    found = problems(world) if world.run() else [NEVER]
    console.print(f"faults: {world.faults}")
    console.print(f"on_unknown {world.settings.on_unknown}, merge_by {world.settings.merge_by}")
    for job in world.jobs:
        console.print(job)
    for event in world.events:
        console.print({name: event[name] for name in ("event_type", "job_id", "recipient", "event_id")})
    for problem in found:
        console.print(f"problem: {problem}")
    return not found


def main() -> None:
    """Run the schedules on all processors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="run this schedule alone")
    given = parser.parse_args()
    console = Console(soft_wrap=True, highlight=False, markup=False)
    if given.seed is not None:
        sys.exit(0 if show(given.seed, console) else 1)
    totals, start, reported = Totals(), time.perf_counter(), 0
    with multiprocessing.get_context("spawn").Pool() as pool:
        for found in pool.imap_unordered(run, _chunks(given.first, given.count)):
            totals.add(found)
            for seed, texts in found.wrong.items():
                console.print(f"seed {seed}: {'; '.join(texts)[:500]}")
            if totals.schedules // REPORTED_EVERY > reported:
                reported = totals.schedules // REPORTED_EVERY
                console.print(f"{totals.schedules} schedules, {len(totals.wrong)} with problems")
    console.print(
        f"{totals.schedules} schedules from seed {given.first}, in {time.perf_counter() - start:.0f} s: "
        f"{totals.jobs} jobs, {totals.mails} mails, {totals.events} events, {totals.died} processes that died"
    )
    sys.exit(f"{len(totals.wrong)} schedules with problems" if totals.wrong else 0)


def _chunks(first: int, count: int) -> Iterator[range]:
    for begin in range(first, first + count, CHUNK):
        yield range(begin, min(begin + CHUNK, first + count))


if __name__ == "__main__":
    main()
