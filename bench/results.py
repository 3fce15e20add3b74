"""The results of `make bench`: figures beside their baseline and their goal, and the machine."""

from __future__ import annotations

import math
import os
import platform
import re
import statistics
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from mailbus import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: What a run writes, and what docs/benchmarks.md is made of.
BUILT: Final = Path(__file__).parents[1] / "build/bench.json"
PROCESSORS: Final = Path("/proc/cpuinfo")
# a ratio up to it is shown as a part of one
FRACTION: Final = 0.5


class Goal(msgspec.Struct, frozen=True, kw_only=True):
    """The most that a result's `value` may be, or its `ratio`, or how far its ratio is `apart` from 1."""

    of: Literal["value", "ratio", "apart"]
    at_most: float


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """Two figures in the same unit, of which less is better, except for shares of a rate.

    `ratio` is `value` divided by `baseline_value`, or the median of the ratios of rounds that measured both.
    `notes` are lines to show below.
    """

    title: str
    measured: str
    value: float
    baseline: str
    baseline_value: float
    unit: str
    ratio: float
    goal: Goal | None = None
    notes: tuple[str, ...] = ()

    @property
    def meets_goal(self) -> bool:
        """Whether the goal is reached; True without one."""
        if self.goal is None:
            return True
        figures = {"value": self.value, "ratio": self.ratio, "apart": abs(self.ratio - 1)}
        return figures[self.goal.of] <= self.goal.at_most


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """Where the results are of."""

    processors: int
    processor: str
    platform: str
    python: str


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """All results of one run, by section, and how long it took.

    `load` is the number of processes that ran on the machine in the minute before.
    """

    version: str
    date: str
    seconds: int
    load: float
    machine: Machine
    sections: dict[str, tuple[Result, ...]]


def result(  # noqa: PLR0913 - keyword-only options
    title: str,
    measured: tuple[str, float],
    baseline: tuple[str, float],
    *,
    unit: str,
    goal: Goal | None = None,
    notes: Sequence[str] = (),
) -> Result:
    """Return the result of two figures, each with what it is of."""
    return paired(
        title, (measured[0], [measured[1]]), (baseline[0], [baseline[1]]), unit=unit, goal=goal, notes=notes
    )


def paired(  # noqa: PLR0913 - keyword-only options
    title: str,
    measured: tuple[str, Sequence[float]],
    baseline: tuple[str, Sequence[float]],
    *,
    unit: str,
    goal: Goal | None = None,
    notes: Sequence[str] = (),
) -> Result:
    """Return the medians of rounds that measured both, and the median of their ratios."""
    return Result(
        title=title,
        measured=measured[0],
        value=_rounded(statistics.median(measured[1])),
        baseline=baseline[0],
        baseline_value=_rounded(statistics.median(baseline[1])),
        unit=unit,
        ratio=_rounded(
            statistics.median(own / other for own, other in zip(measured[1], baseline[1], strict=True))
        ),
        goal=goal,
        notes=tuple(notes),
    )


def percentile(values: Sequence[float], part: float) -> float:
    """Return the value that a part of all, such as 0.99, does not exceed: the nearest rank."""
    return sorted(values)[max(0, math.ceil(part * len(values)) - 1)]


def run_of(sections: Mapping[str, Sequence[Result]], *, seconds: float, load: float) -> Run:
    """Return the run of this process on this machine, today."""
    names = (
        re.findall(r"^model name\s*: (.*)$", PROCESSORS.read_text(), re.MULTILINE)
        if PROCESSORS.exists()
        else []
    )
    return Run(
        version=__version__,
        date=datetime.now(UTC).date().isoformat(),
        seconds=round(seconds),
        load=round(load, 1),
        machine=Machine(
            processors=os.cpu_count() or 1,
            processor=names[0] if names else platform.machine(),
            platform=f"{platform.system()} {platform.machine()}",
            python=".".join(map(str, sys.version_info[:3])),
        ),
        sections={name: tuple(results) for name, results in sections.items()},
    )


def written(run: Run) -> bytes:
    """Return a run as JSON."""
    return msgspec.json.format(msgspec.json.encode(run), indent=1) + b"\n"


def read(path: Path) -> Run:
    """Return the run of a file."""
    return msgspec.json.decode(path.read_bytes(), type=Run)


def shown(number: float) -> str:
    """Return a figure with about three digits."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.1f}" if number >= 10 else f"{number:.2f}"  # noqa: PLR2004 - digits


def shown_ratio(ratio: float) -> str:
    """Return a ratio as 1.07, or as 1/13.8."""
    return f"{ratio:.2f}" if ratio > FRACTION else f"1/{shown(1 / ratio)}"


def shown_goal(result: Result) -> str:
    """Return a result's goal, and whether it is missed; nothing without one."""
    if result.goal is None:
        return ""
    most = result.goal.at_most
    text = {
        "value": f"≤ {most:g} {result.unit}",
        "ratio": f"≤ {most:g}" if most > FRACTION else f"≤ 1/{1 / most:g}",
        "apart": f"within {most:.0%}",
    }[result.goal.of]
    return text if result.meets_goal else f"{text}: missed"


def _rounded(number: float) -> float:
    """Return a figure with three digits, as it is shown and judged."""
    return float(f"{number:.3g}")
