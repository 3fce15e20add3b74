"""What killed runs of `mailbus tail` left, and what was not used for an hour: it is removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mailbus_cli import event_stream
from mailbus_cli.doctor.check import Check
from mailbus_cli.doctor.verdict import Verdict, ok

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailbus_cli.doctor.facts import Facts
    from mailbus_cli.event_stream import Removed


def judge(removed: Sequence[Removed]) -> Verdict:
    """Judge what was there, and is removed now."""
    if not removed:
        return ok("none was left by a killed `mailbus tail`")
    named = ", ".join(f"{one.name} (last used {one.last_used:%Y-%m-%d %H:%M} UTC)" for one in removed)
    return ok(f"removed the rule and the queue that a killed `mailbus tail` left: {named}")


def _run(facts: Facts) -> Verdict:
    return judge(event_stream.remove_stale(facts.deployment))


CHECK: Final = Check(
    name="tails",
    title="Tails",
    rights=(
        "events:ListRules",
        "events:RemoveTargets",
        "events:DeleteRule",
        "sqs:ListQueues",
        "sqs:GetQueueUrl",
        "sqs:ListQueueTags",
        "sqs:DeleteQueue",
    ),
    run=_run,
)
