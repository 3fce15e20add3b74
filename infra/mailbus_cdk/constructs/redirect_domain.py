"""Sets the custom domain of tracked links on the configuration set, once SES has verified it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import CustomResource, Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from mailbus_cdk.constructs.function import Function
from mailbus_cdk.limits import CUSTOM_RESOURCE_ANSWER_SECONDS, CUSTOM_RESOURCE_SECONDS

if TYPE_CHECKING:
    from mailbus_cdk.constructs.configuration_set import ConfigurationSet
    from mailbus_cdk.constructs.function import Code
    from mailbus_cdk.settings import Settings

SETS: Final = "Custom::RedirectDomain"
# SES verifies a domain mostly within the hour in which its DNS records are created.
EVERY_MINUTES: Final = 15


class RedirectDomain(Construct):
    """A custom resource that sets the domain, and a schedule that tries it again.

    As a property of the configuration set, a domain that SES has not verified would fail the deployment, and
    before the first one it has verified none. The resource removes the domain when it is deleted.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        domain: str,
        settings: Settings,
        code: Code,
        configuration_set: ConfigurationSet,
    ) -> None:
        super().__init__(scope, construct_id)
        function = Function(
            self,
            "Function",
            name="redirect_domain",
            description="Mailbus: sets the domain of tracked links once SES has verified it",
            code=code,
            settings=settings,
            memory_mb=256,
            timeout_seconds=CUSTOM_RESOURCE_SECONDS,
            environment={},
        )
        function.turn_off_retries()
        function.allow(
            ["ses:GetConfigurationSet", "ses:PutConfigurationSetTrackingOptions"], [configuration_set.arn]
        )
        wanted = {"ConfigurationSetName": settings.configuration_set, "Domain": domain}
        self.resource = CustomResource(
            self,
            "Domain",
            resource_type=SETS,
            service_token=function.function.function_arn,
            service_timeout=Duration.seconds(CUSTOM_RESOURCE_ANSWER_SECONDS),
            properties=wanted,
        )
        self.resource.node.add_dependency(function, configuration_set)
        events.Rule(
            self,
            "Schedule",
            description="Mailbus: sets the domain of tracked links once SES has verified it",
            schedule=events.Schedule.rate(Duration.minutes(EVERY_MINUTES)),
            targets=[
                targets.LambdaFunction(
                    function.function, event=events.RuleTargetInput.from_object(wanted), retry_attempts=0
                )
            ],
        )
