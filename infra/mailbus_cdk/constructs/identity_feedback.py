"""SES's feedback notifications of identities that are there, brought to the tracking topic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import CustomResource, Duration
from aws_cdk import aws_iam as iam
from constructs import Construct

from mailbus_cdk.cdk_nag import acknowledge
from mailbus_cdk.constructs.function import Function

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailbus_cdk.constructs.function import Code
    from mailbus_cdk.constructs.identity import Identity
    from mailbus_cdk.constructs.messaging import SesTopic
    from mailbus_cdk.settings.schema import Settings


LOOKS: Final = "Custom::IdentityNotificationsBefore"
SETS: Final = "Custom::IdentityNotifications"


class Notifications(Construct):
    """Sets where SES publishes bounces, complaints and deliveries of identities, which CloudFormation cannot.

    SES has one topic for each of the three; another that is set already is left so, with an error that says
    what to do, unless the settings say to displace it. It is set again when this goes: of each identity one
    resource looks at what is set, and hands that to the other one, which sets it.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        code: Code,
        identity: Identity,
        events: SesTopic,
    ) -> None:
        super().__init__(scope, construct_id)
        function = self._function(settings, code)
        before: CustomResource | None = None
        for name in settings.tracking.notified_identities:
            asked = {
                "Identity": name,
                "TopicArn": events.topic.topic_arn,
                "Displace": "true" if settings.tracking.displace_notification_topics else "false",
            }
            found = self._resource(f"Before-{name}", LOOKS, function, {**asked, "ReadOnly": "true"})
            found.node.add_dependency(function, identity)
            if before is not None:
                # One after the other, since SES takes one such call a second.
                found.node.add_dependency(before)
            resource = self._resource(name, SETS, function, {**asked, "State": found.ref})
            # SES publishes to the topic when it is set.
            resource.node.add_dependency(function, identity, *events.publishable)
            before = resource

    def _resource(
        self, construct_id: str, resource_type: str, function: Function, properties: Mapping[str, str]
    ) -> CustomResource:
        return CustomResource(
            self,
            construct_id,
            resource_type=resource_type,
            service_token=function.function.function_arn,
            service_timeout=Duration.minutes(5),
            properties=properties,
        )

    def _function(self, settings: Settings, code: Code) -> Function:
        function = Function(
            self,
            "Notifier",
            name="identity_feedback",
            description="Mailbus: has SES publish an identity's notifications when it is deployed",
            code=code,
            settings=settings,
            memory_mb=256,
            # Eight calls, each held back for some seconds, and it still comes to answer.
            timeout_seconds=240,
            environment={},
        )
        function.runs_once()
        function.role.add_to_policy(
            iam.PolicyStatement(
                # None can be scoped:
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
        acknowledge(
            function,
            "AwsSolutions-IAM5[Resource::*]",
            "SES gives the calls on an identity's notifications no resource to scope to.",
        )
        return function
