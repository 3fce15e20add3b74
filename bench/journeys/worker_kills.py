"""Jobs through the deployed system while its workers are killed, and a count of what becomes of them.

`python -m bench.journeys.worker_kills [jobs]`: with `on_unknown` both ways, by default for 2,000 jobs.
"""

from __future__ import annotations

import contextlib
import json
import random
import sys
import tempfile
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx
import msgspec

from bench.support.killing_proxy import Deaths
from mailbus.ledger.items import read
from mailbus_local.embedded import EmbeddedAws
from mailbus_local.subscriber import Subscriber

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailbus.ledger.records import JobRecord, OnUnknown

JOBS: Final = 2000
SHARE: Final = 0.14
# of the rounds of a worker; so that a tenth of the jobs meet each death, since rounds end by others too
DEATHS_SHARE: Final = 0.17
HANDLER: Final = "sender.handler.lambda_handler"
# The deployment's own times, 60 s and 90 s, would only have the count last longer.
FUNCTION_SECONDS: Final = 24
HIDDEN_SECONDS: Final = 26
# The embedded AWS is slow to tell at times: a second copy of what is told too late would be none of a fault.
DOUBT_SECONDS: Final = 30
LATENCY_MS: Final = 100.0
PATIENCE_SECONDS: Final = 1200.0
POLL_SECONDS: Final = 0.5
BATCH: Final = 10
QUEUES: Final = ("SendQueueUrl", "BulkQueueUrl")
DEAD_LETTERS: Final = "SendDeadLetterQueueUrl"


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the entries of all jobs, an entry being one mail; and how many jobs each fault met."""

    jobs: int
    entries: int
    accepted: int
    failed: int
    lost: int
    sent_twice: int
    accepted_and_failed: int
    unannounced: int
    open_records: int
    still_queued: int
    workers_killed: int
    hit: dict[str, int]
    seconds: float


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """The deployed system, as whoever sends and whoever operates it sees it."""

    outputs: Mapping[str, Any]
    client: Callable[[str], Any]
    events: Callable[[], Sequence[dict[str, Any]]]


def travel(  # noqa: PLR0913 - what a journey consists of
    deployment: Deployment,
    count: int,
    *,
    on_unknown: OnUnknown,
    deadly_seconds: float = PATIENCE_SECONDS,
    seed: int = 47,
    drained: bool = True,
) -> Counts:
    """Send jobs while workers die, answers break and messages come twice; then see what became of each.

    Workers die for `deadly_seconds` at most. `drained` wants the queues empty in the end, where nobody else
    uses them.
    """
    begun = time.monotonic()
    chance = random.Random(seed)  # noqa: S311 - a story, no secret
    jobs = list(_jobs(count, chance, uuid.uuid4().hex[:8]))
    upstream = deployment.outputs["endpoint_url"]
    simulator = httpx.Client(base_url=f"{deployment.outputs['ses_endpoint_url']}/_simulator/", timeout=60)
    with (
        simulator,
        Deaths(
            {
                "sesv2": deployment.outputs["ses_endpoint_url"],
                "dynamodb": upstream,
                "eventbridge": upstream,
            },
            share=DEATHS_SHARE,
            seconds=deadly_seconds,
            seed=seed,
        ) as deaths,
        _faulty(simulator),
        _changed(
            deployment, {**deaths.environment, "ON_UNKNOWN": on_unknown, "DOUBT_SECONDS": str(DOUBT_SECONDS)}
        ),
    ):
        faulted = _faulted(simulator)
        twice = _enqueue(deployment, jobs, chance)
        watch = _Watch(deployment, simulator, jobs)
        watch.until_settled(PATIENCE_SECONDS, drained=drained)
        return watch.count(
            hit={
                **{f"killed {death}": len(hit) for death, hit in deaths.hit.items()},
                "answer broken": _faulted(simulator) - faulted,
                "delivered twice": twice,
            },
            killed=deaths.killed,
            seconds=time.monotonic() - begun,
        )


def _jobs(count: int, chance: random.Random, mark: str) -> Iterator[dict[str, Any]]:
    for number in range(count):
        job: dict[str, Any] = {
            "job_id": f"order-{mark}-{number}",
            "from_email": "Shop <shop@example.com>",
            "subject": f"Your order {number}",
            "text": "It is on its way.",
            "metadata": {"order": number},
            "tags": ["receipt"],
        }
        people = chance.choice([3, 12, 50, 51, 60]) if chance.random() < 0.04 else 1  # noqa: PLR2004 - a share
        job["to"] = [f"success+{mark}-{number}-{place}@simulator.amazonses.com" for place in range(people)]
        if people > 1:
            job["merge_data"] = {address: {"place": place} for place, address in enumerate(job["to"])}
            job["text"] = "It is on its way, as number {{place}}."
        elif chance.random() < 0.05:  # noqa: PLR2004 - as above
            moment = time.time() + chance.uniform(2, 15)
            job["send_at"] = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(moment))}Z"
        yield job


def _enqueue(deployment: Deployment, jobs: Sequence[dict[str, Any]], chance: random.Random) -> int:
    """Put all jobs on the queues of both lanes, some twice at the same time; the answer counts those."""
    sqs = deployment.client("sqs")
    lanes: dict[str, list[str]] = {name: [] for name in QUEUES}
    twice = 0
    for number, job in enumerate(jobs):
        lane = lanes[QUEUES[number % 2]]
        lane.append(json.dumps(job))
        if chance.random() < SHARE:
            # in one call with the first: the workers take them side by side
            lane.append(lane[-1])
            twice += 1
    for name, bodies in lanes.items():
        for start in range(0, len(bodies), BATCH):
            entries = [
                {"Id": str(place), "MessageBody": body}
                for place, body in enumerate(bodies[start : start + BATCH])
            ]
            answer = sqs.send_message_batch(QueueUrl=deployment.outputs[name], Entries=entries)
            assert not answer.get("Failed")  # noqa: S101 - nothing is counted that was never in
    sqs.close()
    return twice


def _faulted(simulator: httpx.Client) -> int:
    return int(simulator.get("account").raise_for_status().json()["faulted"])


@contextlib.contextmanager
def _faulty(simulator: httpx.Client) -> Iterator[None]:
    """Let SES take its time, and break its answers after it accepted."""
    before = simulator.get("account").raise_for_status().json()
    faults = [
        {"operation": operation, "error": "ConnectionReset", "probability": SHARE, "after_accept": True}
        for operation in ("SendEmail", "SendBulkEmail")
    ]
    simulator.put("account", json={"latency_ms": LATENCY_MS}).raise_for_status()
    simulator.post("faults", json=faults).raise_for_status()
    try:
        yield
    finally:
        simulator.delete("faults").raise_for_status()
        simulator.put("account", json={"latency_ms": before["latency_ms"]}).raise_for_status()


@contextlib.contextmanager
def _changed(deployment: Deployment, environment: Mapping[str, str]) -> Iterator[None]:
    """Give the sender another environment and shorter times, and all of it back in the end."""
    functions, sqs = deployment.client("lambda"), deployment.client("sqs")
    found = functions.list_functions()["Functions"]
    name = next(one["FunctionName"] for one in found if one["Handler"] == HANDLER)
    known = functions.get_function_configuration(FunctionName=name)
    urls = [deployment.outputs[queue] for queue in QUEUES]
    attribute = "VisibilityTimeout"
    hidden = {
        url: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[attribute])["Attributes"][attribute]
        for url in urls
    }

    def configure(variables: Mapping[str, str], seconds: int, visibility: Mapping[str, str]) -> None:
        functions.update_function_configuration(
            FunctionName=name, Timeout=seconds, Environment={"Variables": dict(variables)}
        )
        functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
        for url, timeout in visibility.items():
            sqs.set_queue_attributes(QueueUrl=url, Attributes={attribute: timeout})

    variables = known["Environment"]["Variables"]
    configure({**variables, **environment}, FUNCTION_SECONDS, dict.fromkeys(urls, str(HIDDEN_SECONDS)))
    try:
        yield
    finally:
        configure(variables, known["Timeout"], hidden)
        functions.close()
        sqs.close()


class _Watch:
    """What is known of the jobs so far."""

    def __init__(
        self, deployment: Deployment, simulator: httpx.Client, jobs: Sequence[dict[str, Any]]
    ) -> None:
        self._deployment = deployment
        self._simulator = simulator
        self._jobs = {job["job_id"]: job for job in jobs}
        self._page = ""
        self._seen = 0
        self._copies: Counter[str] = Counter()
        self._event_ids: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._dead: set[str] = set()
        self._recipients = [address for job in jobs for address in job["to"]]

    def until_settled(self, seconds: float, *, drained: bool) -> None:
        """Look until each mail is accepted or failed, and what is told of it is told; or time is up."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._look()
            if not self._unsettled() and not self._open() and not (drained and self._queued()):
                return
            time.sleep(POLL_SECONDS)

    def count(self, *, hit: Mapping[str, int], killed: int, seconds: float) -> Counts:
        """Count."""
        accepted = {who for who in self._recipients if self._copies[who]}
        failed = {who for who in self._recipients if self._failed(who)}
        return Counts(
            jobs=len(self._jobs),
            entries=len(self._recipients),
            accepted=len(accepted),
            failed=len(failed),
            lost=len(set(self._recipients) - accepted - failed),
            sent_twice=sum(self._copies[who] > 1 for who in self._recipients),
            accepted_and_failed=len(accepted & failed),
            unannounced=sum(len(self._event_ids["queued", who]) != 1 for who in accepted - failed),
            open_records=len(self._open()),
            still_queued=self._queued(),
            workers_killed=killed,
            hit=dict(hit),
            seconds=round(seconds, 1),
        )

    def _look(self) -> None:
        while True:
            query = {"next": self._page} if self._page else {}
            page = self._simulator.get("messages", params=query).raise_for_status().json()
            fresh = page["messages"][self._skipped() :]
            self._copies.update(
                address
                for message in fresh
                if message["tags"].get("mailbus-job-id") in self._jobs
                for address in message["recipients"]
            )
            self._seen += len(fresh)
            if page["next"] is None:
                break
            self._page = page["next"]
        for event in self._deployment.events():
            detail = event["detail"]
            # received mail has no recipient, and is not of the journey
            self._event_ids[detail["event_type"], detail.get("recipient")].add(detail["event_id"])
        self._take_dead_letters()

    def _skipped(self) -> int:
        """How many of the last page are counted already."""
        return self._seen - int(self._page or 0)

    def _take_dead_letters(self) -> None:
        sqs = self._deployment.client("sqs")
        url = self._deployment.outputs[DEAD_LETTERS]
        while True:
            answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=BATCH, VisibilityTimeout=2)
            messages = answer.get("Messages", [])
            own = [one for one in messages if _job_id(one["Body"]) in self._jobs]
            for message in own:
                self._dead.add(_job_id(message["Body"]))
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            if not own:
                break
        sqs.close()

    def _failed(self, who: str) -> bool:
        return any(self._event_ids[kind, who] for kind in ("failed", "rejected"))

    def _unsettled(self) -> list[str]:
        return [
            address
            for job_id, job in self._jobs.items()
            for address in job["to"]
            if not (self._copies[address] and self._event_ids["queued", address])
            and not (self._failed(address) and job_id in self._dead)
        ]

    def _open(self) -> list[JobRecord]:
        dynamodb = self._deployment.client("dynamodb")
        pages = dynamodb.get_paginator("scan").paginate(
            TableName=self._deployment.outputs["LedgerTableName"], ConsistentRead=True
        )
        items = [item for page in pages for item in page["Items"] if item["pk"]["S"].startswith("job#")]
        dynamodb.close()
        records = [read(item) for item in items]
        return [
            record
            for record in records
            if record.key.job_id in self._jobs
            and (record.state == "scheduled" or set(record.open) & set(record.unsettled))
        ]

    def _queued(self) -> int:
        sqs = self._deployment.client("sqs")
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counted = sum(
            int(number)
            for queue in QUEUES
            for number in sqs.get_queue_attributes(
                QueueUrl=self._deployment.outputs[queue], AttributeNames=names
            )["Attributes"].values()
        )
        sqs.close()
        return counted


def _job_id(body: str) -> str:
    try:
        return str(json.loads(body)["job_id"])
    except (ValueError, TypeError, KeyError):
        return ""


def main(count: int) -> int:
    """Print the counts; 1 where anything was lost or sent twice."""
    fine = True
    modes: tuple[OnUnknown, ...] = ("resend", "fail")
    with (
        tempfile.TemporaryDirectory(prefix="mailbus-journey-") as directory,
        EmbeddedAws(directory=Path(directory)) as aws,
        Subscriber(aws, "journey") as subscriber,
    ):
        deployment = Deployment(outputs=aws.outputs, client=aws.client, events=lambda: subscriber.events)
        for on_unknown in modes:
            counts = travel(deployment, count, on_unknown=on_unknown)
            sys.stdout.write(f"on_unknown = {on_unknown}\n")
            for name, value in msgspec.structs.asdict(counts).items():
                sys.stdout.write(f"  {name.replace('_', ' ')}: {value}\n")
            sys.stdout.flush()
            fine = fine and not (
                counts.lost
                or counts.sent_twice
                or counts.accepted_and_failed
                or counts.unannounced
                or counts.open_records
                or counts.still_queued
            )
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else JOBS))
