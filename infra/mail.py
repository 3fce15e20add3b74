"""The flows of mail: jobs to SES, SES's events to the bus, received mail to the bus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import Stack
from aws_cdk import aws_ses as ses
from constructs import Construct

from infra.acknowledged import acknowledge
from infra.function import Function
from infra.messaging import SesTopic, TopicKey, WorkQueue
from infra.state import PARTS_PREFIX, RAW_PREFIX
from mailbus.settings import InboundSettings, SenderSettings, TrackingSettings, to_environment

if TYPE_CHECKING:
    from infra.function import Code
    from infra.settings import Settings
    from infra.state import State

# Throttled and paused jobs come back by their visibility timeout and each time count as received;
# the sender itself counts a job's attempts and moves it away with the reason.
# The most that SQS takes: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
SEND_RECEIVES: Final = 1000
NOTIFICATION_RECEIVES: Final = 5


class Mail(Construct):
    """Sending, tracking and, where a domain is set, receiving."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, code: Code, state: State
    ) -> None:
        super().__init__(scope, construct_id)
        key = TopicKey(self, "TopicKey")
        self.identity = Identity(self, "Identity", settings=settings)
        self.tracking = Tracking(self, "Tracking", settings=settings, code=code, state=state, key=key)
        self.sending = Sending(
            self,
            "Sending",
            settings=settings,
            code=code,
            state=state,
            identity=self.identity,
            configuration_set=self.tracking.configuration_set,
        )
        self.inbound = (
            Inbound(self, "Inbound", settings=settings, code=code, state=state, key=key)
            if settings.inbound.domain
            else None
        )


class Identity(Construct):
    """The domain or address that mail is sent from. `dns_records` are to be created by hand."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(scope, construct_id)
        is_domain = "@" not in settings.identity
        identity = ses.EmailIdentity(
            self,
            "Identity",
            identity=ses.Identity.domain(settings.identity)
            if is_domain
            else ses.Identity.email(settings.identity),
            dkim_signing=is_domain or None,
        )
        self.arn = identity.email_identity_arn
        self.dns_records = (
            [f"{record.name} CNAME {record.value}" for record in identity.dkim_records] if is_domain else []
        )


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
        name = settings.configuration_set_name or settings.name
        self.work = WorkQueue(
            self,
            "Work",
            function_timeout_seconds=limits.timeout_seconds,
            batch_window_seconds=limits.batch_window_seconds,
            max_receive_count=NOTIFICATION_RECEIVES,
        )
        self.events = SesTopic(
            self,
            "Events",
            key=key,
            publisher_arns=[
                Stack.of(self).format_arn(service="ses", resource="configuration-set", resource_name=name)
            ],
            subscriber=self.work,
        )
        self.configuration_set = ConfigurationSet(self, "ConfigurationSet", name=name, events=self.events)
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
                    tracking_topic_arn=self.events.topic.topic_arn,
                )
            ),
        )
        function.publishes_to(state.bus.bus)
        function.reads(self.work, batch_size=limits.batch_size, max_concurrency=limits.max_concurrency)


class ConfigurationSet(Construct):
    """The configuration set that every mail is sent with; all its events go to one topic."""

    def __init__(self, scope: Construct, construct_id: str, *, name: str, events: SesTopic) -> None:
        super().__init__(scope, construct_id)
        self.configuration_set = ses.CfnConfigurationSet(self, "Resource", name=name)
        self.name = name
        self.arn = Stack.of(self).format_arn(service="ses", resource="configuration-set", resource_name=name)
        destination = ses.CfnConfigurationSetEventDestination(
            self,
            "Events",
            configuration_set_name=self.configuration_set.ref,
            event_destination=ses.CfnConfigurationSetEventDestination.EventDestinationProperty(
                name="mailbus",
                enabled=True,
                matching_event_types=list(EVENT_TYPES),
                sns_destination=ses.CfnConfigurationSetEventDestination.SnsDestinationProperty(
                    topic_arn=events.topic.topic_arn
                ),
            ),
        )
        # SES tries to publish when the destination is made.
        destination.node.add_dependency(*events.publishable)


# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-ses-configurationseteventdestination-eventdestination.html
EVENT_TYPES: Final = (
    "send",
    "reject",
    "bounce",
    "complaint",
    "delivery",
    "open",
    "click",
    "renderingFailure",
    "deliveryDelay",
    "subscription",
)


class Sending(Construct):
    """Jobs: queue, function, SES."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        code: Code,
        state: State,
        identity: Identity,
        configuration_set: ConfigurationSet,
    ) -> None:
        super().__init__(scope, construct_id)
        limits = settings.sender
        self.work = WorkQueue(
            self,
            "Work",
            function_timeout_seconds=limits.timeout_seconds,
            max_receive_count=SEND_RECEIVES,
        )
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
                    dead_letter_queue_url=self.work.dead_letters.queue_url,
                    send_queue_url=self.work.queue.queue_url,
                    configuration_set_name=configuration_set.name,
                    max_attempts=settings.max_attempts,
                    metadata_in_headers=settings.metadata_in_headers,
                    ledger_table_name=state.ledger.table.table_name,
                    rate_cache_seconds=limits.rate_cache_seconds,
                )
            ),
        )
        function.allow(["ses:SendEmail", "ses:SendRawEmail"], [identity.arn, configuration_set.arn])
        # The account is no resource: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsimpleemailservicev2.html
        function.allow(["ses:GetAccount"], ["*"])
        acknowledge(
            function,
            "AwsSolutions-IAM5[Resource::*]",
            "SES has no resource to scope GetAccount to.",
        )
        function.allow(["dynamodb:GetItem", "dynamodb:UpdateItem"], [state.ledger.table.table_arn])
        function.allow(["sqs:ChangeMessageVisibility"], [self.work.queue.queue_arn])
        function.publishes_to(state.bus.bus)
        function.reads(self.work, batch_size=limits.batch_size, max_concurrency=limits.max_concurrency)


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
        self.work = WorkQueue(
            self,
            "Work",
            function_timeout_seconds=limits.timeout_seconds,
            max_receive_count=NOTIFICATION_RECEIVES,
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
                )
            ),
        )
        function.allow(["s3:GetObject"], [bucket.arn_for_objects(f"{RAW_PREFIX}*")])
        function.allow(["s3:PutObject"], [bucket.arn_for_objects(f"{PARTS_PREFIX}*")])
        for prefix in (RAW_PREFIX, PARTS_PREFIX):
            acknowledge(
                function,
                f"AwsSolutions-IAM5[Resource::<{state.inbound_mail.logical_id}.Arn>/{prefix}*]",
                "Keys are made of SES's message ids; the prefix is what can be named beforehand.",
            )
        function.publishes_to(state.bus.bus)
        function.reads(self.work, batch_size=limits.batch_size, max_concurrency=limits.max_concurrency)
