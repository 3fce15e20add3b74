"""`make chaos`: run it, print its tables, and fail with the seed if anything is wrong."""

from __future__ import annotations

import argparse
import random
import signal
import sys
from typing import Final

import msgspec

from bench.chaos.report import DIRECTORY, PAGE, as_json, tables, written
from bench.chaos.run import Result, Size, run

SHOWN: Final = 100
SEEDS: Final = 100_000


def main() -> int:
    """Return 1 if anything is wrong."""
    parser = argparse.ArgumentParser(prog="python -m bench.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, help="the seed of a run to repeat; by default a new one")
    for field in msgspec.structs.fields(Size):
        parser.add_argument(f"--{field.name}", type=int, default=field.default)
    parser.add_argument("--docs", action="store_true", help=f"write the tables into docs/{PAGE.name} too")
    given = parser.parse_args()
    seed = random.SystemRandom().randrange(SEEDS) if given.seed is None else given.seed
    size = Size(jobs=given.jobs, notifications=given.notifications, mails=given.mails)
    # what it has started ends with it
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    _print(f"seed {seed}")
    result = run(seed, size, report=_print)
    _show(result)
    correct = not result.problems
    if given.docs and correct:
        PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), result), encoding="utf-8")
    if not correct:
        options = " ".join(f"--{name} {value}" for name, value in msgspec.to_builtins(size).items())
        _print(f"seed {seed} is wrong; run it again: make chaos ARGS='--seed {seed} {options}'")
    return 0 if correct else 1


def _show(result: Result) -> None:
    _print(f"\n{tables(result)}\n")
    for problem in result.problems[:SHOWN]:
        _print(f"wrong: {problem}")
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    path = DIRECTORY / f"{result.seed}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(as_json(result))))
    _print(f"{len(result.problems)} problems; {path}")


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
