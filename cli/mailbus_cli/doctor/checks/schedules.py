"""Delayed jobs reach their queues: the group of schedules exists, and Scheduler's role may write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from mailbus_cli.doctor import arns, elsewhere, policies
from mailbus_cli.doctor.check import Check
from mailbus_cli.doctor.policies import Access
from mailbus_cli.doctor.verdict import Verdict, combined, ok, problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mailbus_cli.doctor.facts import Facts

MISSING: Final = frozenset({"ResourceNotFoundException", "NoSuchEntity", "NoSuchEntityException"})
FIX: Final = "deploy the stage again"
LATE: Final = "delayed jobs do not reach their queue"


def judge_group(name: str, group: Mapping[str, Any] | None) -> Verdict:
    """Judge a group of schedules; None if it does not exist."""
    if group is None:
        return problem(f"the group of schedules {name} does not exist: delayed jobs fail", fix=FIX)
    if group.get("State", "ACTIVE") != "ACTIVE":
        return problem(f"the group of schedules {name} is {group['State']}: delayed jobs fail", fix=FIX)
    return ok(name)


def judge_trust(role: str, trust: Mapping[str, Any] | None, group_arn: str) -> Verdict:
    """Judge who may assume Scheduler's role, None if it does not exist."""
    if trust is None:
        return problem(
            f"Scheduler's role {role} does not exist: delayed jobs do not reach their queue", fix=FIX
        )
    access = Access(
        service=arns.SCHEDULER,
        action="sts:AssumeRole",
        resource=role,
        source_arn=group_arn,
        account=arns.account(group_arn),
    )
    if policies.allows(trust, access):
        return ok(role)
    return problem(
        f"Scheduler may not assume its role {role}: delayed jobs do not reach their queue", fix=FIX
    )


def judge_rights(role: str, found: Sequence[Mapping[str, Any]], queues: Mapping[str, str]) -> Verdict:
    """Judge whether policies of Scheduler's role allow it to write to queues, ARNs by name."""
    refused = [
        name
        for name, arn in queues.items()
        if not any(
            policies.allows(
                policy,
                Access(
                    service=arns.SCHEDULER,
                    action="sqs:SendMessage",
                    resource=arn,
                    source_arn=arn,
                    account=arns.account(arn),
                ),
            )
            for policy in found
        )
    ]
    if refused:
        return problem(f"Scheduler's role {role} may not write to the queue {', '.join(refused)}", fix=FIX)
    return ok(role)


def _run(facts: Facts) -> Verdict:
    sender = facts.output("SenderFunctionName")
    if sender is None:
        return elsewhere.old_deployment("SenderFunctionName")
    variables = facts.function(sender)["Environment"]["Variables"]
    group, role_arn = str(variables["SCHEDULE_GROUP_NAME"]), str(variables["SCHEDULE_ROLE_ARN"])
    role = role_arn.rpartition("/")[2]
    _, partition, _, _, account, *_ = role_arn.split(":")
    group_arn = f"arn:{partition}:scheduler:{facts.deployment.region}:{account}:schedule-group/{group}"
    queues = {
        name: facts.deployment.outputs[output]
        for name, output in (("transactional", "SendQueueArn"), ("bulk", "BulkQueueArn"))
    }
    trust = _or_none(facts, "iam", "get_role", RoleName=role)
    verdicts = [
        judge_group(group, _or_none(facts, "scheduler", "get_schedule_group", Name=group)),
        judge_trust(role, trust["Role"]["AssumeRolePolicyDocument"] if trust else None, group_arn),
    ]
    if trust:
        names = facts.read("iam", "list_role_policies", RoleName=role)["PolicyNames"]
        found = [
            facts.read("iam", "get_role_policy", RoleName=role, PolicyName=name)["PolicyDocument"]
            for name in names
        ]
        verdicts.append(judge_rights(role, found, queues))
    return combined(verdicts, fine=f"group {group}; Scheduler may write to both queues")


def _or_none(facts: Facts, service: str, operation: str, **parameters: str) -> Mapping[str, Any] | None:
    try:
        return facts.read(service, operation, **parameters)
    except ClientError as error:
        if error.response["Error"]["Code"] not in MISSING:
            raise
        return None


CHECK: Final = Check(
    name="schedules",
    title="Schedules",
    rights=(
        "lambda:GetFunctionConfiguration",
        "scheduler:GetScheduleGroup",
        "iam:GetRole",
        "iam:ListRolePolicies",
        "iam:GetRolePolicy",
    ),
    run=_run,
)
