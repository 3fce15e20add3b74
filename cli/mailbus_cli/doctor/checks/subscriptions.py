"""The topics deliver to their queues, in SNS's envelope, and to the dead-letter queue what they cannot."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from mailbus_cli.doctor.check import Check
from mailbus_cli.doctor.verdict import Verdict, combined, ok, problem, warning

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailbus_cli.doctor.facts import Facts, TopicRoute

PENDING: Final = "PendingConfirmation"


def judge(
    name: str, topic: str, queue_arn: str, subscription: tuple[str, Mapping[str, Any]] | None
) -> Verdict:
    """Judge the subscription of a queue, its ARN with its attributes; None if there is none."""
    command = f"aws sns subscribe --topic-arn {topic} --protocol sqs --notification-endpoint {queue_arn}"
    if subscription is None:
        return problem(
            f"the {name} queue is not subscribed to its topic: SES's events are not delivered",
            fix="subscribe it, with its redrive policy",
            record=command,
        )
    arn, attributes = subscription
    if arn == PENDING or attributes.get("PendingConfirmation") == "true":
        return problem(
            f"the subscription of the {name} queue is not confirmed", fix="subscribe it again", record=command
        )
    change = f"aws sns set-subscription-attributes --subscription-arn {arn} --attribute-name"
    if str(attributes.get("RawMessageDelivery", "false")).lower() == "true":
        return problem(
            f"the subscription of the {name} queue delivers raw messages, which are dead-lettered",
            fix="turn it off",
            record=f"{change} RawMessageDelivery --attribute-value false",
        )
    if attributes.get("FilterPolicy") not in {None, "", "{}"}:
        return problem(
            f"the subscription of the {name} queue has a filter: events are left out",
            fix="remove it",
            record=f"{change} FilterPolicy --attribute-value '{{}}'",
        )
    if not json.loads(attributes.get("RedrivePolicy") or "{}").get("deadLetterTargetArn"):
        return warning(
            f"the subscription of the {name} queue has no redrive policy: what SNS cannot deliver is lost",
            fix="deploy the stage again, or set RedrivePolicy to the dead-letter queue",
        )
    return ok(name)


def _run(facts: Facts) -> Verdict:
    verdicts = [_route(facts, route) for route in facts.routes]
    return combined(verdicts, fine=f"{', '.join(route.name for route in facts.routes)}: topic to queue")


def _route(facts: Facts, route: TopicRoute) -> Verdict:
    topic = str(facts.output(route.topic))
    queue_arn = facts.queue(str(facts.output(route.queue)))["QueueArn"]
    return judge(route.name, topic, queue_arn, _subscription(facts, topic, queue_arn))


def _subscription(facts: Facts, topic: str, queue_arn: str) -> tuple[str, Mapping[str, Any]] | None:
    token: dict[str, str] = {}
    while True:
        try:
            page = facts.read("sns", "list_subscriptions_by_topic", TopicArn=topic, **token)
        except ClientError as error:
            if error.response["Error"]["Code"] not in {"NotFound", "NotFoundException"}:
                raise
            return None
        for one in page["Subscriptions"]:
            if one["Endpoint"] == queue_arn:
                arn = str(one["SubscriptionArn"])
                found = arn.startswith("arn:")
                read = facts.read("sns", "get_subscription_attributes", SubscriptionArn=arn) if found else {}
                return arn, read.get("Attributes", {})
        if not page.get("NextToken"):
            return None
        token = {"NextToken": page["NextToken"]}


CHECK: Final = Check(
    name="subscriptions",
    title="Subscriptions",
    rights=(
        "sqs:GetQueueAttributes",
        "sns:ListSubscriptionsByTopic",
        "sns:GetSubscriptionAttributes",
    ),
    run=_run,
)
