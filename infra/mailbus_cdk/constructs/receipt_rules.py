"""Receiving: the receipt rules, the domain that mail is received for, and the activation of the rule set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_ses as ses
from constructs import Construct

from mailbus_cdk.constructs.activation import Activation
from mailbus_cdk.constructs.buckets import RAW_PREFIX
from mailbus_cdk.constructs.identity import dkim_records
from mailbus_cdk.regions import mx_record

if TYPE_CHECKING:
    from mailbus_cdk.constructs.function import Code
    from mailbus_cdk.constructs.inbound import Inbound
    from mailbus_cdk.constructs.state import State
    from mailbus_cdk.settings.schema import Rule, Settings


class Receiving(Construct):
    """The active receipt rule set, with the rules of the settings."""

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
        rules = ReceiptRules(
            self, "Rules", settings=settings, rule_set=rule_set, state=state, inbound=inbound
        )
        activation = Activation(
            self,
            "Activation",
            rule_set_name=rule_set.ref,
            settings=settings,
            code=code,
        )
        # The set is active only with all its rules; on deletion it is deactivated before they go.
        activation.resource.node.add_dependency(rules)


class ReceiptRules(Construct):
    """The receipt rules, each after the one before it.

    A rule that is moved or changed is updated in place, since its construct is named after it. A renamed rule
    is a new one, created in its place before the old one is deleted.
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
            created = ses.CfnReceiptRule(
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
            # SES writes and publishes a test message when the rule is created.
            created.node.add_dependency(*inbound.receipts.publishable, state.inbound_mail.writable)
            before = created


def _actions(rule: Rule, *, state: State, inbound: Inbound) -> list[ses.CfnReceiptRule.ActionProperty]:
    """Return a rule's actions: store the mail or put it into the notification, and stop if so set."""
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
    """The domain that mail is received for; it, or a domain above it, must be verified in SES.

    `mx_records` has a record for each domain that a rule takes mail for: this one, or one below it.
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
