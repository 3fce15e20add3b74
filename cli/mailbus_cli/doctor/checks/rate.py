"""The account's sending rate is what the stage expects, and the stage has enough workers for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mailbus_cdk import lanes
from mailbus_cdk.quotas import BY_NAME
from mailbus_cli.doctor import elsewhere
from mailbus_cli.doctor.check import Check
from mailbus_cli.doctor.verdict import Verdict, combined, ok, unchecked, warning

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailbus_cli.doctor.facts import Facts

LANES: Final = ("transactional", "bulk")


def judge(rate: float, workers: Mapping[str, int]) -> Verdict:
    """Judge the account's rate, in recipients a second, against the workers that each lane may have."""
    needed = lanes.workers(rate)
    have = sum(workers.values())
    text = f"{rate:g} a second, for {have} workers"
    if have < needed:
        return warning(
            f"{text}: about {needed} would use all of it",
            fix=f"set expected_rate = {rate:g}, which the workers follow, or where max_concurrency is set "
            f"raise that of bulk to {needed - workers.get('transactional', 0)}, and deploy",
        )
    return ok(text)


def judge_account(account: Mapping[str, Any], expected: float | None, region: str) -> Verdict:
    """Judge the account's rate against what the stage is to send; None if its version did not say.

    In the sandbox the rate is 1 a second, of which the check of the sandbox says what to do.
    """
    rate = float(account["SendQuota"]["MaxSendRate"])
    if expected is None or rate >= expected or not account.get("ProductionAccessEnabled", True):
        return ok(f"{rate:g} a second")
    return warning(
        f"the account sends {rate:g} a second, and expected_rate is {expected:g}: mail waits",
        fix="ask AWS for more, or lower expected_rate",
        record=BY_NAME["ses-rate"].increase(expected, region),
    )


def _run(facts: Facts) -> Verdict:
    if facts.ses_role:
        return elsewhere.unchecked_account(facts.ses_role)
    account = facts.account()
    expected = facts.output("ExpectedRate")
    of_account = judge_account(account, None if expected is None else float(expected), facts.ses_region)
    workers = {}
    for queue in facts.work_queues:
        if queue.name in LANES:
            found = facts.mappings(facts.queue(facts.deployment.outputs[queue.url])["QueueArn"])
            workers[queue.name] = sum(
                int((one.get("ScalingConfig") or {}).get("MaximumConcurrency", 0)) for one in found
            )
    if all(workers.values()):
        of_lanes = judge(float(account["SendQuota"]["MaxSendRate"]), workers)
    else:
        of_lanes = unchecked("a lane has no limit on its workers, or none at all: see event-sources")
    return combined([of_account, of_lanes], fine=of_lanes.text if of_lanes.checked else of_account.text)


CHECK: Final = Check(
    name="rate",
    title="Rate",
    rights=("ses:GetAccount", "sqs:GetQueueAttributes", "lambda:ListEventSourceMappings"),
    run=_run,
)
