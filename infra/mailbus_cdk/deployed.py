"""A stage that is deployed already, as another CDK app uses it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final

from aws_cdk import Fn, Stack, Token
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from mailbus.errors import ConfigurationError
from mailbus.stages import QUEUE_URLS, Lane, check_stage, parameter_name
from mailbus_cdk.constructs import grants

if TYPE_CHECKING:
    from aws_cdk import aws_iam as iam

# where a queue's name is in its URL
QUEUE_NAME: Final = 4


class DeployedMailbus(Construct):
    """What applications use of a deployed stage: its bus, queues and buckets.

    CloudFormation reads their names from the stage's parameters in SSM whenever it deploys the stack, which
    must be in the account and region of the stage.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, stage: str, region: str | None, encrypted: bool
    ) -> None:
        super().__init__(scope, construct_id)
        check_stage(stage)
        own = Stack.of(self).region
        if region is not None and not Token.is_unresolved(own) and own != region:
            reason = (
                f"the stage {stage!r} is in {region}, but the stack is in {own}, where CloudFormation cannot "
                f"read its parameters; put what uses the stage into a stack in {region}"
            )
            raise ConfigurationError(reason)
        self._stage = stage
        self._encrypted = encrypted

    def grant_send(self, grantee: iam.IGrantable) -> None:
        """Allow to find the queues by the stage's name, enqueue jobs in both lanes, and cancel jobs."""
        grants.grant_send(
            grantee,
            scope=self,
            stage=self._stage,
            queues=(self.send_queue, self.bulk_queue),
            ledger=self.ledger_table,
            jobs=self.jobs_bucket,
        )

    def grant_read_inbound(self, grantee: iam.IGrantable) -> None:
        """Allow to read received mail: what `mailbus.inbound` reads of an event, and the raw mail."""
        grants.grant_read_inbound(grantee, bucket=self.inbound_bucket, key=self.inbound_key)

    def grant_status(self, grantee: iam.IGrantable) -> None:
        """Allow to read what became of mails: what `mailbus.Timeline` does. The stage has `timeline.days`."""
        grants.grant_status(grantee, scope=self, stage=self._stage, table=self.timeline_table)

    @cached_property
    def event_bus(self) -> events.IEventBus:
        """The bus with the events, for rules."""
        return events.EventBus.from_event_bus_name(self, "EventBus", self._output("EventBusName"))

    @cached_property
    def send_queue(self) -> sqs.IQueue:
        """The queue of urgent jobs. Senders need the rights of `grant_send`."""
        return self._queue("SendQueue", "transactional")

    @cached_property
    def bulk_queue(self) -> sqs.IQueue:
        """The queue of all other jobs."""
        return self._queue("BulkQueue", "bulk")

    @cached_property
    def inbound_bucket(self) -> s3.IBucket:
        """The bucket of received mail. Readers need the rights of `grant_read_inbound`."""
        return self._bucket("InboundBucket")

    @cached_property
    def inbound_key(self) -> kms.IKey | None:
        """The key that SES encrypts received mail with; None unless the stage was named as `encrypted`."""
        if not self._encrypted:
            return None
        return kms.Key.from_key_arn(self, "InboundKey", self._output("InboundKeyArn"))

    @cached_property
    def events_bucket(self) -> s3.IBucket:
        """The bucket of SES's own JSON of large events, to which `esp_event_ref` refers."""
        return self._bucket("EventsBucket")

    @cached_property
    def jobs_bucket(self) -> s3.IBucket:
        """The bucket of jobs that are too large for a message."""
        return self._bucket("JobsBucket")

    @cached_property
    def ledger_table(self) -> dynamodb.ITable:
        """The table of the ledger: what is known of each job."""
        return dynamodb.Table.from_table_name(self, "LedgerTable", self._output("LedgerTableName"))

    @cached_property
    def timeline_table(self) -> dynamodb.ITable:
        """The table of the timeline, of a stage with `timeline.days`."""
        return dynamodb.Table.from_table_name(self, "TimelineTable", self._output("TimelineTableName"))

    @cached_property
    def configuration_set_name(self) -> str:
        """The configuration set that mail is sent with."""
        return self._output("ConfigurationSetName")

    def _bucket(self, name: str) -> s3.IBucket:
        return s3.Bucket.from_bucket_name(self, name, self._output(f"{name}Name"))

    def _queue(self, name: str, lane: Lane) -> sqs.IQueue:
        # of one parameter, since a template must use all that it has; https://<host>/<account>/<name>
        url = self._output(QUEUE_URLS[lane])
        arn = Stack.of(self).format_arn(service="sqs", resource=Fn.select(QUEUE_NAME, Fn.split("/", url)))
        return sqs.Queue.from_queue_attributes(self, name, queue_arn=arn, queue_url=url)

    def _output(self, name: str) -> str:
        # a template parameter, not a dynamic reference: those are resolved after Fn::Split and Fn::Join, and
        # again only when their resource changes
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references-ssm.html
        return ssm.StringParameter.value_for_string_parameter(self, parameter_name(self._stage, name))
