"""`make chaos`: run it, print its tables, and fail with the seed if anything is wrong."""

from __future__ import annotations

import argparse
import random
import signal
import sys

from bench.chaos.run import NotSettled, Size, run


def main() -> int:
    """Return 1 if anything is wrong."""
    size = Size()
    parser = argparse.ArgumentParser(prog="python -m bench.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, help="the seed of a run to repeat; by default a new one")
    parser.add_argument("--jobs", type=int, default=size.jobs)
    parser.add_argument("--notifications", type=int, default=size.notifications)
    parser.add_argument("--mails", type=int, default=size.mails)
    given = parser.parse_args()
    seed = random.SystemRandom().randrange(10_000) if given.seed is None else given.seed
    size = Size(jobs=given.jobs, notifications=given.notifications, mails=given.mails)

    def report(text: str) -> None:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    # ends what it has started
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    report(f"seed {seed}")
    try:
        result = run(seed, size, report=report)
    except NotSettled as error:
        report(f"not settled in time: {error}")
        return 1
    for problem in result.problems[:50]:
        report(problem)
    report(f"{len(result.problems)} problems")
    for rule, count in result.happened:
        report(
            f"{rule.function} {rule.service} {rule.fault} {rule.point or rule.code}: {count} of {rule.times}"
        )
    report(f"{result.seconds:.0f} s, silence {result.longest_silence:.0f}")
    return 1 if result.problems else 0


if __name__ == "__main__":
    sys.exit(main())
