"""Publishes SES's feedback notifications of identities to the tracking topic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import CustomResource, Duration
from aws_cdk import aws_iam as iam
from constructs import Construct

from mailbus_cdk.cdk_nag import suppress
from mailbus_cdk.constructs.function import Function
from mailbus_cdk.limits import CUSTOM_RESOURCE_ANSWER_SECONDS, CUSTOM_RESOURCE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from constructs import IDependable

    from mailbus_cdk.constructs.function import Code
    from mailbus_cdk.constructs.topics import SesTopic
    from mailbus_cdk.settings import Settings


READS: Final = "Custom::IdentityNotificationsBefore"
SETS: Final = "Custom::IdentityNotifications"


class IdentityFeedback(Construct):
    """Custom resources that set the topics of identities' bounces, complaints and deliveries.

    CloudFormation has no resource for it. SES has one topic for each of the three. If another is set already,
    the deployment fails with advice, unless the settings allow replacing it; it is set again when
    these resources are deleted. For each identity one resource reads what is set, and passes it to a second
    one, which sets the topics. They are made one after the other, and after `after`.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        code: Code,
        events: SesTopic,
        after: IDependable,
    ) -> None:
        super().__init__(scope, construct_id)
        function = self._function(settings, code)
        # SES takes one such call a second.
        before = after
        for name in settings.tracking.notified_identities:
            properties = {
                "Identity": name,
                "TopicArn": events.topic.topic_arn,
                "Displace": "true" if settings.tracking.displace_notification_topics else "false",
            }
            earlier = self._resource(f"Before-{name}", READS, function, {**properties, "ReadOnly": "true"})
            earlier.node.add_dependency(function, before)
            resource = self._resource(name, SETS, function, {**properties, "State": earlier.ref})
            # SES publishes a test message when the topic is set.
            resource.node.add_dependency(function, *events.publishable)
            before = resource

    def _resource(
        self, construct_id: str, resource_type: str, function: Function, properties: Mapping[str, str]
    ) -> CustomResource:
        return CustomResource(
            self,
            construct_id,
            resource_type=resource_type,
            service_token=function.function.function_arn,
            service_timeout=Duration.seconds(CUSTOM_RESOURCE_ANSWER_SECONDS),
            properties=properties,
        )

    def _function(self, settings: Settings, code: Code) -> Function:
        function = Function(
            self,
            "Function",
            name="identity_feedback",
            description="Mailbus: sets where SES publishes feedback notifications of identities",
            code=code,
            settings=settings,
            memory_mb=256,
            timeout_seconds=CUSTOM_RESOURCE_SECONDS,
            environment={},
        )
        function.turn_off_retries()
        function.role.add_to_policy(
            iam.PolicyStatement(
                # SES has no resource to scope these to:
                # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonses.html
                actions=[
                    "ses:GetIdentityNotificationAttributes",
                    "ses:SetIdentityFeedbackForwardingEnabled",
                    "ses:SetIdentityHeadersInNotificationsEnabled",
                    "ses:SetIdentityNotificationTopic",
                ],
                resources=["*"],
            )
        )
        suppress(
            function,
            "AwsSolutions-IAM5[Resource::*]",
            "SES has no resource to scope the calls on an identity's notifications to.",
        )
        return function
