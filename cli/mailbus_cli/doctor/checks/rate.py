"""The stage has enough workers for the account's sending rate, and no more than it needs by far."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from mailbus_cli.doctor import elsewhere
from mailbus_cli.doctor.check import Check
from mailbus_cli.doctor.verdict import Verdict, ok, unchecked, warning

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailbus_cli.doctor.facts import Facts

# A worker sends a batch of 10 at a time; with SES's answer, the ledger and the bus it takes about 200 ms.
WORKER_RATE: Final = 50.0
LANES: Final = ("transactional", "bulk")


def judge(rate: float, workers: Mapping[str, int]) -> Verdict:
    """Judge the account's rate, in recipients a second, against the workers that each lane may have."""
    needed = math.ceil(rate / WORKER_RATE)
    have = sum(workers.values())
    text = f"{rate:g} a second, for {have} workers"
    if have < needed:
        return warning(
            f"{text}: about {needed} would use all of it",
            fix=f"raise bulk.max_concurrency to {needed - workers.get('transactional', 0)}, and deploy",
        )
    return ok(text)


def _run(facts: Facts) -> Verdict:
    if facts.ses_role:
        return elsewhere.unchecked_account(facts.ses_role)
    rate = float(facts.account()["SendQuota"]["MaxSendRate"])
    workers = {}
    for queue in facts.work_queues:
        if queue.name in LANES:
            found = facts.mappings(facts.queue(facts.deployment.outputs[queue.url])["QueueArn"])
            workers[queue.name] = sum(
                int((one.get("ScalingConfig") or {}).get("MaximumConcurrency", 0)) for one in found
            )
    if not all(workers.values()):
        return unchecked("a lane has no limit on its workers, or none at all: see event-sources")
    return judge(rate, workers)


CHECK: Final = Check(
    name="rate",
    title="Rate",
    rights=("ses:GetAccount", "sqs:GetQueueAttributes", "lambda:ListEventSourceMappings"),
    run=_run,
)
