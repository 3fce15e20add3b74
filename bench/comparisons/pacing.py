"""How well four workers keep to the account's rate, on the simulated SES.

Each worker is a process with clients of its own, as on Lambda; they share only the ledger. The baseline is
the limit itself, and beside it what `bench.world` simulates of the same workers.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Final

import msgspec

from bench.results import Goal, percentile, result
from bench.support.services import ROOT, running
from bench.workers.pacing_worker import BATCHES, Assignment
from bench.world.measures import measure as simulate
from bench.world.scenario import LaneLoad, Scenario
from mailbus.ledger.lanes import RATE_KEY
from mailbus_local.ministack import own_environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.results import Result
    from bench.support.services import Services
    from bench.workers.pacing_worker import Duty
    from mailbus_cdk.settings.values import MergeBy

LATENCY_MS: Final = 50.0
NO_LIMIT: Final = 1_000_000.0
# of the throughput without a limit: with all of it, the machine would be measured
CARRIED: Final = 0.7
# until the workers have started and know the rate
WARM_UP: Final = 6.0
SECONDS: Final = 14.0
# At the highest rate workers call late, as the machine lets them: what they reserved before counts within the
# time, up to a part of a second's mails.
HIGHEST_SECONDS: Final = 28.0
# without a limit of what is measured there
ROUGH_SECONDS: Final = 6.0
# to the embedded DynamoDB and back, in seconds
ROUND_TRIP: Final = 0.005
SAME: Final = Goal(of="apart", at_most=0.02)
# the share of the rate that transactional mail uses during a bulk backlog
TRICKLE: Final = 0.4
BACKLOG: Final[tuple[Duty, ...]] = ("bulk backlog",) * 4
MERGES: Final[tuple[Duty, ...]] = ("merge backlog",) * 4
USUAL_RATE: Final = 100.0
BOTH: Final[tuple[Duty, ...]] = ("transactional trickle",) * 2 + ("bulk backlog",) * 2


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """What SES accepted in one run; `waits` are those of transactional mail, in seconds."""

    accepted_rate: float
    throttled_share: float
    waits: tuple[float, ...]

    def notes(self) -> tuple[str, ...]:
        """Return what was throttled, and how long transactional mail waited."""
        throttled = f"{self.throttled_share:.2%} of the mails throttled"
        if not self.waits:
            return (throttled,)
        waited = f"{percentile(self.waits, 0.99):.2f} s (99 %), {max(self.waits):.2f} s at most"
        return throttled, f"transactional mail waited {waited}"


def measure() -> Iterator[Result]:
    """Run merges where bulk calls are limited, backlogs at two rates, and both lanes at once."""
    with running() as services:
        for merge_by in ("SendEmail", "SendBulkEmail"):
            merged = _run(services, USUAL_RATE, MERGES, merge_by=merge_by)
            yield _of_the_limit(f"merges by {merge_by}, one SendBulkEmail a second", USUAL_RATE, merged)
        highest = CARRIED * _run(services, NO_LIMIT, BACKLOG, seconds=ROUGH_SECONDS).accepted_rate
        for rate, seconds in ((USUAL_RATE, SECONDS), (float(round(highest)), HIGHEST_SECONDS)):
            paced = _run(services, rate, BACKLOG, seconds=seconds)
            yield result(
                f"four workers on a backlog, {rate:.0f} a second",
                ("of the rate accepted", 100 * paced.accepted_rate / rate),
                ("in simulation", 100 * _simulated(rate, seconds)),
                unit="%",
                goal=SAME,
                notes=paced.notes(),
            )
        both = _run(services, USUAL_RATE, BOTH)
        yield _of_the_limit(f"both lanes, two workers each, {USUAL_RATE:.0f} a second", USUAL_RATE, both)


def _of_the_limit(title: str, rate: float, pace: Pace) -> Result:
    accepted = 100 * pace.accepted_rate / rate
    return result(title, ("of the rate accepted", accepted), ("the limit", 100), unit="%", notes=pace.notes())


def _simulated(rate: float, seconds: float) -> float:
    workers = LaneLoad(workers=len(BACKLOG), batch=BATCHES["bulk"])
    backlog = 1.2 * (WARM_UP + seconds)
    scenario = Scenario(rate=rate, lanes={"bulk": workers}, round_trip=ROUND_TRIP, backlog=backlog)
    return simulate(scenario, warm_up=WARM_UP, seconds=seconds).pace


def _run(
    services: Services,
    rate: float,
    duties: Sequence[Duty],
    *,
    seconds: float = SECONDS,
    merge_by: MergeBy = "SendBulkEmail",
) -> Pace:
    services.limit(max_send_rate=rate, latency_ms=LATENCY_MS, bulk_calls=duties == MERGES)
    services.client("dynamodb").delete_item(TableName=services.environment["LEDGER_TABLE_NAME"], Key=RATE_KEY)
    began = time.time() + WARM_UP
    ended = began + seconds
    trickle = TRICKLE * rate / max(1, duties.count("transactional trickle"))
    workers = [
        _start(
            services,
            Assignment(duty=duty, arns=services.arns, until=ended, mails_a_second=trickle),
            merge_by,
        )
        for duty in duties
    ]
    time.sleep(max(0.0, began - time.time()))
    before, began = services.counted(), time.time()
    time.sleep(max(0.0, ended - time.time()))
    after, ended = services.counted(), time.time()
    waits = [_waits(worker) for worker in workers]
    accepted = after["accepted"] - before["accepted"]
    throttled = after["throttled"] - before["throttled"]
    return Pace(
        accepted_rate=accepted / (ended - began),
        throttled_share=throttled / max(1, accepted + throttled),
        waits=tuple(wait for of_worker in waits for wait in of_worker),
    )


def _start(services: Services, assignment: Assignment, merge_by: MergeBy) -> subprocess.Popen[bytes]:
    path = os.pathsep.join((str(ROOT / "functions"), str(ROOT / "infra"), str(ROOT)))
    command = [sys.executable, "-m", "bench.workers.pacing_worker", msgspec.json.encode(assignment).decode()]
    environment = own_environment({**services.environment, "MERGE_BY": merge_by, "PYTHONPATH": path})
    return subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE)  # noqa: S603 - our own command


def _waits(worker: subprocess.Popen[bytes]) -> list[float]:
    output, _ = worker.communicate()
    if worker.returncode:
        reason = f"a worker ended with {worker.returncode}"
        raise RuntimeError(reason)
    return msgspec.json.decode(output, type=list[float])
