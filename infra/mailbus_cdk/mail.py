"""The flows of mail: jobs to SES, SES's events to the bus, received mail to the bus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import Stack, Tags
from aws_cdk import aws_iam as iam
from aws_cdk import aws_ses as ses
from constructs import Construct

from mailbus.environment import InboundSettings, SenderSettings, TrackingSettings, to_environment
from mailbus.ses_events import SES_EVENT_TYPES
from mailbus_cdk.cdk_nag import acknowledge, acknowledge_patterns
from mailbus_cdk.constructs.alarms import Alarms
from mailbus_cdk.constructs.function import Function
from mailbus_cdk.constructs.identity import Identity, redirect_records
from mailbus_cdk.constructs.identity_feedback import Notifications
from mailbus_cdk.constructs.messaging import DeadLetters, SesTopic, TopicKey, WorkQueue
from mailbus_cdk.constructs.state import (
    ESP_EVENTS_PREFIX,
    JOBS_PREFIX,
    PARTS_PREFIX,
    RAW_PREFIX,
    SCHEDULED_PREFIX,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import aws_sqs as sqs

    from mailbus_cdk.constructs.function import Code
    from mailbus_cdk.constructs.state import Schedules, State
    from mailbus_cdk.settings.schema import Bulk, Settings, Transactional

# Throttled and paused jobs come back by their visibility timeout and each time count as received;
# the sender itself counts a job's attempts and moves it away with the reason.
# The most that SQS takes: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
SEND_RECEIVES: Final = 1000
# Half an hour of a bus that is away, or of a ledger.
NOTIFICATION_RECEIVES: Final = 10
# So that what Lambda could not hand to a function at once is not delivered twice:
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html#services-sqs-configure-queue
TIMEOUTS: Final = 6
# A send queue gives a job back sooner than that page says: half a minute after the function can no longer
# be at work on it. A job delivered a second time hurts nobody, since the ledger knows who holds it, and
# one whose worker died is not to wait for minutes.
SLACK_SECONDS: Final = 30
SCHEDULER: Final = "scheduler.amazonaws.com"


class Mail(Construct):
    """Sending, tracking and, where a domain is set, receiving; and the alarms on all of it."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, code: Code, state: State
    ) -> None:
        super().__init__(scope, construct_id)
        key = TopicKey(self, "TopicKey")
        self.identity = Identity(self, "Identity", settings=settings)
        self.tracking = Tracking(self, "Tracking", settings=settings, code=code, state=state, key=key)
        if settings.tracking.notified_identities:
            Notifications(
                self,
                "Notifications",
                settings=settings,
                code=code,
                identity=self.identity,
                events=self.tracking.events,
            )
        self.sending = Sending(
            self,
            "Sending",
            settings=settings,
            code=code,
            state=state,
            identity=self.identity,
            tracking=self.tracking,
        )
        self.inbound = (
            Inbound(self, "Inbound", settings=settings, code=code, state=state, key=key)
            if settings.inbound.domain
            else None
        )
        Alarms(self, "Alarms", settings=settings, mail=self)


