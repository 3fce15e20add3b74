"""The shop's stack: Mailbus, the role of the web application, and a queue of what became of its mail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import CfnOutput, Duration, Environment, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs

from mailbus_cdk import Alarms, Inbound, Mailbus, Retention, Settings

if TYPE_CHECKING:
    from constructs import Construct


class Shop(Stack):
    """Mailbus is one construct of it."""

    def __init__(self, scope: Construct, construct_id: str, *, env: Environment) -> None:
        super().__init__(scope, construct_id, env=env)
        alarms = sns.Topic(self, "Alarms", enforce_ssl=True)
        mailbus = Mailbus(
            self,
            "Mail",
            settings=Settings(
                stage="shop",
                region=self.region,
                identity="shop.example.com",
                inbound=Inbound(domains=("inbound.shop.example.com",)),
                retention=Retention(raw_days=30, parts_days=30),
                alarms=Alarms(topic_arn=alarms.topic_arn),
            ),
        )
        web = iam.Role(self, "Web", assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com"))
        mailbus.grant_send(web)
        mailbus.grant_read_inbound(web)

        outcomes = sqs.Queue(self, "Outcomes", enforce_ssl=True, retention_period=Duration.days(14))
        events.Rule(
            self,
            "OutcomesToQueue",
            event_bus=mailbus.event_bus,
            event_pattern=events.EventPattern(
                source=["mailbus"], detail_type=["email.queued", "email.delivered", "email.bounced"]
            ),
            targets=[targets.SqsQueue(outcomes)],
        )
        for name, function in mailbus.functions.items():
            function.metric_throttles().create_alarm(
                self, f"{name}-throttles", threshold=1, evaluation_periods=3
            )
        CfnOutput(self, "OutcomesUrl", value=outcomes.queue_url)
