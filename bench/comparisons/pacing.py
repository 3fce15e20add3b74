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

from bench.support.services import ROOT, running
from bench.workers.pacing_worker import BATCHES, Assignment
from bench.world.measures import measure as simulate
from bench.world.scenario import LaneLoad, Scenario
from mailbus.ledger.lanes import RATE_KEY
from mailbus_local.ministack import own_environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.support.services import Services
    from bench.workers.pacing_worker import Duty
    from mailbus_cdk.settings.values import MergeBy

LATENCY_MS: Final = 50.0
RATES: Final = (14.0, 100.0)
NO_LIMIT: Final = 1_000_000.0
# of the throughput without a limit: with all of it, the machine would be measured
CARRIED: Final = 0.7
# until the workers have started and know the rate
WARM_UP: Final = 8.0
SECONDS: Final = 20.0
# to the embedded DynamoDB and back, in seconds
ROUND_TRIP: Final = 0.005
# what is measured and what is simulated are the same within this part of the rate
SAME: Final = 0.02
# the share of the rate that transactional mail uses during a bulk backlog
TRICKLE: Final = 0.4
BACKLOG: Final[tuple[Duty, ...]] = ("bulk backlog",) * 4
MERGES: Final[tuple[Duty, ...]] = ("merge backlog",) * 4
MERGE_RATE: Final = 100.0
BOTH: Final[tuple[Duty, ...]] = ("transactional trickle",) * 2 + ("bulk backlog",) * 2


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one run; `waits` are those of transactional mail in seconds, the shortest first.

    `simulated` is the part of the rate that the same workers use in simulation.
    """

    title: str
    max_send_rate: float
    accepted_rate: float
    throttled_share: float
    waits: tuple[float, ...] = ()
    simulated: float | None = None

    def line(self) -> str:
        """Return the result in a line."""
        text = (
            f"{self.title}, {self.max_send_rate:.0f} a second: "
            f"{self.accepted_rate / self.max_send_rate:.1%} of the rate accepted, "
            f"{self.throttled_share:.2%} of the mails throttled"
        )
        if self.simulated is not None:
            apart = abs(self.simulated - self.accepted_rate / self.max_send_rate)
            text += f"; in simulation {self.simulated:.1%}" + (", TOO FAR APART" if apart > SAME else "")
        if not self.waits:
            return text
        most = self.waits[int(0.99 * (len(self.waits) - 1))]
        return f"{text}; transactional mail waited {most:.2f} s (99 %), {self.waits[-1]:.2f} s at most"


def measure() -> Iterator[Pace]:
    """Run a backlog of merges where bulk calls are limited, backlogs at each rate, and both lanes at once."""
    with running() as services:
        for merge_by in ("SendEmail", "SendBulkEmail"):
            title = f"merges by {merge_by}, one SendBulkEmail a second"
            yield _run(services, title, MERGE_RATE, MERGES, merge_by=merge_by)
        carried = CARRIED * _run(services, "no limit", NO_LIMIT, BACKLOG).accepted_rate
        for rate in (*RATES, float(round(carried))):
            paced = _run(services, "four workers on a backlog", rate, BACKLOG)
            yield msgspec.structs.replace(paced, simulated=_simulated(rate))
            yield _run(services, "both lanes, two workers each", rate, BOTH)


def _simulated(rate: float) -> float:
    workers = LaneLoad(workers=len(BACKLOG), batch=BATCHES["bulk"])
    backlog = 1.2 * (WARM_UP + SECONDS)
    scenario = Scenario(rate=rate, lanes={"bulk": workers}, round_trip=ROUND_TRIP, backlog=backlog)
    return simulate(scenario, warm_up=WARM_UP, seconds=SECONDS).pace


def _run(
    services: Services, title: str, rate: float, duties: Sequence[Duty], merge_by: MergeBy = "SendBulkEmail"
) -> Pace:
    services.limit(max_send_rate=rate, latency_ms=LATENCY_MS, bulk_calls=duties == MERGES)
    services.client("dynamodb").delete_item(TableName=services.environment["LEDGER_TABLE_NAME"], Key=RATE_KEY)
    began = time.time() + WARM_UP
    ended = began + SECONDS
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
        title=title,
        max_send_rate=rate,
        accepted_rate=accepted / (ended - began),
        throttled_share=throttled / max(1, accepted + throttled),
        waits=tuple(sorted(wait for of_worker in waits for wait in of_worker)),
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