class Tracking(Construct):
    """SES's events: configuration set, topic, queue, function, bus."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        code: Code,
        state: State,
        key: TopicKey,
    ) -> None:
        super().__init__(scope, construct_id)
        limits = settings.tracking
        self.dead_letters = DeadLetters(self, "DeadLetters")
        self.work = WorkQueue(
            self,
            "Work",
            hidden_seconds=TIMEOUTS * limits.timeout_seconds,
            batch_window_seconds=limits.batch_window_seconds,
            max_receive_count=NOTIFICATION_RECEIVES,
            dead_letters=self.dead_letters,
        )
        self.events = SesTopic(
            self,
            "Events",
            key=key,
            publisher_arns=[
                Stack.of(self).format_arn(service="ses", resource=resource, resource_name=name)
                for resource, names in {
                    "configuration-set": (settings.configuration_set, *settings.other_configuration_sets),
                    "identity": limits.notified_identities,
                }.items()
                for name in names
            ],
            subscriber=self.work,
        )
        self.configuration_set = ConfigurationSet(
            self, "ConfigurationSet", settings=settings, events=self.events
        )
        self.other_configuration_sets = OtherConfigurationSets(
            self, "OtherConfigurationSets", settings=settings, events=self.events
        )
        function = Function(
            self,
            "Tracker",
            name="tracking",
            description="Mailbus: SES events to the bus",
            code=code,
            settings=settings,
            memory_mb=limits.memory_mb,
            timeout_seconds=limits.timeout_seconds,
            environment=to_environment(
                TrackingSettings(
                    event_bus_name=state.bus.bus.event_bus_name,
                    dead_letter_queue_url=self.work.dead_letters.queue_url,
                    event_bytes=settings.events.entry_bytes,
                    tracking_topic_arn=self.events.topic.topic_arn,
                    tracking_queue_url=self.work.queue.queue_url,
                    ledger_table_name=state.ledger.table.table_name,
                    metadata_in_headers=settings.metadata_in_headers,
                    index_messages=settings.index_messages,
                    sender_seconds=settings.batch_seconds,
                    trusts_other_topics=settings.ses_is_elsewhere,
                    max_receives=NOTIFICATION_RECEIVES,
                    events_bucket_name=state.esp_events.bucket.bucket_name,
                    esp_events_prefix=ESP_EVENTS_PREFIX,
                )
            ),
        )
        function.allow(["dynamodb:BatchGetItem", "dynamodb:UpdateItem"], [state.ledger.table.table_arn])
        if settings.index_messages:
            # What is not written down yet is looked for a little later.
            function.allow(["sqs:ChangeMessageVisibility"], [self.work.queue.queue_arn])
        large = state.esp_events.bucket.arn_for_objects(f"{ESP_EVENTS_PREFIX}*")
        function.allow(["s3:PutObject"], [large])
        acknowledge_patterns(
            function, [large], "Keys are made of what is stored; the prefix is what can be named beforehand."
        )
        function.publishes_to(state.bus.bus)
        function.reads(self.work, batch_size=limits.batch_size, max_concurrency=limits.max_concurrency)


class ConfigurationSet(Construct):
    """The configuration set that mail is sent with unless its job says otherwise; its events go to one topic.

    One of another account or region is named only: nothing can be made in it from here.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings, events: SesTopic) -> None:
        super().__init__(scope, construct_id)
        self.name = settings.configuration_set
        made = None if settings.configuration_set_exists else self._made(self.name, settings)
        redirects = settings.tracking.custom_redirect_domain
        self.dns_records = redirect_records(redirects, settings.region) if redirects else ()
        self.arn = configuration_set_arn(self, settings, self.name)
        if not settings.ses_is_elsewhere:
            publish_events(self, "Events", made.ref if made else self.name, settings=settings, events=events)

    def _made(self, name: str, settings: Settings) -> ses.CfnConfigurationSet:
        redirects = settings.tracking.custom_redirect_domain
        return ses.CfnConfigurationSet(
            self,
            "Resource",
            name=name,
            tracking_options=ses.CfnConfigurationSet.TrackingOptionsProperty(custom_redirect_domain=redirects)
            if redirects
            else None,
        )


