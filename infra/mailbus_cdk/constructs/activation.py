"""Activates the receipt rule set, which CloudFormation cannot."""

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

    from mailbus_cdk.constructs.function import Code
    from mailbus_cdk.settings import Settings

READS: Final = "Custom::ActiveReceiptRuleSetBefore"
ACTIVATES: Final = "Custom::ActiveReceiptRuleSet"


class Activation(Construct):
    """Custom resources that make a rule set the active one.

    One set is active per account and region. If another is active already, the deployment fails and says what
    to do, unless the settings allow replacing it; it is active again when these resources are deleted. One
    resource, `reads`, finds out which set is active, and passes it to the second one, which `activates` ours.

    A set that exists is shared with others: it is activated if none is active, and stays active.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        rule_set_name: str,
        settings: Settings,
        code: Code,
    ) -> None:
        super().__init__(scope, construct_id)
        function = Function(
            self,
            "Activator",
            name="activation",
            description="Mailbus: activates the receipt rule set when it is deployed",
            code=code,
            settings=settings,
            memory_mb=256,
            timeout_seconds=CUSTOM_RESOURCE_SECONDS,
            environment={},
        )
        function.role.add_to_policy(
            iam.PolicyStatement(
                # SES has no resource to scope these to:
                # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonses.html
                actions=["ses:DescribeActiveReceiptRuleSet", "ses:SetActiveReceiptRuleSet"],
                resources=["*"],
            )
        )
        suppress(
            function,
            "AwsSolutions-IAM5[Resource::*]",
            "SES has no resource to scope DescribeActiveReceiptRuleSet and SetActiveReceiptRuleSet to.",
        )
        function.turn_off_retries()
        properties = {
            "RuleSetName": rule_set_name,
            "Displace": "true" if settings.inbound.displace_active_rule_set else "false",
            "Shared": "true" if settings.inbound.rule_set_name else "false",
        }
        self.reads = self._resource("Before", READS, function, {**properties, "ReadOnly": "true"})
        self.activates = self._resource(
            "Active", ACTIVATES, function, {**properties, "State": self.reads.ref}
        )

    def _resource(
        self, construct_id: str, resource_type: str, function: Function, properties: Mapping[str, str]
    ) -> CustomResource:
        resource = CustomResource(
            self,
            construct_id,
            resource_type=resource_type,
            service_token=function.function.function_arn,
            service_timeout=Duration.seconds(CUSTOM_RESOURCE_ANSWER_SECONDS),
            properties=properties,
        )
        resource.node.add_dependency(function)
        return resource
