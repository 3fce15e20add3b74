"""`make bench`: every comparison in a table, then how well the sender keeps to the rate of SES."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from bench.comparisons import cold_start, composing, inbound, pacing, storing, throughput, timeline, tracking


def main() -> None:
    """Print each comparison when it is done; a ratio above 1 means faster than the baseline."""
    console = Console(soft_wrap=True)
    table = Table("comparison", "measured", "ms", "baseline", "ms", "times faster")
    for module in (cold_start, tracking, timeline, inbound, storing, composing, throughput):
        for result in module.measure():
            console.print(f"{result.title}: {result.ratio:.2f} times faster than {result.baseline}")
            for note in result.notes:
                console.print(f"  {note}")
            table.add_row(
                result.title,
                result.measured,
                f"{result.measured_ms:.1f}",
                result.baseline,
                f"{result.baseline_ms:.1f}",
                f"{result.ratio:.2f}",
            )
    console.print(table)
    for pace in pacing.measure():
        console.print(pace.line())


if __name__ == "__main__":
    main()