class OtherConfigurationSets(Construct):
    """Configuration sets that jobs may name instead; they are there already, and get an event destination."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings, events: SesTopic) -> None:
        super().__init__(scope, construct_id)
        names = settings.other_configuration_sets
        self.arns = [configuration_set_arn(self, settings, name) for name in names]
        if not settings.ses_is_elsewhere:
            for name in names:
                publish_events(self, name, name, settings=settings, events=events)


def configuration_set_arn(scope: Construct, settings: Settings, name: str) -> str:
    """Write the ARN of a configuration set of the SES that mail is sent by."""
    return Stack.of(scope).format_arn(
        service="ses",
        region=settings.session_params.region,
        resource="configuration-set",
        resource_name=name,
    )


def publish_events(
    scope: Construct,
    construct_id: str,
    configuration_set_name: str,
    *,
    settings: Settings,
    events: SesTopic,
) -> None:
    """Have SES publish what becomes of a configuration set's mail."""
    destination = ses.CfnConfigurationSetEventDestination(
        scope,
        construct_id,
        configuration_set_name=configuration_set_name,
        event_destination=ses.CfnConfigurationSetEventDestination.EventDestinationProperty(
            # Stages may share a set that they found.
            name=settings.name,
            enabled=True,
            matching_event_types=[known.template_name for known in SES_EVENT_TYPES.values()],
            sns_destination=ses.CfnConfigurationSetEventDestination.SnsDestinationProperty(
                topic_arn=events.topic.topic_arn
            ),
        ),
    )
    # SES tries to publish when the destination is made.
    destination.node.add_dependency(*events.publishable)


SEND_ACTIONS: Final = (
    "ses:SendEmail",
    "ses:SendRawEmail",
    "ses:SendBulkEmail",
    "ses:SendTemplatedEmail",
    "ses:SendBulkTemplatedEmail",
)
# Neither has a resource to scope to:
# https://docs.aws.amazon.com/ses/latest/dg/configuration-overrides.html
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_sesv2.html
UNSCOPED_ACTIONS: Final = ("ses:GetAccount", "ses:ApplyTrackingConfigurationOverrides")


