"""Lambda lets as many workers run at a time as the settings have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mailbus_cdk.quotas import BY_NAME
from mailbus_cli.doctor import elsewhere
from mailbus_cli.doctor.check import Check
from mailbus_cli.doctor.verdict import Verdict, combined, ok, problem, warning

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailbus_cli.doctor.facts import Facts

QUOTA: Final = BY_NAME["lambda-concurrency"]


def judge_account(unreserved: int, limit: int, needed: int, region: str) -> Verdict:
    """Judge what the account leaves to functions without a reservation, such as the stage's."""
    text = f"{needed} workers of {unreserved:,} that the account leaves (limit {limit:,})"
    if unreserved < needed:
        return warning(
            f"the account runs {unreserved:,} functions at a time, and the stage alone may need {needed}: "
            "batches wait",
            fix="ask AWS for more; until then lower max_concurrency of each queue to its share, which is "
            "at least 2 (docs/limits.md)",
            record=QUOTA.increase(max(QUOTA.default_in(region), needed + limit - unreserved), region),
        )
    return ok(text)


def judge_function(name: str, reserved: int | None, needed: int) -> Verdict:
    """Judge the reserved concurrency of a function; None if it has none, as deployed."""
    if reserved is None or reserved >= needed:
        return ok(name)
    if reserved == 0:
        return problem(
            f"the function {name} is stopped: its reserved concurrency is 0",
            fix="delete the reservation, by `aws lambda delete-function-concurrency`",
        )
    return warning(
        f"the function {name} has a reserved concurrency of {reserved}, but its queues may need {needed}: "
        "batches are throttled",
        fix="raise it, or lower max_concurrency",
    )


def _run(facts: Facts) -> Verdict:
    if not facts.functions:
        return elsewhere.old_deployment("SenderFunctionName")
    outputs = facts.deployment.outputs
    needed = dict.fromkeys(facts.functions, 0)
    for queue in facts.work_queues:
        function = queue.function.removesuffix("FunctionName").lower()
        arn = facts.queue(outputs[queue.url])["QueueArn"]
        if function in needed:
            needed[function] += sum(_workers(one) for one in facts.mappings(arn))
    limits = facts.read("lambda", "get_account_settings")["AccountLimit"]
    reservations = {
        name: facts.read("lambda", "get_function_concurrency", FunctionName=function).get(
            "ReservedConcurrentExecutions"
        )
        for name, function in facts.functions.items()
    }
    unreserved = sum(count for name, count in needed.items() if reservations[name] is None)
    account = judge_account(
        int(limits["UnreservedConcurrentExecutions"]),
        int(limits["ConcurrentExecutions"]),
        unreserved,
        facts.deployment.region,
    )
    verdicts = [judge_function(name, reservations[name], needed[name]) for name in facts.functions]
    return combined([account, *verdicts], fine=account.text)


def _workers(mapping: Mapping[str, Any]) -> int:
    return int((mapping.get("ScalingConfig") or {}).get("MaximumConcurrency", 0))


CHECK: Final = Check(
    name="concurrency",
    title="Concurrency",
    rights=(
        "sqs:GetQueueAttributes",
        "lambda:ListEventSourceMappings",
        "lambda:GetAccountSettings",
        "lambda:GetFunctionConcurrency",
    ),
    run=_run,
)
