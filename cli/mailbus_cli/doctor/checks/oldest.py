"""No message waits for long in its queue."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from mailbus_cli.doctor import arns, durations
from mailbus_cli.doctor.check import Check
from mailbus_cli.doctor.verdict import Verdict, combined, ok, problem, unchecked, warning

if TYPE_CHECKING:
    from mailbus_cli.doctor.facts import Facts

PERIOD: Final = 60
# SQS reports it each minute, some minutes late
LOOKS_BACK: Final = timedelta(minutes=10)
# Jobs of the bulk lane may wait for hours, since the account's rate is what it is.
WARNS_AFTER: Final = {
    "transactional": 900,
    "bulk": 12 * 3600,
    "tracking": 900,
    "inbound": 900,
    "timeline": 3600,
}
# SQS keeps a message for 14 days; jobs are dead-lettered after 13
PROBLEM_AFTER: Final = 2 * 86_400


def judge(name: str, seconds: float) -> Verdict:
    """Judge the age of the oldest message of a queue."""
    text = f"the oldest message of the {name} queue is {durations.words(seconds)} old"
    if seconds >= PROBLEM_AFTER:
        return problem(f"{text}; after 14 days it is lost", fix="docs/limits.md, “What waits, and how long”")
    if seconds >= WARNS_AFTER[name]:
        return warning(text, fix="docs/limits.md, “What waits, and how long”")
    return ok(f"{name} {durations.words(seconds)}")


def _run(facts: Facts) -> Verdict:
    ages = read(facts)
    if not ages:
        return unchecked("CloudWatch has no ages of messages, as while nothing is sent")
    verdicts = [judge(name, age) for name, age in ages.items()]
    return combined(verdicts, fine=", ".join(verdict.text for verdict in verdicts))


def read(facts: Facts) -> dict[str, float]:
    """Return the ages of the oldest messages in seconds, by queue; CloudWatch has none of idle queues."""
    outputs = facts.deployment.outputs
    queues = {queue.name: outputs[queue.url].rpartition("/")[2] for queue in facts.work_queues}
    now = datetime.now(UTC)
    answer = facts.read(
        "cloudwatch",
        "get_metric_data",
        StartTime=now - LOOKS_BACK,
        EndTime=now + timedelta(minutes=1),
        MetricDataQueries=[_query(name, queue) for name, queue in queues.items()],
    )
    return {
        result["Id"]: max(zip(result["Timestamps"], result["Values"], strict=True))[1]
        for result in answer["MetricDataResults"]
        if result["Values"]
    }


def _query(name: str, queue: str) -> dict[str, Any]:
    metric = {
        "Namespace": "AWS/SQS",
        "MetricName": "ApproximateAgeOfOldestMessage",
        "Dimensions": [{"Name": "QueueName", "Value": arns.name(queue)}],
    }
    return {"Id": name, "MetricStat": {"Metric": metric, "Period": PERIOD, "Stat": "Maximum"}}


CHECK: Final = Check(name="oldest", title="Oldest message", rights=("cloudwatch:GetMetricData",), run=_run)
