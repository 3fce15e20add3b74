"""What SES does with mail that arrives: the receipt rules, and making them the active ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import CustomResource, Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_ses as ses
from constructs import Construct

from mailbus_cdk.cdk_nag import acknowledge
from mailbus_cdk.constructs.function import Function
from mailbus_cdk.constructs.identity import dkim_records
from mailbus_cdk.constructs.state import RAW_PREFIX
from mailbus_cdk.regions import mx_record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailbus_cdk.constructs.function import Code
    from mailbus_cdk.constructs.state import State
    from mailbus_cdk.mail import Inbound
    from mailbus_cdk.settings.schema import Rule, Settings


class Receiving(Construct):
    """A receipt rule set with the rules of the settings, active."""

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
        rules = Rules(self, "Rules", settings=settings, rule_set=rule_set, state=state, inbound=inbound)
        activation = Activation(
            self,
            "Activation",
            rule_set_name=rule_set.ref,
            settings=settings,
            code=code,
        )
        # Active with all its rules, or not at all; and, when deleted, inactive before they go.
        activation.resource.node.add_dependency(rules)


class Rules(Construct):
    """The receipt rules, each after the one before it.

    A rule that is put elsewhere, or changed, is updated in place, since its construct has its name; one
    of another name is another one, made at its place before the former goes.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        rule_set: ses.CfnReceiptRuleSet,
        state: State,
        inbound: Inbound,
    ) -> None:
        super().__init__(scope, construct_id)
        before: ses.CfnReceiptRule | None = None
        for rule in settings.inbound.receipt_rules:
            made = ses.CfnReceiptRule(
                self,
                f"Rule-{rule.name}",
                rule_set_name=rule_set.ref,
                after=before.ref if before else None,
                rule=ses.CfnReceiptRule.RuleProperty(
                    name=rule.name,
                    enabled=rule.enabled,
                    scan_enabled=rule.scan,
                    tls_policy="Require" if rule.require_tls else "Optional",
                    recipients=list(rule.recipients),
                    actions=_actions(rule, state=state, inbound=inbound),
                ),
            )
            # SES tries to write and to publish when the rule is made.
            made.node.add_dependency(*inbound.receipts.publishable, state.inbound_mail.writable)
            before = made


def _actions(rule: Rule, *, state: State, inbound: Inbound) -> list[ses.CfnReceiptRule.ActionProperty]:
    """List what a rule does: hand the mail on, in the bucket or in the notification, and end the rules."""
    topic_arn = inbound.receipts.topic.topic_arn
    key = state.inbound_mail.key
    action = (
        ses.CfnReceiptRule.ActionProperty(
            s3_action=ses.CfnReceiptRule.S3ActionProperty(
                bucket_name=state.inbound_mail.bucket.bucket_name,
                object_key_prefix=RAW_PREFIX,
                topic_arn=topic_arn,
                kms_key_arn=key.key_arn if key else None,
            )
        )
        if rule.action == "s3"
        else ses.CfnReceiptRule.ActionProperty(
            sns_action=ses.CfnReceiptRule.SNSActionProperty(topic_arn=topic_arn, encoding=rule.encoding)
        )
    )
    stop = ses.CfnReceiptRule.ActionProperty(
        stop_action=ses.CfnReceiptRule.StopActionProperty(scope="RuleSet")
    )
    return [action, stop] if rule.stop else [action]


class MailDomain(Construct):
    """The domain that mail is received for; SES has to have it verified, or a domain above it.

    `mx_records` has one for it, or for a domain below it, that any of the rules takes mail for.
    """

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
        recipients = (name for rule in settings.inbound.receipt_rules for name in rule.recipients)
        domains = dict.fromkeys(name.rpartition("@")[2] for name in recipients)
        self.mx_records = [
            mx_record(f"*{name}" if name.startswith(".") else name, settings.region) for name in domains
        ]


LOOKS: Final = "Custom::ActiveReceiptRuleSetBefore"
ACTIVATES: Final = "Custom::ActiveReceiptRuleSet"


class Activation(Construct):
    """Makes a rule set the active one, which CloudFormation cannot.

    One set is active per account and region; another that is active already is left so, with an
    error that says what to do, unless the settings say to displace it. It is active again when this goes: one
    resource looks which is active, and hands that to the other one, which activates ours.
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
        function.runs_once()
        asked = {
            "RuleSetName": rule_set_name,
            "Displace": "true" if settings.inbound.displace_active_rule_set else "false",
        }
        found = self._resource("Before", LOOKS, function, {**asked, "ReadOnly": "true"})
        self.resource = self._resource("Active", ACTIVATES, function, {**asked, "State": found.ref})

    def _resource(
        self, construct_id: str, resource_type: str, function: Function, properties: Mapping[str, str]
    ) -> CustomResource:
        resource = CustomResource(
            self,
            construct_id,
            resource_type=resource_type,
            service_token=function.function.function_arn,
            service_timeout=Duration.minutes(5),
            properties=properties,
        )
        resource.node.add_dependency(function)
        return resource
