"""How well the deployed sender keeps to the account's rate: a backlog on the bulk queue of the embedded AWS.

Everything runs as deployed: the queue, the function's workers and batches, the ledger, the bus, and tracking,
which gets SES's events meanwhile. Beside it is what `bench.world` simulates of as many workers.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx

from bench.comparisons.pacing import (
    CARRIED,
    LATENCY_MS,
    NO_LIMIT,
    ROUGH_SECONDS,
    ROUND_TRIP,
    SAME,
    SECONDS,
    WARM_UP,
)
from bench.results import result
from bench.world.measures import measure as simulate
from bench.world.scenario import LaneLoad, Scenario
from mailbus.ledger.lanes import RATE_KEY
from mailbus_cdk import lanes
from mailbus_local import stage
from mailbus_local.embedded import EmbeddedAws

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bench.results import Result

LOW_RATE: Final = 14.0
# as long as it takes to accept them, if that is longer: a few mails more or less are a part of so many
LEAST_MAILS: Final = 400
# without a limit there are so many
ROUGH_MAILS: Final = 2000
ENTRIES: Final = 10
QUEUES: Final = ("BulkQueueUrl", "TrackingQueueUrl", "TimelineQueueUrl")
COUNTS: Final = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
)
POLL_SECONDS: Final = 0.5
# only against hanging
LIMIT_SECONDS: Final = 120.0
JOB: Final[Mapping[str, object]] = {
    "from_email": "shop@example.com",
    "to": ["success@simulator.amazonses.com"],
    "subject": "News",
    "text": "Read them.",
}


def measure() -> Iterator[Result]:
    """Measure backlogs at a low rate, and at the highest one that this machine carries with all of it."""
    directory = Path(tempfile.mkdtemp(prefix="mailbus-bench-"))
    try:
        with (
            EmbeddedAws(directory=directory, settings=stage.PACKAGED, progress=lambda _: None) as aws,
            contextlib.closing(_System(aws)) as system,
        ):
            highest = CARRIED * system.run(NO_LIMIT, ROUGH_MAILS, ROUGH_SECONDS)[0]
            for rate in (LOW_RATE, float(round(highest))):
                seconds = max(SECONDS, LEAST_MAILS / rate)
                mails = round(1.2 * rate * (WARM_UP + seconds))
                accepted, throttled = system.run(rate, mails, seconds)
                yield result(
                    f"the deployed sender on a backlog, {rate:.0f} a second",
                    ("of the rate accepted", 100 * accepted / rate),
                    ("in simulation", 100 * _simulated(system.workers, rate, seconds)),
                    unit="%",
                    goal=SAME,
                    notes=(f"{throttled:.2%} of the mails throttled",),
                )
    finally:
        shutil.rmtree(directory)


class _System:
    def __init__(self, aws: EmbeddedAws) -> None:
        self._queue = aws.outputs["BulkQueueUrl"]
        self._queues = [aws.outputs[name] for name in QUEUES]
        self._table = aws.outputs["LedgerTableName"]
        self._sqs, self._dynamodb = aws.client("sqs"), aws.client("dynamodb")
        self._lambda = aws.client("lambda")
        self._simulator = httpx.Client(base_url=f"{aws.outputs['ses_endpoint_url']}/_simulator/", timeout=60)
        arn = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])
        [mapping] = self._lambda.list_event_source_mappings(EventSourceArn=arn["Attributes"]["QueueArn"])[
            "EventSourceMappings"
        ]
        self._mapping: str = mapping["UUID"]
        self.workers: int = mapping["ScalingConfig"]["MaximumConcurrency"]

    def run(self, rate: float, mails: int, seconds: float) -> tuple[float, float]:
        """Have so many jobs sent; return the mails accepted a second, and what share was throttled."""
        self._read_queue(enabled=False)
        self._await_quiet()
        self._fill(mails)
        limits = {"max_send_rate": rate, "latency_ms": LATENCY_MS, "max_24_hour_send": -1}
        self._simulator.put("account", json=limits).raise_for_status()
        self._dynamodb.delete_item(TableName=self._table, Key=RATE_KEY)
        self._read_queue(enabled=True)
        time.sleep(WARM_UP)
        before, began = self._account(), time.time()
        time.sleep(seconds)
        after, ended = self._account(), time.time()
        self._sqs.purge_queue(QueueUrl=self._queue)
        accepted = after["accepted"] - before["accepted"]
        throttled = after["throttled"] - before["throttled"]
        return accepted / (ended - began), throttled / max(1, accepted + throttled)

    def close(self) -> None:
        """Close the connections."""
        for client in (self._sqs, self._dynamodb, self._lambda, self._simulator):
            client.close()

    def _await_quiet(self) -> None:
        """Wait until all messages of the run before are processed, SES's events too."""
        deadline = time.monotonic() + LIMIT_SECONDS
        while any(self._messages(url) for url in self._queues):
            assert time.monotonic() < deadline, "the queues are not empty"  # noqa: S101 - as it says
            time.sleep(POLL_SECONDS)

    def _messages(self, url: str) -> int:
        found = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(COUNTS))["Attributes"]
        return sum(int(found[name]) for name in COUNTS)

    def _fill(self, mails: int) -> None:
        for first in range(0, mails, ENTRIES):
            entries = [
                {"Id": str(place), "MessageBody": json.dumps({**JOB, "job_id": uuid.uuid4().hex})}
                for place in range(min(ENTRIES, mails - first))
            ]
            self._sqs.send_message_batch(QueueUrl=self._queue, Entries=entries)

    def _read_queue(self, *, enabled: bool) -> None:
        self._lambda.update_event_source_mapping(UUID=self._mapping, Enabled=enabled)

    def _account(self) -> Mapping[str, Any]:
        state: Mapping[str, Any] = self._simulator.get("account").raise_for_status().json()
        return state


def _simulated(workers: int, rate: float, seconds: float) -> float:
    lane = LaneLoad(workers=workers, batch=lanes.BATCH)
    backlog = 1.2 * (WARM_UP + seconds)
    scenario = Scenario(rate=rate, lanes={"bulk": lane}, round_trip=ROUND_TRIP, backlog=backlog)
    return simulate(scenario, warm_up=WARM_UP, seconds=seconds).pace
