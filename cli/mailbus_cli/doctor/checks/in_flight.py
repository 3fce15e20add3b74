"""The messages in flight of each queue are far from SQS's limit, at which receives return nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mailbus_cdk.quotas import BY_NAME
from mailbus_cli.doctor.check import Check
from mailbus_cli.doctor.verdict import Verdict, combined, ok, problem, warning

if TYPE_CHECKING:
    from mailbus_cli.doctor.facts import Facts

MOST: Final = int(BY_NAME["sqs-in-flight"].default)
WARNS_AT: Final = 0.8
FIX: Final = "find out why they are not finished: the function's log, and docs/limits.md"


def judge(name: str, count: int) -> Verdict:
    """Judge how many messages of a queue are in flight."""
    text = f"{count:,} messages of the {name} queue are in flight, of {MOST:,} at most"
    if count >= MOST * 0.99:
        return problem(f"{text}: it delivers no more", fix=FIX)
    if count >= MOST * WARNS_AT:
        return warning(text, fix=FIX)
    return ok(f"{name} {count:,}")


def _run(facts: Facts) -> Verdict:
    verdicts = [
        judge(
            queue.name,
            int(facts.queue(facts.deployment.outputs[queue.url])["ApproximateNumberOfMessagesNotVisible"]),
        )
        for queue in facts.work_queues
    ]
    return combined(verdicts, fine=", ".join(verdict.text for verdict in verdicts))


CHECK: Final = Check(name="in-flight", title="In flight", rights=("sqs:GetQueueAttributes",), run=_run)
