"""All of Mailbus: as stacks of its own, or as one construct in another CDK app."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import Annotations, Aws, CfnRule, CfnRuleAssertion, Environment, Fn, Stack, Token
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from mailbus.errors import ConfigurationError
from mailbus_cdk import neighbours
from mailbus_cdk.constructs import grants
from mailbus_cdk.constructs.function import Code, Function
from mailbus_cdk.constructs.queues import STAGE_TAG
from mailbus_cdk.constructs.receipt_rules import Receiving
from mailbus_cdk.constructs.state import State
from mailbus_cdk.constructs.webhook import Webhook
from mailbus_cdk.deployed import DeployedMailbus
from mailbus_cdk.mail import Mail
from mailbus_cdk.outputs import Outputs
from mailbus_cdk.packaging import ARCHITECTURE_CONTEXT
from mailbus_cdk.settings import domains

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_cdk import aws_dynamodb as dynamodb
    from aws_cdk import aws_events as events
    from aws_cdk import aws_iam as iam
    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_lambda as lambda_
    from aws_cdk import aws_s3 as s3
    from aws_cdk import aws_sns as sns
    from aws_cdk import aws_sqs as sqs

    from mailbus_cdk.constructs.inbound import Inbound
    from mailbus_cdk.dns_records import DnsRecord
    from mailbus_cdk.settings import Settings


# The architecture of functions that run on this machine.
ON_EMBEDDED_AWS: Final = "host"


class Mailbus(Construct):
    """All of Mailbus in one stack of any CDK app.

        settings = Settings(stage="prod", region="eu-west-1", identity="example.com")
        mailbus = Mailbus(self, "Mail", settings=settings)
        mailbus.grant_send(role)

    The stack's region must be that of the settings; where it is not known at synth, CloudFormation deploys
    the stack to no other. The domains of the documentation's examples are for the embedded AWS; otherwise
    they are errors, with which the CDK deploys nothing. Stored data is retained when the stack is deleted. An
    app may have several: of other stages, in other regions or accounts. Wrong settings, and two of the same
    stage, raise `ConfigurationError`.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(scope, construct_id)
        region = Stack.of(self).region
        if not Token.is_unresolved(region) and region != settings.region:
            reason = (
                f"region: is {settings.region} in the settings, but the stack is in {region}; make them equal"
            )
            raise ConfigurationError(reason)
        if Token.is_unresolved(region):
            self._require_region(settings.region)
        self.settings = settings
        for other in self.node.root.node.find_all():
            if isinstance(other, Mailbus) and other is not self:
                neighbours.refuse_clash(self, settings, other, other.settings)
        architecture = self.node.try_get_context(ARCHITECTURE_CONTEXT) or settings.architecture
        if architecture != ON_EMBEDDED_AWS:
            for reason in domains.reserved(settings):
                # an app's own tests may synthesize it; the CDK deploys nothing that has errors
                Annotations.of(self).add_error(reason)
        code = Code(architecture)
        self._state = State(self, "State", settings=settings)
        self._mail = Mail(self, "Mail", settings=settings, code=code, state=self._state)
        self._receiving = self._receive(settings, code, self._mail.inbound) if self._mail.inbound else None
        self._webhook = self._hook(settings, code) if settings.webhook.topic_arns else None
        self._write_outputs(settings)

    def _require_region(self, region: str) -> None:
        description = f"the settings of Mailbus are for {region}: deploy the stack there, or correct region"
        # before anything is created: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/rules-section-structure.html
        CfnRule(
            self,
            "Region",
            assertions=[
                CfnRuleAssertion(
                    assert_=Fn.condition_equals(Aws.REGION, region), assert_description=description
                )
            ],
        )

    def _receive(self, settings: Settings, code: Code, inbound: Inbound) -> Receiving:
        receiving = Receiving(
            self, "Receiving", settings=settings, code=code, state=self._state, inbound=inbound
        )
        # Its sender of bounces may be of the identity; and SES takes one call a second, so that its resources
        # are made in turn.
        receiving.node.add_dependency(self._mail.in_ses)
        return receiving

    def _hook(self, settings: Settings, code: Code) -> Webhook:
        return Webhook(
            self,
            "Webhook",
            settings=settings,
            code=code,
            tracking=self._mail.tracking.work.queue,
            inbound=self.inbound_queue,
        )

    def _write_outputs(self, settings: Settings) -> None:
        outputs = Outputs(self, stage=settings.stage)
        outputs.settings(settings)
        outputs.state(self._state)
        outputs.mail(self._mail)
        if self._receiving:
            outputs.receiving(self._receiving)
        if self._webhook:
            outputs.webhook(self._webhook)

    @staticmethod
    def from_stage(
        scope: Construct,
        construct_id: str,
        *,
        stage: str,
        region: str | None = None,
        encrypted: bool = False,
    ) -> DeployedMailbus:
        """Return a deployed stage of the same account and region, for an app that only uses it.

        With `region`, that of the stage, a stack in another one is an error at synth, not at deploy.
        `encrypted` is true if the stage has `inbound.encrypt`, so that `grant_read_inbound` has the key.
        """
        return DeployedMailbus(scope, construct_id, stage=stage, region=region, encrypted=encrypted)

    def grant_send(self, grantee: iam.IGrantable) -> None:
        """Allow to find the queues by the stage's name, enqueue jobs in both lanes, and cancel jobs."""
        self._mail.sending.grant_send(grantee)

    def grant_read_inbound(self, grantee: iam.IGrantable) -> None:
        """Allow to read received mail: what `mailbus.inbound` reads of an event, and the raw mail.

        Encrypted mail (`inbound.encrypt`) is stored encrypted: the key may be used to decrypt it.
        """
        stored = self._state.inbound_mail
        grants.grant_read_inbound(grantee, bucket=stored.bucket, key=stored.key)

    def grant_status(self, grantee: iam.IGrantable) -> None:
        """Allow to read what became of mails: what `mailbus.Timeline` does.

        Raises `ConfigurationError` without `timeline.days`.
        """
        if self._state.timeline is None:
            reason = f"the stage {self.settings.stage!r} keeps no timeline; set timeline.days and deploy"
            raise ConfigurationError(reason)
        grants.grant_status(grantee, scope=self, stage=self.settings.stage, table=self._state.timeline.table)

    @property
    def event_bus(self) -> events.IEventBus:
        """The bus with the events, for rules."""
        return self._state.bus.bus

    @property
    def event_archive(self) -> events.Archive | None:
        """The archive of the bus; None in a region without archives."""
        return self._state.bus.archive

    @property
    def send_queue(self) -> sqs.IQueue:
        """The queue of urgent jobs. Senders need the rights of `grant_send`."""
        return self._mail.sending.transactional.queue

    @property
    def bulk_queue(self) -> sqs.IQueue:
        """The queue of all other jobs."""
        return self._mail.sending.bulk.queue

    @property
    def send_dead_letter_queue(self) -> sqs.IQueue:
        """Jobs of both queues that could not be sent."""
        return self._mail.sending.dead_letters.queue

    @property
    def tracking_topic(self) -> sns.ITopic:
        """The topic that SES publishes its events to."""
        return self._mail.tracking.events.topic

    @property
    def tracking_queue(self) -> sqs.IQueue:
        """The queue of SES's events."""
        return self._mail.tracking.work.queue

    @property
    def tracking_dead_letter_queue(self) -> sqs.IQueue:
        """SES's events that could not be processed."""
        return self._mail.tracking.dead_letters.queue

    @property
    def inbound_topic(self) -> sns.ITopic | None:
        """The topic that SES publishes received mail to; None without `inbound.domains`."""
        return self._mail.inbound.receipts.topic if self._mail.inbound else None

    @property
    def inbound_queue(self) -> sqs.IQueue | None:
        """The queue of received mail; None without `inbound.domains`."""
        return self._mail.inbound.work.queue if self._mail.inbound else None

    @property
    def inbound_dead_letter_queue(self) -> sqs.IQueue | None:
        """Received mail that could not be processed; None without `inbound.domains`."""
        return self._mail.inbound.dead_letters.queue if self._mail.inbound else None

    @property
    def inbound_bucket(self) -> s3.IBucket:
        """The bucket of received mail. Readers need the rights of `grant_read_inbound`."""
        return self._state.inbound_mail.bucket

    @property
    def inbound_key(self) -> kms.IKey | None:
        """The key that SES encrypts received mail with; None without `inbound.encrypt`."""
        return self._state.inbound_mail.key

    @property
    def events_bucket(self) -> s3.IBucket:
        """The bucket of SES's own JSON of large events, to which `esp_event_ref` refers."""
        return self._state.esp_events.bucket

    @property
    def jobs_bucket(self) -> s3.IBucket:
        """The bucket of jobs that are too large for a message."""
        return self._state.jobs.bucket

    @property
    def ledger_table(self) -> dynamodb.ITable:
        """The table of the ledger: what is known of each job."""
        return self._state.ledger.table

    @property
    def timeline_table(self) -> dynamodb.ITable | None:
        """The table of the timeline, read with `grant_status`; None without `timeline.days`."""
        return self._state.timeline.table if self._state.timeline else None

    @property
    def timeline_queue(self) -> sqs.IQueue | None:
        """The queue of events for the timeline; None without `timeline.days`."""
        return self._mail.timeline.work.queue if self._mail.timeline else None

    @property
    def timeline_dead_letter_queue(self) -> sqs.IQueue | None:
        """Events that are not in the timeline; None without `timeline.days`."""
        return self._mail.timeline.dead_letters.queue if self._mail.timeline else None

    @property
    def configuration_set_name(self) -> str:
        """The configuration set that mail is sent with."""
        return self._mail.tracking.configuration_set.name

    @property
    def identity_arn(self) -> str:
        """The ARN of the identity that mail is sent from."""
        return self._mail.identity.arn

    @property
    def rule_set_name(self) -> str | None:
        """The receipt rule set; None without `inbound.domains`."""
        return self._receiving.rule_set_name if self._receiving else None

    @property
    def webhook_url(self) -> str | None:
        """The URL to which SNS delivers; None without `webhook.topic_arns`."""
        return self._webhook.url if self._webhook else None

    @property
    def webhook_secret_arn(self) -> str | None:
        """The secret with the webhook's password; None without `webhook.topic_arns`."""
        return self._webhook.credentials.arn if self._webhook else None

    @property
    def dns_records(self) -> tuple[DnsRecord, ...]:
        """The DNS records to create: all that are not created in the hosted zone of the settings."""
        sending = (record for records in self._mail.identity.dns_records.values() for record in records)
        redirects = self._mail.tracking.configuration_set.dns_records
        domains = self._receiving.domains if self._receiving else None
        receiving = (*domains.dns_records, *domains.mx_records) if domains else ()
        return (*sending, *redirects, *receiving)

    @property
    def functions(self) -> Mapping[str, lambda_.IFunction]:
        """The functions by name, such as `sender` and `tracking`, for alarms and further rights."""
        return {part.name: part.function for part in self.node.find_all() if isinstance(part, Function)}

    @property
    def alarms(self) -> tuple[cloudwatch.Alarm, ...]:
        """The alarms, for actions besides `alarms.topic_arn`."""
        return tuple(part for part in self.node.find_all() if isinstance(part, cloudwatch.Alarm))


