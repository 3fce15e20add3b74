"""The events of the bus reach the timeline: its rule is enabled, and may write to its queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mailbus_cli.doctor import arns, policies
from mailbus_cli.doctor.check import Check
from mailbus_cli.doctor.policies import Access
from mailbus_cli.doctor.verdict import Verdict, combined, ok, problem, unchecked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mailbus_cli.doctor.facts import Facts


AGAIN: Final = "deploy the stage again"


def judge_rules(rules: Sequence[Mapping[str, Any]]) -> Verdict:
    """Judge the rules of the bus that have the timeline's queue as a target."""
    if not rules:
        return problem(
            "no rule of the bus has the timeline's queue as its target", fix="deploy the stage again"
        )
    if any(str(rule.get("State")).startswith("ENABLED") for rule in rules):
        return ok("enabled")
    rule = rules[0]
    return problem(
        "the rule of the timeline is disabled: it gets no events",
        fix="enable it; what is missing can be replayed from the archive",
        record=f"aws events enable-rule --event-bus-name {rule.get('EventBusName')} --name {rule['Name']}",
    )


def judge_policy(queue: Mapping[str, str], rule_arn: str) -> Verdict:
    """Judge whether the policy of the timeline's queue lets its rule write to it."""
    access = Access(
        service=arns.EVENTS,
        action="sqs:SendMessage",
        resource=queue["QueueArn"],
        source_arn=rule_arn,
        account=arns.account(rule_arn),
    )
    if policies.allows(queue.get("Policy"), access):
        return ok("allowed")
    return problem("the policy of the timeline's queue does not let its rule write to it", fix=AGAIN)


def _run(facts: Facts) -> Verdict:
    bus, url = facts.output("EventBusName"), facts.output("TimelineQueueUrl")
    if bus is None or url is None:
        return unchecked("the stage keeps no timeline (timeline.days)")
    queue = facts.queue(url)
    listed = facts.read("events", "list_rule_names_by_target", TargetArn=queue["QueueArn"], EventBusName=bus)
    rules = [
        facts.read("events", "describe_rule", Name=name, EventBusName=bus) for name in listed["RuleNames"]
    ]
    verdicts = [judge_rules(rules), *(judge_policy(queue, str(rule["Arn"])) for rule in rules[:1])]
    return combined(verdicts, fine="its rule is enabled, and may write to its queue")


CHECK: Final = Check(
    name="timeline",
    title="Timeline",
    rights=("sqs:GetQueueAttributes", "events:ListRuleNamesByTarget", "events:DescribeRule"),
    run=_run,
)
