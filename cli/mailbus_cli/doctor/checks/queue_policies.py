"""The queues let the topics write to them, and have their dead-letter queues."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from mailbus_cli.doctor import arns, policies
from mailbus_cli.doctor.check import Check
from mailbus_cli.doctor.policies import Access
from mailbus_cli.doctor.verdict import Verdict, combined, ok, problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailbus_cli.doctor.facts import Facts


def judge_policy(name: str, queue: Mapping[str, str], topic: str) -> Verdict:
    """Judge whether the policy of a queue lets a topic write to it."""
    access = Access(
        service=arns.SNS,
        action="sqs:SendMessage",
        resource=queue["QueueArn"],
        source_arn=topic,
        account=arns.account(topic),
    )
    if policies.allows(queue.get("Policy"), access):
        return ok(name)
    return problem(
        f"the policy of the {name} queue does not let its topic write to it: SES's events are not delivered",
        fix="restore the statement for sns.amazonaws.com",
    )


def judge_redrive(name: str, queue: Mapping[str, str], dead_letters_arn: str) -> Verdict:
    """Judge whether a queue has its dead-letter queue."""
    redrive = json.loads(queue.get("RedrivePolicy") or "{}")
    if redrive.get("deadLetterTargetArn") == dead_letters_arn:
        return ok(name)
    return problem(
        f"the {name} queue has no redrive policy to its dead-letter queue: what fails is lost in the end",
        fix="restore it",
        record=f"aws sqs set-queue-attributes --queue-url <the {name} queue> --attributes "
        f"""'{{"RedrivePolicy":"{{\\"deadLetterTargetArn\\":\\"{dead_letters_arn}\\",\\"maxReceiveCount\\":100}}"}}'""",
    )


def _run(facts: Facts) -> Verdict:
    outputs = facts.deployment.outputs
    verdicts = [
        judge_policy(name, facts.queue(outputs[output]), outputs[route.topic])
        for route in facts.routes
        for name, output in (
            (route.name, route.queue),
            (f"{route.name} dead-letter", route.dead_letters),
        )
        if output in outputs
    ]
    for queue in facts.work_queues:
        target = facts.queue(outputs[queue.dead_letters])["QueueArn"]
        verdicts.append(judge_redrive(queue.name, facts.queue(outputs[queue.url]), target))
    return combined(verdicts, fine=f"{', '.join(queue.name for queue in facts.work_queues)}: as deployed")


CHECK: Final = Check(
    name="queue-policies", title="Queue policies", rights=("sqs:GetQueueAttributes",), run=_run
)