def deployment(app: Construct, *, settings: Settings) -> list[Stack]:
    """Create the stacks of a stage: stored data in one, what processes mail in another.

    Receipt rules have a stack of their own, since one rule set is active per account and region.
    """
    code = Code(settings.architecture)
    state = _state(app, settings)
    mail = _mail(app, settings, code, state)
    parts: list[Construct] = [state, mail]
    if mail.inbound:
        parts.append(_receiving(app, settings, code, state, mail.inbound))
    if settings.webhook.topic_arns:
        parts.append(_webhook(app, settings, code, mail))
    return [Stack.of(part) for part in parts]


def _state(app: Construct, settings: Settings) -> State:
    stack = _stack(app, "state", settings, "stored data")
    state = State(stack, "State", settings=settings)
    Outputs(stack, stage=settings.stage).state(state)
    return state


def _mail(app: Construct, settings: Settings, code: Code, state: State) -> Mail:
    stack = _stack(app, "mail", settings, "queues, topics and functions")
    mail = Mail(stack, "Mail", settings=settings, code=code, state=state)
    outputs = Outputs(stack, stage=settings.stage)
    outputs.settings(settings)
    outputs.mail(mail)
    return mail


def _receiving(app: Construct, settings: Settings, code: Code, state: State, inbound: Inbound) -> Receiving:
    stack = _stack(app, "receiving", settings, "receipt rules")
    receiving = Receiving(stack, "Receiving", settings=settings, code=code, state=state, inbound=inbound)
    Outputs(stack, stage=settings.stage).receiving(receiving)
    return receiving


def _webhook(app: Construct, settings: Settings, code: Code, mail: Mail) -> Webhook:
    stack = _stack(app, "webhook", settings, "SNS over HTTPS")
    webhook = Webhook(
        stack,
        "Webhook",
        settings=settings,
        code=code,
        tracking=mail.tracking.work.queue,
        inbound=mail.inbound.work.queue if mail.inbound else None,
    )
    Outputs(stack, stage=settings.stage).webhook(webhook)
    return webhook


def _stack(app: Construct, part: str, settings: Settings, description: str) -> Stack:
    return Stack(
        app,
        settings.stack_name(part),
        description=f"Mailbus ({settings.stage}): {description}",
        # No account: it is that of the deployer's credentials, so that synthesizing needs none.
        env=Environment(region=settings.region),
        termination_protection=part == "state" and not settings.ephemeral,
        tags={STAGE_TAG: settings.stage},
    )
