"""EventBridge Scheduler: one-time schedules that put delayed jobs on their queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from mailbus_cdk.cdk_nag import suppress_wildcards

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import aws_sqs as sqs

    from mailbus_cdk.constructs.function import Function
    from mailbus_cdk.settings import Settings

SCHEDULER: Final = "scheduler.amazonaws.com"


class Schedules(Construct):
    """The group of the schedules."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, removal_policy: RemovalPolicy
    ) -> None:
        super().__init__(scope, construct_id)
        stack = Stack.of(self)
        self.name = settings.name
        # By name: another stack's role admits Scheduler for this group only.
        self.arn = stack.format_arn(
            service="scheduler", resource="schedule-group", resource_name=settings.name
        )
        self.schedule_arns = stack.format_arn(
            service="scheduler", resource="schedule", resource_name=f"{settings.name}/*"
        )
        scheduler.ScheduleGroup(
            self, "Group", schedule_group_name=settings.name, removal_policy=removal_policy
        )


class Scheduling(Construct):
    """The role in which EventBridge Scheduler sends jobs to their queues."""

    def __init__(
        self, scope: Construct, construct_id: str, *, schedules: Schedules, targets: Sequence[sqs.Queue]
    ) -> None:
        super().__init__(scope, construct_id)
        self._schedules = schedules
        # https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal(
                SCHEDULER,
                conditions={
                    "StringEquals": {
                        "aws:SourceAccount": Stack.of(self).account,
                        "aws:SourceArn": schedules.arn,
                    }
                },
            ),
        )
        self.role.add_to_policy(
            iam.PolicyStatement(
                actions=["sqs:SendMessage"], resources=[target.queue_arn for target in targets]
            )
        )

    def grant_schedule(self, function: Function) -> None:
        """Let a function create schedules in the group that use the role."""
        function.allow(["scheduler:CreateSchedule"], [self._schedules.schedule_arns])
        suppress_wildcards(
            function,
            [self._schedules.schedule_arns],
            "A schedule is named after its job; the group limits which.",
        )
        function.role.add_to_policy(
            iam.PolicyStatement(
                actions=["iam:PassRole"],
                resources=[self.role.role_arn],
                conditions={"StringEquals": {"iam:PassedToService": SCHEDULER}},
            )
        )
