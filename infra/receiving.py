"""What SES does with mail that arrives: the receipt rules, and making them the active ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import CustomResource, Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_ses as ses
from constructs import Construct

from infra.acknowledged import acknowledge
from infra.function import Function
from infra.identity import dkim_records
from infra.state import RAW_PREFIX

if TYPE_CHECKING:
    from infra.function import Code
    from infra.mail import Inbound
    from infra.settings import Settings
    from infra.state import State


class Receiving(Construct):
    """A receipt rule set with one rule, active."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        code: Code,
        state: State,
        inbound: Inbound,
    ) -> None:
        super().__init__(scope, construct_id)
        rule_set = ses.CfnReceiptRuleSet(self, "RuleSet", rule_set_name=settings.name)
        self.rule_set_name = settings.name
        self.mail_domain = MailDomain(self, "Domain", settings=settings)
        rule = ses.CfnReceiptRule(
            self,
            "Rule",
            rule_set_name=rule_set.ref,
            rule=ses.CfnReceiptRule.RuleProperty(
                name="store",
                enabled=True,
                scan_enabled=True,
                recipients=list(settings.inbound.recipients) or [self.mail_domain.domain],
                actions=[
                    ses.CfnReceiptRule.ActionProperty(
                        s3_action=ses.CfnReceiptRule.S3ActionProperty(
                            bucket_name=state.inbound_mail.bucket.bucket_name,
                            object_key_prefix=RAW_PREFIX,
                            topic_arn=inbound.receipts.topic.topic_arn,
                        )
                    )
                ],
            ),
        )
        # SES tries to write and to publish when the rule is made.
        rule.node.add_dependency(*inbound.receipts.publishable, state.inbound_mail.writable)
        activation = Activation(
            self,
            "Activation",
            rule_set_name=rule_set.ref,
            settings=settings,
            code=code,
        )
        # Active with its rule, or not at all; and, when deleted, inactive before it goes.
        activation.resource.node.add_dependency(rule)


class MailDomain(Construct):
    """The domain that mail is received for; SES has to have it verified, or a domain above it."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(scope, construct_id)
        self.domain = settings.inbound.domain or ""
        covered = f".{self.domain}".endswith(f".{settings.identity}")
        identity = (
            None
            if covered
            else ses.EmailIdentity(self, "Identity", identity=ses.Identity.domain(self.domain))
        )
        self.dns_records = [str(record) for record in dkim_records(identity)] if identity else []


class Activation(Construct):
    """Makes a rule set the active one, which CloudFormation cannot.

    One set is active per account and region; another that is active already is left so, with an
    error that says what to do, unless the settings say to displace it.
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
            # Longer than all its calls with their retries, so that it comes to answer.
            timeout_seconds=180,
            environment={},
        )
        function.role.add_to_policy(
            iam.PolicyStatement(
                # Neither can be scoped:
                # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonses.html
                actions=["ses:DescribeActiveReceiptRuleSet", "ses:SetActiveReceiptRuleSet"],
                resources=["*"],
            )
        )
        acknowledge(
            function,
            "AwsSolutions-IAM5[Resource::*]",
            "SES gives neither Describe- nor SetActiveReceiptRuleSet a resource to scope to.",
        )
        self.resource = CustomResource(
            self,
            "Active",
            resource_type="Custom::ActiveReceiptRuleSet",
            service_token=function.function.function_arn,
            service_timeout=Duration.minutes(5),
            properties={
                "RuleSetName": rule_set_name,
                "Displace": "true" if settings.inbound.displace_active_rule_set else "false",
            },
        )
        self.resource.node.add_dependency(function)