class Sending(Construct):
    """Jobs: a queue for each lane, the function that reads both, SES."""

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
        limits = settings.sender
        self._state = state
        self.dead_letters = DeadLetters(self, "DeadLetters")
        self.transactional = self._lane("Transactional", settings, settings.transactional)
        self.bulk = self._lane("Bulk", settings, settings.bulk)
        lanes = (self.transactional, self.bulk)
        scheduling = Scheduling(self, "Scheduling", schedules=state.schedules, targets=self._queues)
        function = Function(
            self,
            "Sender",
            name="sender",
            description="Mailbus: send jobs to SES",
            code=code,
            settings=settings,
            memory_mb=limits.memory_mb,
            timeout_seconds=limits.timeout_seconds,
            environment=to_environment(
                SenderSettings(
                    event_bus_name=state.bus.bus.event_bus_name,
                    dead_letter_queue_url=self.dead_letters.queue.queue_url,
                    dead_letter_queue_arn=self.dead_letters.queue.queue_arn,
                    send_queue_url=self.transactional.queue.queue_url,
                    send_queue_arn=self.transactional.queue.queue_arn,
                    bulk_queue_url=self.bulk.queue.queue_url,
                    bulk_queue_arn=self.bulk.queue.queue_arn,
                    configuration_set_name=tracking.configuration_set.name,
                    message_tag_name=settings.message_tag_name,
                    metadata_in_headers=settings.metadata_in_headers,
                    send_defaults=settings.send_defaults,
                    source_buckets=settings.source_buckets,
                    jobs_bucket_name=state.jobs.bucket.bucket_name,
                    schedule_group_name=state.schedules.name,
                    schedule_role_arn=scheduling.role.role_arn,
                    max_attempts=settings.max_attempts,
                    ledger_table_name=state.ledger.table.table_name,
                    ledger_days=limits.ledger_days,
                    rate_cache_seconds=limits.rate_cache_seconds,
                    bulk_share=settings.bulk.share,
                    doubt_seconds=limits.doubt_seconds,
                    on_unknown=limits.on_unknown,
                    ses_connect_timeout=settings.client_params.connect_timeout,
                    ses_read_timeout=settings.client_params.read_timeout,
                    ses_role_arn=settings.session_params.role_arn,
                    ses_region=settings.session_params.region,
                    index_messages=settings.index_messages,
                    event_bytes=settings.events.entry_bytes,
                )
            ),
        )
        self.function_name = function.function.function_name
        self._allow_mail(function, settings, identity, tracking)
        self._allow_objects(function, settings)
        function.allow(
            # What a transaction does counts as these:
            # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
            [
                f"dynamodb:{action}"
                for action in ("GetItem", "PutItem", "UpdateItem", "BatchGetItem", "BatchWriteItem")
            ],
            [state.ledger.table.table_arn],
        )
        function.allow(
            ["sqs:SendMessage", "sqs:ChangeMessageVisibility"], [lane.queue.queue_arn for lane in lanes]
        )
        scheduling.allow(function)
        function.publishes_to(state.bus.bus)
        for name, lane, fed in (
            ("Transactional", self.transactional, settings.transactional),
            ("Bulk", self.bulk, settings.bulk),
        ):
            function.reads(
                lane, batch_size=fed.batch_size, max_concurrency=fed.max_concurrency, mapping_id=name
            )

    def grant_send(self, grantee: iam.IGrantable) -> None:
        """Let an application put jobs on both queues, large ones into the bucket, and cancel them."""
        iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["sqs:SendMessage", "sqs:ListQueueTags"],
            resource_arns=[queue.queue_arn for queue in (self.transactional.queue, self.bulk.queue)],
        )
        iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["dynamodb:UpdateItem"],
            resource_arns=[self._state.ledger.table.table_arn],
        )
        iam.Grant.add_to_principal(
            grantee=grantee, actions=["s3:PutObject"], resource_arns=self._job_objects()
        )

    @property
    def _queues(self) -> list[sqs.Queue]:
        return [self.transactional.queue, self.bulk.queue, self.dead_letters.queue]

    def _lane(self, name: str, settings: Settings, limits: Transactional | Bulk) -> WorkQueue:
        work = WorkQueue(
            self,
            name,
            hidden_seconds=settings.sender.timeout_seconds + SLACK_SECONDS,
            max_receive_count=SEND_RECEIVES,
            dead_letters=self.dead_letters,
            batch_window_seconds=limits.batch_window_seconds,
        )
        # By these an application that knows the queue alone finds the rest.
        for key, value in {
            "mailbus:stage": settings.stage,
            "mailbus:ledger-table": self._state.ledger.table.table_name,
            "mailbus:jobs-bucket": self._state.jobs.bucket.bucket_name,
        }.items():
            Tags.of(work.queue).add(key, value)
        return work

    def _allow_mail(
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
            list(SEND_ACTIONS),
            [
                *(identity.arn, *identity.other_arns),
                *(tracking.configuration_set.arn, *tracking.other_configuration_sets.arns),
                templates,
            ],
        )
        function.allow(list(UNSCOPED_ACTIONS), ["*"])
        acknowledge(
            function,
            "AwsSolutions-IAM5[Resource::*]",
            "SES has no resource to scope GetAccount and ApplyTrackingConfigurationOverrides to.",
        )
        acknowledge_patterns(function, [templates], "Jobs name templates, which are made after this.")

    def _allow_objects(self, function: Function, settings: Settings) -> None:
        readable = [
            self._state.jobs.bucket.arn_for_objects("*"),
            *(
                Stack.of(self).format_arn(service="s3", region="", account="", resource=f"{name}/*")
                for name in settings.source_buckets
            ),
        ]
        function.allow(["s3:GetObject", "s3:GetObjectVersion"], readable)
        function.allow(["s3:PutObject"], self._job_objects())
        acknowledge_patterns(
            function,
            [*readable, *self._job_objects()],
            "Jobs name their objects; the bucket, or the prefix, is what can be named beforehand.",
        )

    def _job_objects(self) -> list[str]:
        bucket = self._state.jobs.bucket
        return [bucket.arn_for_objects(f"{prefix}*") for prefix in (JOBS_PREFIX, SCHEDULED_PREFIX)]


