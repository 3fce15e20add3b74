"""Lambda reads each queue for its function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mailbus_cli.doctor.check import Check
from mailbus_cli.doctor.verdict import Verdict, combined, ok, problem, warning

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mailbus_cli.doctor.facts import Facts

PARTIAL: Final = "ReportBatchItemFailures"
# states on the way to Enabled
STARTING: Final = frozenset({"Creating", "Enabling", "Updating"})


def judge(queue: str, mappings: Sequence[Mapping[str, Any]], function: str | None) -> Verdict:
    """Judge the event source mappings of a queue, of which one should be of the function.

    https://docs.aws.amazon.com/lambda/latest/api/API_EventSourceMappingConfiguration.html
    """
    own = [one for one in mappings if function is None or _function(one) == function]
    if not own:
        return problem(f"no function reads the {queue} queue", fix="deploy the stage again")
    others = [_function(one) for one in mappings if one not in own]
    if others:
        return problem(
            f"{', '.join(others)} reads the {queue} queue too, and takes messages away",
            fix="delete that mapping",
        )
    return _judge_one(queue, own[0])


def _judge_one(queue: str, found: Mapping[str, Any]) -> Verdict:
    state, uuid = str(found.get("State")), found.get("UUID")
    if state in STARTING:
        return warning(
            f"the mapping of the {queue} queue is {state}", fix="run `mailbus doctor` again in a minute"
        )
    if state != "Enabled":
        return problem(
            f"the {queue} queue is not read: its event source mapping is {state}",
            fix="enable it",
            record=f"aws lambda update-event-source-mapping --uuid {uuid} --enabled",
        )
    if PARTIAL not in (found.get("FunctionResponseTypes") or []):
        return problem(
            f"the mapping of the {queue} queue has no {PARTIAL}: whole batches are repeated",
            fix="set it",
            record=f"aws lambda update-event-source-mapping --uuid {uuid}"
            f" --function-response-types {PARTIAL}",
        )
    if str(found.get("LastProcessingResult", "")).startswith("PROBLEM"):
        return warning(
            f"Lambda's last batch of the {queue} queue: {found['LastProcessingResult']}",
            fix="look at the function's log",
        )
    return ok(queue)


def _function(mapping: Mapping[str, Any]) -> str:
    return str(mapping.get("FunctionArn", "")).rpartition(":function:")[2].partition(":")[0]


def _run(facts: Facts) -> Verdict:
    outputs = facts.deployment.outputs
    verdicts = [
        judge(
            queue.name,
            facts.mappings(facts.queue(outputs[queue.url])["QueueArn"]),
            outputs.get(queue.function),
        )
        for queue in facts.work_queues
    ]
    return combined(verdicts, fine=f"{', '.join(queue.name for queue in facts.work_queues)}: read")


CHECK: Final = Check(
    name="event-sources",
    title="Event sources",
    rights=("sqs:GetQueueAttributes", "lambda:ListEventSourceMappings"),
    run=_run,
)
