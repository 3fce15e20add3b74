"""Sending: a queue for each lane, and the function that takes their jobs to SES."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import Stack, Tags
from constructs import Construct

from mailbus.environment import JOBS_BUCKET_TAG, LEDGER_TABLE_TAG, SenderSettings, to_environment
from mailbus_cdk import limits
from mailbus_cdk.cdk_nag import suppress, suppress_wildcards
from mailbus_cdk.constructs import grants
from mailbus_cdk.constructs.function import Function
from mailbus_cdk.constructs.queues import STAGE_TAG, DeadLetterQueue, WorkQueue
from mailbus_cdk.constructs.scheduling import Scheduling

if TYPE_CHECKING:
    from aws_cdk import aws_iam as iam

    from mailbus_cdk.constructs.function import Code
    from mailbus_cdk.constructs.identity import Identity
    from mailbus_cdk.constructs.state import State
    from mailbus_cdk.constructs.tracking import Tracking
    from mailbus_cdk.settings import Settings

SEND_ACTIONS: Final = ("ses:SendEmail", "ses:SendRawEmail", "ses:SendTemplatedEmail")
BULK_ACTIONS: Final = ("ses:SendBulkEmail", "ses:SendBulkTemplatedEmail")
# SES has no resource to scope these to:
# https://docs.aws.amazon.com/ses/latest/dg/configuration-overrides.html
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_sesv2.html
UNSCOPED_ACTIONS: Final = ("ses:GetAccount", "ses:ApplyTrackingConfigurationOverrides")
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-iam.html
LEDGER_ACTIONS: Final = (
    "dynamodb:PartiQLInsert",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
    "dynamodb:BatchGetItem",
    "dynamodb:BatchWriteItem",
)


class Sending(Construct):
    """The queues of both lanes, their dead-letter queue, and the sender."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        code: Code,
        state: State,
        identity: Identity,
        tracking: Tracking,
    ) -> None:
        super().__init__(scope, construct_id)
        self._state = state
        self._stage = settings.stage
        self.doubt_seconds = settings.sender.doubt_seconds
        self.dead_letters = DeadLetterQueue(self, "DeadLetters")
        self.transactional = self._lane("Transactional", settings)
        self.bulk = self._lane("Bulk", settings)
        scheduling = Scheduling(
            self,
            "Scheduling",
            schedules=state.schedules,
            targets=[self.transactional.queue, self.bulk.queue, self.dead_letters.queue],
        )
        function = self._function(settings, code, tracking, scheduling)
        self.function = function
        self.function_name = function.function.function_name
        self._grant_mail(function, settings, identity, tracking)
        self._grant_objects(function, settings)
        self._grant_services(function, scheduling)
        # A mail in doubt is not sent again while its report may be there.
        function.allow(["sqs:GetQueueAttributes"], [tracking.work.queue.queue_arn])
        for name, lane, concurrency in (
            ("Transactional", self.transactional, settings.transactional_workers),
            ("Bulk", self.bulk, settings.bulk_workers),
        ):
            function.reads(lane, max_concurrency=concurrency, mapping_id=name)

    def grant_send(self, grantee: iam.IGrantable) -> None:
        """Allow an application to enqueue jobs in both lanes, store large ones, and cancel jobs."""
        grants.grant_send(
            grantee,
            scope=self,
            stage=self._stage,
            queues=(self.transactional.queue, self.bulk.queue),
            ledger=self._state.ledger.table,
            jobs=self._state.jobs.bucket,
        )

    def _lane(self, name: str, settings: Settings) -> WorkQueue:
        sender = limits.sender(settings)
        work = WorkQueue(
            self,
            name,
            limits=sender,
            visibility_seconds=sender.timeout_seconds + limits.SEND_SLACK_SECONDS,
            max_receive_count=limits.SEND_RECEIVES,
            dead_letters=self.dead_letters,
        )
        # An application that knows only the queue finds the rest by these.
        for key, value in {
            STAGE_TAG: settings.stage,
            LEDGER_TABLE_TAG: self._state.ledger.table.table_name,
            JOBS_BUCKET_TAG: self._state.jobs.bucket.bucket_name,
        }.items():
            Tags.of(work.queue).add(key, value)
        return work

    def _function(
        self, settings: Settings, code: Code, tracking: Tracking, scheduling: Scheduling
    ) -> Function:
        sender = limits.sender(settings)
        return Function(
            self,
            "Sender",
            name="sender",
            description="Mailbus: send jobs to SES",
            code=code,
            settings=settings,
            memory_mb=sender.memory_mb,
            timeout_seconds=sender.timeout_seconds,
            environment=to_environment(
                SenderSettings(
                    event_bus_name=self._state.bus.bus.event_bus_name,
                    dead_letter_queue_url=self.dead_letters.queue.queue_url,
                    dead_letter_queue_arn=self.dead_letters.queue.queue_arn,
                    send_queue_url=self.transactional.queue.queue_url,
                    send_queue_arn=self.transactional.queue.queue_arn,
                    bulk_queue_url=self.bulk.queue.queue_url,
                    bulk_queue_arn=self.bulk.queue.queue_arn,
                    tracking_queue_url=tracking.work.queue.queue_url,
                    configuration_set_name=tracking.configuration_set.name,
                    message_tag_name=settings.message_tag_name,
                    metadata_in_headers=settings.metadata_in_headers,
                    send_defaults=settings.send_defaults,
                    source_buckets=settings.source_buckets,
                    jobs_bucket_name=self._state.jobs.bucket.bucket_name,
                    schedule_group_name=self._state.schedules.name,
                    schedule_role_arn=scheduling.role.role_arn,
                    max_attempts=settings.max_attempts,
                    ledger_table_name=self._state.ledger.table.table_name,
                    ledger_days=settings.sender.ledger_days,
                    rate_cache_seconds=limits.rate_cache_seconds(settings),
                    expected_rate=limits.expected_rate(settings),
                    bulk_share=settings.bulk.share,
                    doubt_seconds=settings.sender.doubt_seconds,
                    on_unknown=settings.sender.on_unknown,
                    merge_by=settings.sender.merge_by,
                    ses_connect_timeout=settings.client_params.connect_timeout,
                    ses_read_timeout=settings.client_params.read_timeout,
                    ses_role_arn=settings.session_params.role_arn,
                    ses_region=settings.session_params.region,
                    index_messages=settings.index_messages,
                    event_bytes=settings.events.entry_bytes,
                )
            ),
        )

    def _grant_mail(
        self, function: Function, settings: Settings, identity: Identity, tracking: Tracking
    ) -> None:
        elsewhere = settings.session_params
        if elsewhere.role_arn:
            function.allow(["sts:AssumeRole"], [elsewhere.role_arn])
            return
        templates = Stack.of(self).format_arn(
            service="ses", region=elsewhere.region, resource="template", resource_name="*"
        )
        function.allow(
            [*SEND_ACTIONS, *(BULK_ACTIONS if settings.sender.merge_by == "SendBulkEmail" else ())],
            [
                *(identity.arn, *identity.other_arns, *identity.recipient_arns),
                *(tracking.configuration_set.arn, *tracking.other_configuration_sets.arns),
                templates,
            ],
        )
        function.allow(list(UNSCOPED_ACTIONS), ["*"])
        suppress(
            function,
            "AwsSolutions-IAM5[Resource::*]",
            "SES has no resource to scope GetAccount and ApplyTrackingConfigurationOverrides to.",
        )
        suppress_wildcards(function, [templates], "Jobs name templates, which are created later.")

    def _grant_objects(self, function: Function, settings: Settings) -> None:
        readable = [
            self._state.jobs.bucket.arn_for_objects("*"),
            *(
                Stack.of(self).format_arn(service="s3", region="", account="", resource=f"{name}/*")
                for name in settings.source_buckets
            ),
        ]
        function.allow(["s3:GetObject", "s3:GetObjectVersion"], readable)
        function.allow(["s3:PutObject"], grants.job_objects(self._state.jobs.bucket))
        suppress_wildcards(
            function,
            [*readable, *grants.job_objects(self._state.jobs.bucket)],
            "Jobs name their objects; only the bucket, or the prefix, is known beforehand.",
        )

    def _grant_services(self, function: Function, scheduling: Scheduling) -> None:
        function.allow(list(LEDGER_ACTIONS), [self._state.ledger.table.table_arn])
        function.allow(
            ["sqs:SendMessage", "sqs:ChangeMessageVisibility"],
            [self.transactional.queue.queue_arn, self.bulk.queue.queue_arn],
        )
        scheduling.grant_schedule(function)
        function.publishes_to(self._state.bus.bus)