class Scheduling(Construct):
    """What EventBridge Scheduler may do: put jobs on their queues when their time has come."""

    def __init__(
        self, scope: Construct, construct_id: str, *, schedules: Schedules, targets: Sequence[sqs.Queue]
    ) -> None:
        super().__init__(scope, construct_id)
        self._schedules = schedules
        # https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal(
                SCHEDULER,
                conditions={
                    "StringEquals": {
                        "aws:SourceAccount": Stack.of(self).account,
                        "aws:SourceArn": schedules.arn,
                    }
                },
            ),
        )
        self.role.add_to_policy(
            iam.PolicyStatement(
                actions=["sqs:SendMessage"], resources=[target.queue_arn for target in targets]
            )
        )

    def allow(self, function: Function) -> None:
        """Let a function make schedules in the group, that act as the role."""
        function.allow(["scheduler:CreateSchedule"], [self._schedules.schedule_arns])
        acknowledge_patterns(
            function,
            [self._schedules.schedule_arns],
            "A schedule is named after its job; the group bounds it.",
        )
        function.role.add_to_policy(
            iam.PolicyStatement(
                actions=["iam:PassRole"],
                resources=[self.role.role_arn],
                conditions={"StringEquals": {"iam:PassedToService": SCHEDULER}},
            )
        )


class Inbound(Construct):
    """Received mail: topic, queue, function, bus; SES has put the mail itself into the bucket."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        code: Code,
        state: State,
        key: TopicKey,
    ) -> None:
        super().__init__(scope, construct_id)
        limits = settings.inbound
        bucket = state.inbound_mail.bucket
        self.dead_letters = DeadLetters(self, "DeadLetters")
        self.work = WorkQueue(
            self,
            "Work",
            hidden_seconds=TIMEOUTS * limits.timeout_seconds,
            max_receive_count=NOTIFICATION_RECEIVES,
            dead_letters=self.dead_letters,
        )
        self.receipts = SesTopic(
            self,
            "Receipts",
            key=key,
            publisher_arns=[
                Stack.of(self).format_arn(
                    service="ses",
                    resource="receipt-rule-set",
                    resource_name=f"{settings.name}:receipt-rule/*",
                )
            ],
            subscriber=self.work,
        )
        function = Function(
            self,
            "Reader",
            name="inbound",
            description="Mailbus: received mail to the bus",
            code=code,
            settings=settings,
            memory_mb=limits.memory_mb,
            timeout_seconds=limits.timeout_seconds,
            environment=to_environment(
                InboundSettings(
                    event_bus_name=state.bus.bus.event_bus_name,
                    dead_letter_queue_url=self.work.dead_letters.queue_url,
                    inbound_bucket_name=bucket.bucket_name,
                    raw_prefix=RAW_PREFIX,
                    parts_prefix=PARTS_PREFIX,
                    event_bytes=settings.events.entry_bytes,
                    max_receives=NOTIFICATION_RECEIVES,
                    encrypted=limits.encrypted,
                )
            ),
        )
        function.allow(["s3:GetObject"], [bucket.arn_for_objects(f"{RAW_PREFIX}*")])
        # Mail that comes in a notification, from here or over HTTPS, is put where SES puts the rest.
        in_notifications = settings.webhook.topic_arns or any(
            rule.action == "sns" for rule in limits.receipt_rules
        )
        written = (RAW_PREFIX, PARTS_PREFIX) if in_notifications else (PARTS_PREFIX,)
        function.allow(["s3:PutObject"], [bucket.arn_for_objects(f"{prefix}*") for prefix in written])
        if state.inbound_mail.key:
            function.allow(["kms:Decrypt"], [state.inbound_mail.key.key_arn])
        acknowledge_patterns(
            function,
            [bucket.arn_for_objects(f"{prefix}*") for prefix in (RAW_PREFIX, PARTS_PREFIX)],
            "Keys are made of SES's message ids; the prefix is what can be named beforehand.",
        )
        function.publishes_to(state.bus.bus)
        function.reads(self.work, batch_size=limits.batch_size, max_concurrency=limits.max_concurrency)
