"""The topics exist, and SES may publish to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from mailbus_cli.doctor import arns, policies
from mailbus_cli.doctor.check import Check
from mailbus_cli.doctor.policies import Access
from mailbus_cli.doctor.verdict import Verdict, combined, ok, problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mailbus_cli.doctor.facts import Facts, TopicRoute


def judge(name: str, topic: str, attributes: Mapping[str, str] | None, publishers: Sequence[str]) -> Verdict:
    """Judge a topic by its attributes, None if it does not exist, for the resources of SES that publish."""
    if attributes is None:
        return problem(f"the {name} topic does not exist: {topic}", fix="deploy the stage again")
    refused = [
        source
        for source in publishers
        if not policies.allows(
            attributes.get("Policy"),
            Access(
                service=arns.SES,
                action="sns:Publish",
                resource=topic,
                source_arn=source,
                account=arns.account(topic),
            ),
        )
    ]
    if refused:
        named = ", ".join(source.rpartition("/")[2] for source in refused)
        return problem(
            f"the policy of the {name} topic does not let SES publish ({named}): its events are lost",
            fix="restore its statement SesPublishes: docs/stacks.md, “Drift”",
        )
    return ok(name)


def attributes(facts: Facts, topic: str) -> Mapping[str, str] | None:
    """Return the attributes of a topic; None if it does not exist."""
    try:
        return dict(facts.read("sns", "get_topic_attributes", TopicArn=topic)["Attributes"])
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"NotFound", "NotFoundException"}:
            raise
        return None


def _run(facts: Facts) -> Verdict:
    routes = facts.routes
    verdicts = [
        judge(route.name, topic, attributes(facts, topic), _publishers(facts, route, topic))
        for route in routes
        if (topic := facts.output(route.topic))
    ]
    return combined(verdicts, fine=f"{' and '.join(route.name for route in routes)}: SES may publish")


def _publishers(facts: Facts, route: TopicRoute, topic: str) -> list[str]:
    if route.name == "inbound":
        rule_set = facts.output("RuleSetName")
        return [arns.rule(topic, rule_set, rule) for rule in facts.outputs("ReceiptRules") if rule_set]
    if facts.ses_role or facts.ses_region != facts.deployment.region:
        return []
    return [arns.configuration_set(topic, name) for name in facts.configuration_sets]


CHECK: Final = Check(name="topics", title="Topics", rights=("sns:GetTopicAttributes",), run=_run)
