"""Subscribes to a deployment's bus from another account, which `[events] accounts` of the stage names.

A rule on the deployment's bus passes events on to a bus of this account, where further rules have targets of
any kind. Both rules are created, changed and deleted by this stack alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs

from examples.subscriptions.stack import Queue, dead_letter_queue

if TYPE_CHECKING:
    from constructs import Construct

PASSED_ON: Final = {"source": ["mailbus"], "detail-type": ["email.bounced", "email.complained"]}


class OtherAccount(Stack):
    """A bus that receives bounces and complaints, and a queue of the bounces; deployed in another account."""

    def __init__(self, scope: Construct, construct_id: str, *, bus_arn: str) -> None:
        super().__init__(scope, construct_id, description="Consumers of Mailbus's events in another account")
        bus = events.EventBus(self, "Bus", description="Mailbus's events, as the rule on its bus passes them")
        undelivered = dead_letter_queue(self)
        rule = self._subscription(bus_arn, bus, undelivered)
        undelivered.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("events.amazonaws.com")],
                actions=["sqs:SendMessage"],
                resources=[undelivered.queue_arn],
                conditions={"ArnEquals": {"aws:SourceArn": rule.attr_arn}},
            )
        )
        bounces = events.Rule(
            self,
            "Bounces",
            event_bus=bus,
            event_pattern=events.EventPattern(source=["mailbus"], detail_type=["email.bounced"]),
        )
        bounces.add_target(Queue(self, "Queue").target(undelivered))
        CfnOutput(self, "UndeliveredQueueUrl", value=undelivered.queue_url)

    def _subscription(self, bus_arn: str, bus: events.EventBus, undelivered: sqs.IQueue) -> events.CfnRule:
        """Create the rule on the deployment's bus.

        `events.Rule` would name the bus without its account: https://github.com/aws/aws-cdk/issues/26032
        """
        role = iam.Role(
            self,
            "PassOn",
            assumed_by=iam.ServicePrincipal("events.amazonaws.com"),
            description="EventBridge puts events on this account's bus by it",
        )
        role.add_to_policy(iam.PolicyStatement(actions=["events:PutEvents"], resources=[bus.event_bus_arn]))
        return events.CfnRule(
            self,
            "Subscription",
            description="Bounces and complaints for another account",
            event_bus_name=bus_arn,
            event_pattern=PASSED_ON,
            targets=[
                events.CfnRule.TargetProperty(
                    id="bus",
                    arn=bus.event_bus_arn,
                    role_arn=role.role_arn,
                    dead_letter_config=events.CfnRule.DeadLetterConfigProperty(arn=undelivered.queue_arn),
                )
            ],
        )
