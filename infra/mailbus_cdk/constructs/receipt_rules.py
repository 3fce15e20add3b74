"""Receiving: the receipt rules, the domains that mail is received for, and the activation of the rule set."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from aws_cdk import aws_ses as ses
from constructs import Construct

from mailbus_cdk.constructs.activation import Activation
from mailbus_cdk.constructs.buckets import RAW_PREFIX
from mailbus_cdk.constructs.identity import dkim_records
from mailbus_cdk.dns_records import mx_record
from mailbus_cdk.settings import identities

if TYPE_CHECKING:
    from constructs import IDependable

    from mailbus_cdk.constructs.function import Code
    from mailbus_cdk.constructs.inbound import Inbound
    from mailbus_cdk.constructs.state import State
    from mailbus_cdk.settings import Settings
    from mailbus_cdk.settings.receiving import Rule


class Receiving(Construct):
    """The rules of the settings in the active receipt rule set: the deployment's own, or one that exists."""

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
        self.rule_set_name = settings.rule_set
        shared = settings.inbound.rule_set_name
        created = None if shared else ses.CfnReceiptRuleSet(self, "RuleSet", rule_set_name=settings.rule_set)
        in_set = created.ref if created else settings.rule_set
        self.domains = ReceivingDomains(self, "Domains", settings=settings)
        activation = Activation(self, "Activation", rule_set_name=in_set, settings=settings, code=code)
        # First of all: if another set is active, nothing is made.
        self.domains.node.add_dependency(activation.reads)
        rules = ReceiptRules(
            self, "Rules", settings=settings, rule_set_name=in_set, state=state, inbound=inbound
        )
        # SES verifies the sender of a bounce when the rule is created.
        rules.node.add_dependency(activation.reads, self.domains)
        # The set is active only with all its rules; on deletion it is deactivated before they go.
        activation.activates.node.add_dependency(rules)


class ReceiptRules(Construct):
    """The receipt rules, each after the one before it; their names in SES begin with that of the stage.

    Without `After`, SES inserts the first one at the beginning of the set. So the rules of a stage keep their
    order among themselves, and other rules of a set that they share keep theirs
    (https://docs.aws.amazon.com/ses/latest/APIReference/API_CreateReceiptRule.html).

    A rule that is moved or changed is updated in place, since its construct is named after it. A renamed rule
    is a new one, created in its place before the old one is deleted; so are all rules in another rule set.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        rule_set_name: str,
        state: State,
        inbound: Inbound,
    ) -> None:
        super().__init__(scope, construct_id)
        # SES writes and publishes a test message when a rule is created.
        needed: list[IDependable] = [*inbound.receipts.publishable, state.inbound_mail.writable]
        before: ses.CfnReceiptRule | None = None
        for rule in settings.inbound.receipt_rules:
            created = ses.CfnReceiptRule(
                self,
                f"Rule-{settings.rule_set}-{rule.name}",
                rule_set_name=rule_set_name,
                after=before.ref if before else None,
                rule=ses.CfnReceiptRule.RuleProperty(
                    name=settings.rule_name(rule.name),
                    enabled=rule.enabled,
                    scan_enabled=rule.scan,
                    tls_policy="Require" if rule.require_tls else "Optional",
                    recipients=list(rule.recipients),
                    actions=_actions(rule, state=state, inbound=inbound),
                ),
            )
            created.node.add_dependency(*needed)
            before = created


def _actions(rule: Rule, *, state: State, inbound: Inbound) -> list[ses.CfnReceiptRule.ActionProperty]:
    """Return a rule's actions: its own, and to stop if so set."""
    topic_arn = inbound.receipts.topic.topic_arn
    key = state.inbound_mail.key
    action = ses.CfnReceiptRule.ActionProperty(
        s3_action=ses.CfnReceiptRule.S3ActionProperty(
            bucket_name=state.inbound_mail.bucket.bucket_name,
            object_key_prefix=RAW_PREFIX,
            topic_arn=topic_arn,
            kms_key_arn=key.key_arn if key else None,
        )
        if rule.action == "s3"
        else None,
        sns_action=ses.CfnReceiptRule.SNSActionProperty(topic_arn=topic_arn, encoding=rule.encoding)
        if rule.action == "sns"
        else None,
        # It needs no right in IAM, but a sender that is verified in SES:
        # https://docs.aws.amazon.com/ses/latest/dg/receiving-email-action-bounce.html
        bounce_action=ses.CfnReceiptRule.BounceActionProperty(
            smtp_reply_code=rule.smtp_reply_code,
            status_code=rule.status_code,
            message=rule.message,
            sender=rule.sender or "",
        )
        if rule.action == "bounce"
        else None,
    )
    stop = ses.CfnReceiptRule.ActionProperty(
        stop_action=ses.CfnReceiptRule.StopActionProperty(scope="RuleSet")
    )
    return [action, stop] if rule.stops else [action]


class ReceivingDomains(Construct):
    """The domains that mail is received for. Each must be verified in SES: by an identity, or one above it.

    An identity is created for each that no identity verifies. `mx_records` has a record for each domain that
    a rule takes mail for: a receiving domain, or one below it.

    Identities are created one after the other, since SES takes one such call a second
    (https://docs.aws.amazon.com/ses/latest/dg/quotas.html).
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(scope, construct_id)
        created = [
            ses.EmailIdentity(self, domain, identity=ses.Identity.domain(domain))
            for domain in identities.to_create(settings)
        ]
        for before, identity in pairwise(created):
            identity.node.add_dependency(before)
        self.dns_records = tuple(record for identity in created for record in dkim_records(identity))
        recipients = (name for rule in settings.inbound.receipt_rules for name in rule.recipients)
        domains = dict.fromkeys(name.rpartition("@")[2] for name in recipients)
        self.mx_records = tuple(
            mx_record(f"*{name}" if name.startswith(".") else name, settings.region) for name in domains
        )
