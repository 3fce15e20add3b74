"""`make journey`: jobs through the deployed system while its workers are killed, and a count of the outcomes.

`python -m bench.journeys.worker_kills [jobs]` runs with `on_unknown` both ways, with 2,000 jobs by default.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import random
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx
import msgspec

from bench.support.deployment import QUEUES, Deployment, sender_configured
from bench.support.job_outcomes import JobOutcomes, OutcomeCounts
from bench.support.killing_proxy import KillingProxy, KillPoint
from mailbus_local import stage
from mailbus_local.embedded import EmbeddedAws
from mailbus_local.subscriber import Subscriber

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mailbus.ledger.records import OnUnknown

JOBS: Final = 2000
# one kill at each point for so many jobs: a worker has up to ten, so about a tenth of the jobs meets each
JOBS_PER_KILL: Final = 50
# the share of broken answers, and of jobs that are enqueued twice
SHARE: Final = 0.14
# The deployment's own times, 60 s and 90 s, would only make the journey longer.
FUNCTION_SECONDS: Final = 24
VISIBILITY_SECONDS: Final = 26
# Never over by itself: `JobOutcomes` ends it for the mails that SES never got.
DOUBT_SECONDS: Final = 24 * 60 * 60
LATENCY_MS: Final = 100.0
# only against hanging; the journey ends when each job is settled
LIMIT_SECONDS: Final = 1200.0
POLL_SECONDS: Final = 0.5
BATCH: Final = 10
# while kills are left, so many times the jobs are sent at most
MOST_REPETITIONS: Final = 5


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """The counts of a journey.

    `kills` and `jobs_hit` by point, `broken_answers` of SES, duplicates sent, and copies of waiting jobs.
    """

    outcomes: OutcomeCounts
    kills: dict[KillPoint, int]
    jobs_hit: dict[KillPoint, int]
    broken_answers: int
    duplicates: int
    copies: int
    seconds: float

    @property
    def correct(self) -> bool:
        """True if each mail was accepted once or reported as failed, and nothing is left."""
        counts = self.outcomes
        return counts.accepted + counts.failed == counts.mails and not (
            counts.lost
            or counts.sent_twice
            or counts.accepted_and_failed
            or counts.without_event
            or counts.open_records
        )


def run(  # noqa: PLR0913 - what a journey consists of
    deployment: Deployment,
    jobs: int,
    *,
    on_unknown: OnUnknown,
    kills_per_point: int,
    seed: int = 47,
    drained: bool = True,
) -> Result:
    """Send jobs while workers are killed, answers break and messages come twice, until all are settled.

    More jobs are sent while kills are left. With `drained` the send queues must be empty in the end, which
    only holds if nothing else uses them.
    """
    began = time.monotonic()
    chance = random.Random(seed)  # noqa: S311 - test data, no secret
    supply = _jobs(chance, uuid.uuid4().hex[:8])
    aws_url, ses_url = deployment.outputs["endpoint_url"], deployment.outputs["ses_endpoint_url"]
    with (
        httpx.Client(base_url=f"{ses_url}/_simulator/", timeout=120) as simulator,
        KillingProxy(
            {"sesv2": ses_url, "dynamodb": aws_url, "eventbridge": aws_url, "sqs": aws_url},
            kills_per_point=kills_per_point,
        ) as proxy,
        _faults(simulator),
        sender_configured(
            deployment,
            {**proxy.environment, "ON_UNKNOWN": on_unknown, "DOUBT_SECONDS": str(DOUBT_SECONDS)},
            function_seconds=FUNCTION_SECONDS,
            visibility_seconds=VISIBILITY_SECONDS,
        ),
    ):
        broken_before = _broken_answers(simulator)
        outcomes = JobOutcomes(deployment, simulator)
        duplicates = 0
        for _ in range(MOST_REPETITIONS):
            batch = list(itertools.islice(supply, jobs))
            outcomes.expect(batch)
            duplicates += _enqueue(deployment, batch, chance)
            while not (settled := outcomes.settled(drained=drained)):
                if time.monotonic() - began > LIMIT_SECONDS:
                    break
                time.sleep(POLL_SECONDS)
            if proxy.done or not settled:
                break
        return Result(
            outcomes=outcomes.count(),
            kills=proxy.kills,
            jobs_hit={point: len(job_ids) for point, job_ids in proxy.jobs_hit.items()},
            broken_answers=_broken_answers(simulator) - broken_before,
            duplicates=duplicates,
            copies=proxy.copies,
            seconds=round(time.monotonic() - began, 1),
        )


def _jobs(chance: random.Random, mark: str) -> Iterator[dict[str, Any]]:
    for number in itertools.count():
        job: dict[str, Any] = {
            "job_id": f"order-{mark}-{number}",
            "from_email": "Shop <shop@example.com>",
            "subject": f"Your order {number}",
            "text": "It is on its way.",
            "metadata": {"order": number},
            "tags": ["receipt"],
        }
        recipients = chance.choice([3, 12, 50, 51, 60]) if chance.random() < 0.04 else 1  # noqa: PLR2004 - a share
        job["to"] = [
            f"success+{mark}-{number}-{place}@simulator.amazonses.com" for place in range(recipients)
        ]
        if recipients > 1:
            job["merge_data"] = {address: {"place": place} for place, address in enumerate(job["to"])}
            job["text"] = "It is on its way, as number {{place}}."
        elif chance.random() < 0.05:  # noqa: PLR2004 - as above
            moment = time.time() + chance.uniform(2, 15)
            job["send_at"] = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(moment))}Z"
        yield job


def _enqueue(deployment: Deployment, jobs: Sequence[dict[str, Any]], chance: random.Random) -> int:
    """Put jobs on both send queues, some of them twice; return the number of duplicates."""
    sqs = deployment.client("sqs")
    queues: dict[str, list[str]] = {name: [] for name in QUEUES}
    duplicates = 0
    for number, job in enumerate(jobs):
        bodies = queues[QUEUES[number % 2]]
        bodies.append(json.dumps(job))
        if chance.random() < SHARE:
            # next to the first one, so that workers handle both at the same time
            bodies.append(bodies[-1])
            duplicates += 1
    for name, bodies in queues.items():
        for start in range(0, len(bodies), BATCH):
            entries = [
                {"Id": str(place), "MessageBody": body}
                for place, body in enumerate(bodies[start : start + BATCH])
            ]
            answer = sqs.send_message_batch(QueueUrl=deployment.outputs[name], Entries=entries)
            assert not answer.get("Failed")  # noqa: S101 - a job that was never enqueued must not count
    sqs.close()
    return duplicates


def _broken_answers(simulator: httpx.Client) -> int:
    return int(simulator.get("account").raise_for_status().json()["faulted"])


@contextlib.contextmanager
def _faults(simulator: httpx.Client) -> Iterator[None]:
    """Slow SES down, and break some of its answers after it accepted."""
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


def main(jobs: int) -> int:
    """Print the counts; return 1 if anything was lost, sent twice or left behind."""
    correct = True
    modes: tuple[OnUnknown, ...] = ("resend", "fail")
    with (
        tempfile.TemporaryDirectory(prefix="mailbus-journey-") as directory,
        EmbeddedAws(directory=Path(directory), settings=stage.PACKAGED) as aws,
        Subscriber(aws, "journey") as subscriber,
    ):
        deployment = Deployment(outputs=aws.outputs, client=aws.client, events=lambda: subscriber.events)
        for on_unknown in modes:
            kills = max(1, jobs // JOBS_PER_KILL)
            result = run(deployment, jobs, on_unknown=on_unknown, kills_per_point=kills)
            sys.stdout.write(f"on_unknown = {on_unknown}\n")
            counts = {**msgspec.structs.asdict(result.outcomes), **msgspec.structs.asdict(result)}
            del counts["outcomes"]
            for name, value in counts.items():
                sys.stdout.write(f"  {name.replace('_', ' ')}: {value}\n")
            sys.stdout.flush()
            all_killed = set(result.kills.values()) == {kills}
            correct = correct and result.correct and all_killed and not result.outcomes.still_queued
    return 0 if correct else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else JOBS))
