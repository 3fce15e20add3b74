"""`python -m bench.world RATE WORKERS BATCH RTT_MS`: simulate one scenario and print what it measures."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

import msgspec
from rich.console import Console

from bench.world.measures import measure
from bench.world.scenario import RECIPIENTS, LaneLoad, Scenario, lasting

if TYPE_CHECKING:
    from mailbus.stages import Lane


def main() -> None:
    """Simulate what the arguments say."""
    parser = argparse.ArgumentParser(prog="bench.world", description=__doc__)
    parser.add_argument("rate", type=float, help="recipients a second")
    parser.add_argument("workers", type=int, help="transactional workers")
    parser.add_argument("batch", type=int, help="messages in a batch")
    parser.add_argument("round_trip", type=float, help="milliseconds to DynamoDB and back")
    parser.add_argument("--window", type=float, default=0.0, help="seconds in which a batch is collected")
    parser.add_argument("--load", type=float, help="part of the rate that arrives; otherwise a backlog")
    parser.add_argument("--recipients", choices=RECIPIENTS, default="1", help="of each mail")
    parser.add_argument("--bulk", type=int, default=0, help="bulk workers, with a backlog")
    parser.add_argument("--bulk-batch", type=int, default=100, help="messages in a bulk batch")
    parser.add_argument("--quota", type=int, help="recipients in 24 hours")
    parser.add_argument("--table-units", type=float, help="write units a second of the whole table")
    parser.add_argument("--cache", type=float, default=60.0, help="seconds for which the rate is cached")
    parser.add_argument("--skew", type=float, default=0.0, help="seconds by which clocks are wrong")
    parser.add_argument("--death", type=float, default=0.0, help="probability that a call is the last one")
    parser.add_argument("--warm-up", type=float, default=10.0, help="seconds before measuring")
    parser.add_argument("--seconds", type=float, default=20.0, help="seconds of measuring")
    parser.add_argument("--backlog", type=float, help="seconds of the rate that the backlog is of")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    recipients = RECIPIENTS[given.recipients]
    lanes: dict[Lane, LaneLoad] = {
        "transactional": LaneLoad(
            workers=given.workers,
            batch=given.batch,
            window=given.window,
            recipients=recipients,
            load=given.load,
        )
    }
    if given.bulk:
        lanes["bulk"] = LaneLoad(workers=given.bulk, batch=given.bulk_batch, recipients=recipients)
    scenario = Scenario(
        rate=given.rate,
        lanes=lanes,
        backlog=lasting(given.warm_up + given.seconds, given.rate, lanes)
        if given.backlog is None
        else given.backlog,
        quota=given.quota,
        round_trip=given.round_trip / 1000,
        table_units=given.table_units,
        cache_seconds=given.cache,
        skew=given.skew,
        death=given.death,
        seed=given.seed,
    )
    began = time.process_time()
    result = measure(scenario, warm_up=given.warm_up, seconds=given.seconds)
    took = time.process_time() - began
    console = Console(highlight=False, soft_wrap=True)
    for name, value in msgspec.structs.asdict(result).items():
        if isinstance(value, dict):
            for operation, count in value.items():
                console.print(f"  {operation:<24}{count:10.4f}")
        else:
            console.print(f"{name:<26}{value:10.4f}")
    console.print(f"{'processor seconds':<26}{took:10.2f}")


if __name__ == "__main__":
    main()
