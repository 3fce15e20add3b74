"""`make cost`: count what a mail uses at each rate, and write it for `mailbus cost` and docs/cost.md."""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Final

import mailbus_cli.costing
from bench.cost.counting import SECONDS, count
from mailbus_cli.costing.counted import COUNTED, Load, Point, written

#: Of the mails that come alone.
ALONE_RATE: Final = 14
_FILE: Final = Path(mailbus_cli.costing.__file__).parent / COUNTED


def main() -> None:
    """Count all, and write the file."""
    runs: list[tuple[Load, int]] = [("alone", ALONE_RATE), *(("mailing", rate) for rate in SECONDS)]
    with ProcessPoolExecutor() as pool:
        counting = [
            pool.submit(count, load, rate, sent=sent) for load, rate in runs for sent in (True, False)
        ]
        points: list[Point] = []
        for each in counting:
            point = each.result()
            points.append(point)
            sys.stdout.write(f"{point.load} {point.rate:g} {'sent' if point.sent else 'without sent'}\n")
            sys.stdout.flush()
    _FILE.write_bytes(written(points))


if __name__ == "__main__":
    main()
