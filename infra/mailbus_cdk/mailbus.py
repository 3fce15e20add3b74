"""Mailbus, whole: a few stacks for a deployment of its own, or one construct inside somebody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import CfnOutput, Environment, Stack, Token
from constructs import Construct

from mailbus.errors import ConfigurationError
from mailbus_cdk.constructs.function import Code
from mailbus_cdk.constructs.receipt_rules import Receiving
from mailbus_cdk.constructs.state import State
from mailbus_cdk.constructs.webhook import Webhook
from mailbus_cdk.mail import Mail

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from aws_cdk import aws_iam as iam

    from mailbus_cdk.settings.schema import Settings


class Mailbus(Construct):
    """All of Mailbus in the stack that it is made in, whose region must be the settings' own."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(scope, construct_id)
        region = Stack.of(self).region
        if not Token.is_unresolved(region) and region != settings.region:
            reason = (
                f"region: the settings say {settings.region}, but the stack is in {region}; make them agree"
            )
            raise ConfigurationError(reason)
        code = Code(settings.architecture)
        self.state = State(self, "State", settings=settings)
        self.mail = Mail(self, "Mail", settings=settings, code=code, state=self.state)
        self.receiving = (
            Receiving(
                self,
                "Receiving",
                settings=settings,
                code=code,
                state=self.state,
                inbound=self.mail.inbound,
            )
            if self.mail.inbound
            else None
        )
        self.webhook = (
            Webhook(self, "Webhook", settings=settings, code=code, mail=self.mail)
            if settings.webhook.topic_arns
            else None
        )

    def grant_send(self, grantee: iam.IGrantable) -> None:
        """Let an application send: put jobs on both queues, large ones into the bucket, and cancel them."""
        self.mail.sending.grant_send(grantee)


def deployment(app: Construct, *, settings: Settings) -> list[Stack]:
    """Lay a stage out in stacks: what must not be lost apart from what carries mail.

    Receipt rules stand apart from both, since one rule set is active per account and region.
    """
    code = Code(settings.architecture)

    state_stack = _stack(app, "state", settings, "what is kept")
    state = State(state_stack, "State", settings=settings)
    _outputs(
        state_stack,
        {
            **({"EventArchiveName": state.bus.archive.archive_name} if state.bus.archive else {}),
            "EventBusName": state.bus.bus.event_bus_name,
            "EventsBucketName": state.esp_events.bucket.bucket_name,
            "InboundBucketName": state.inbound_mail.bucket.bucket_name,
            "JobsBucketName": state.jobs.bucket.bucket_name,
            "LedgerTableName": state.ledger.table.table_name,
            **({"InboundKeyArn": state.inbound_mail.key.key_arn} if state.inbound_mail.key else {}),
        },
    )

    mail_stack = _stack(app, "mail", settings, "what carries mail and its events")
    mail = Mail(mail_stack, "Mail", settings=settings, code=code, state=state)
    _outputs(
        mail_stack,
        {
            "ConfigurationSetName": mail.tracking.configuration_set.name,
            "SendQueueUrl": mail.sending.transactional.queue.queue_url,
            "BulkQueueUrl": mail.sending.bulk.queue.queue_url,
            "SendDeadLetterQueueUrl": mail.sending.dead_letters.queue.queue_url,
            "TrackingTopicArn": mail.tracking.events.topic.topic_arn,
            "TrackingQueueUrl": mail.tracking.work.queue.queue_url,
            "TrackingDeadLetterQueueUrl": mail.tracking.dead_letters.queue.queue_url,
        },
    )
    for name, records in {
        **mail.identity.dns_records,
        "RedirectRecord": mail.tracking.configuration_set.dns_records,
    }.items():
        _dns_outputs(mail_stack, name, [str(record) for record in records])
    return [
        state_stack,
        mail_stack,
        *_receiving(app, settings=settings, code=code, state=state, mail=mail),
        *_webhook(app, settings=settings, code=code, mail=mail),
    ]


def _receiving(
    app: Construct, *, settings: Settings, code: Code, state: State, mail: Mail
) -> Iterator[Stack]:
    if not mail.inbound:
        return
    _outputs(
        Stack.of(mail),
        {
            "InboundTopicArn": mail.inbound.receipts.topic.topic_arn,
            "InboundQueueUrl": mail.inbound.work.queue.queue_url,
            "InboundDeadLetterQueueUrl": mail.inbound.dead_letters.queue.queue_url,
        },
    )

    receiving_stack = _stack(app, "receiving", settings, "what SES does with mail that arrives")
    receiving = Receiving(
        receiving_stack, "Receiving", settings=settings, code=code, state=state, inbound=mail.inbound
    )
    _outputs(receiving_stack, {"RuleSetName": receiving.rule_set_name})
    _dns_outputs(receiving_stack, "InboundDkimRecord", receiving.mail_domain.dns_records)
    _dns_outputs(receiving_stack, "MxRecord", receiving.mail_domain.mx_records)
    yield receiving_stack


def _webhook(app: Construct, *, settings: Settings, code: Code, mail: Mail) -> Iterator[Stack]:
    if not settings.webhook.topic_arns:
        return
    stack = _stack(app, "webhook", settings, "what takes SNS over HTTPS")
    webhook = Webhook(stack, "Webhook", settings=settings, code=code, mail=mail)
    _outputs(stack, {"WebhookUrl": webhook.url, "WebhookSecretArn": webhook.credentials.arn})
    yield stack


def _stack(app: Construct, part: str, settings: Settings, description: str) -> Stack:
    return Stack(
        app,
        f"{settings.name}-{part}",
        description=f"Mailbus ({settings.stage}): {description}",
        # No account: that of whoever deploys, so that synthesizing needs none.
        env=Environment(region=settings.region),
        termination_protection=part == "state" and not settings.ephemeral,
        tags={"mailbus:stage": settings.stage},
    )


def _outputs(stack: Stack, values: Mapping[str, str]) -> None:
    for name, value in values.items():
        CfnOutput(stack, name, value=value)


def _dns_outputs(stack: Stack, name: str, records: Sequence[str]) -> None:
    for number, record in enumerate(records, start=1):
        CfnOutput(stack, f"{name}{number}", value=record, description="a DNS record to create by hand")
