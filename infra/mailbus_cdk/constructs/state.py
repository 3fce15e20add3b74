"""What is kept: received mail, jobs and events that are large, the ledger, the bus and its archive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from mailbus.events import SOURCE
from mailbus_cdk.cdk_nag import acknowledge
from mailbus_cdk.constructs.messaging import SES
from mailbus_cdk.constructs.schemas import Schemas
from mailbus_cdk.regions import WITHOUT_ARCHIVE, WITHOUT_SCHEMAS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailbus_cdk.settings.schema import Settings

RAW_PREFIX: Final = "raw/"
PARTS_PREFIX: Final = "parts/"
# Jobs over the bus's size, put there by those who send them, and jobs that a schedule will put on the queue.
JOBS_PREFIX: Final = "jobs/"
SCHEDULED_PREFIX: Final = "scheduled/"
# SES's own JSON of events that are too large for the bus with it.
ESP_EVENTS_PREFIX: Final = "esp-events/"
# Longer than the year for which a job can be put off, and the days that it may then be retried.
SCHEDULED_DAYS: Final = 400


class State(Construct):
    """Everything that a deployment must not lose."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(scope, construct_id)
        self.bus = EventBus(self, "Events", settings=settings)
        if settings.region not in WITHOUT_SCHEMAS:
            Schemas(self, "Schemas", settings=settings)
        self.ledger = Ledger(self, "Ledger", settings=settings)
        self.jobs = Jobs(self, "Jobs", settings=settings)
        self.esp_events = EspEvents(self, "EspEvents", settings=settings)
        self.schedules = Schedules(self, "Schedules", settings=settings)
        self.inbound_mail = InboundMail(self, "InboundMail", settings=settings)


class EventBus(Construct):
    """The bus that applications subscribe to, with an archive to replay from where the region has any."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(scope, construct_id)
        self.bus = events.EventBus(
            self, "Bus", event_bus_name=settings.name, description="Mailbus: what happens to mail"
        )
        self.bus.apply_removal_policy(_kept(settings))
        self.archive = None if settings.region in WITHOUT_ARCHIVE else self._archive(settings)

    def _archive(self, settings: Settings) -> events.Archive:
        archive = self.bus.archive(
            "Archive",
            description="Mailbus events, for replay",
            event_pattern=events.EventPattern(source=[SOURCE]),
            retention=Duration.days(settings.retention.event_archive_days),
        )
        archive.apply_removal_policy(_kept(settings))
        return archive


class Ledger(Construct):
    """What must be known about jobs across workers; items expire by `expires_at` (epoch seconds)."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(scope, construct_id)
        self.table = dynamodb.Table(
            self,
            "Table",
            partition_key=dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="sk", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            time_to_live_attribute="expires_at",
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            deletion_protection=not settings.ephemeral,
            removal_policy=_kept(settings),
        )


class Schedules(Construct):
    """The group of one-time schedules that put a job on its queue when its time has come."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(scope, construct_id)
        stack = Stack.of(self)
        self.name = settings.name
        # By name: the stack that refers to it lets Scheduler assume a role for this group only.
        self.arn = stack.format_arn(
            service="scheduler", resource="schedule-group", resource_name=settings.name
        )
        self.schedule_arns = stack.format_arn(
            service="scheduler", resource="schedule", resource_name=f"{settings.name}/*"
        )
        scheduler.ScheduleGroup(
            self, "Group", schedule_group_name=settings.name, removal_policy=_kept(settings)
        )


class Jobs(Construct):
    """The bucket of jobs too large for a message: `jobs/` from applications, `scheduled/` till their time."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(scope, construct_id)
        self.bucket = _private_bucket(
            self,
            settings,
            {JOBS_PREFIX: settings.retention.jobs_days, SCHEDULED_PREFIX: SCHEDULED_DAYS},
        )
        acknowledge(
            self.bucket,
            "AwsSolutions-S1",
            "Who may send writes jobs here and one function alone reads them, by policy; access logs would "
            "be a second store of who wrote to whom. An account that needs them turns on CloudTrail data "
            "events.",
        )


class EspEvents(Construct):
    """The bucket of what SES reports at a length that no event can carry; `esp_event_ref` points there."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(scope, construct_id)
        self.bucket = _private_bucket(self, settings, {ESP_EVENTS_PREFIX: settings.retention.esp_events_days})
        acknowledge(
            self.bucket,
            "AwsSolutions-S1",
            "One function alone writes here, by policy, and rarely; access logs would be a second store of "
            "who wrote to whom. An account that needs them turns on CloudTrail data events.",
        )


class InboundMail(Construct):
    """The bucket of received mail: as it arrived under `raw/`, its decoded parts under `parts/`."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(scope, construct_id)
        self.bucket = _private_bucket(
            self,
            settings,
            {RAW_PREFIX: settings.retention.raw_days, PARTS_PREFIX: settings.retention.parts_days},
        )
        acknowledge(
            self.bucket,
            "AwsSolutions-S1",
            "SES alone writes mail here and one function alone reads it, by policy; access logs would be a "
            "second store of who wrote to whom. An account that needs them turns on CloudTrail data events.",
        )
        stack = Stack.of(self)
        # By pattern: the rule's own ARN would make a circle, since SES tries this right when the rule is made
        # (https://docs.aws.amazon.com/ses/latest/dg/receiving-email-permissions.html).
        rules = stack.format_arn(
            service="ses", resource="receipt-rule-set", resource_name=f"{settings.name}:receipt-rule/*"
        )
        self.writable = self.bucket.add_to_resource_policy(
            iam.PolicyStatement(
                sid="SesStoresReceivedMail",
                principals=[iam.ServicePrincipal(SES)],
                actions=["s3:PutObject"],
                resources=[self.bucket.arn_for_objects(f"{RAW_PREFIX}*")],
                conditions={
                    "StringEquals": {"aws:SourceAccount": stack.account},
                    "ArnLike": {"aws:SourceArn": rules},
                },
            )
        ).policy_dependable
        self.key = _mail_key(self, settings, rules) if settings.inbound.encrypted else None


def _mail_key(scope: Construct, settings: Settings, rules: str) -> kms.Key:
    """Make the key of SES's own encryption; SES uses it for mail that one of the `rules` (a pattern) takes.

    It is kept, since what it has encrypted cannot be read without it.
    https://docs.aws.amazon.com/ses/latest/dg/receiving-email-permissions.html#receiving-email-permissions-kms
    """
    account = Stack.of(scope).account
    key = kms.Key(
        scope,
        "Key",
        description="Encrypts received mail before SES stores it",
        enable_key_rotation=True,
        removal_policy=_kept(settings),
    )
    context = "kms:EncryptionContext:aws:ses"
    key.add_to_resource_policy(
        iam.PolicyStatement(
            sid="SesEncryptsReceivedMail",
            principals=[iam.ServicePrincipal(SES)],
            actions=["kms:Encrypt", "kms:GenerateDataKey*"],
            resources=["*"],
            conditions={
                "StringEquals": {"aws:SourceAccount": account, f"{context}:source-account": account},
                "ArnLike": {"aws:SourceArn": rules},
                "Null": {f"{context}:rule-name": "false", f"{context}:message-id": "false"},
            },
        )
    )
    # That page asks for it where the bucket encrypts too, which every bucket does.
    key.add_to_resource_policy(
        iam.PolicyStatement(
            sid="SesStoresWhatItHasEncrypted",
            principals=[iam.ServicePrincipal(SES)],
            actions=["kms:Decrypt"],
            resources=["*"],
            conditions={
                "StringEquals": {"aws:SourceAccount": account},
                "ArnLike": {"aws:SourceArn": rules},
            },
        )
    )
    return key


def _private_bucket(scope: Construct, settings: Settings, kept_days: Mapping[str, int]) -> s3.Bucket:
    """Make an encrypted bucket for TLS alone; what is under a prefix goes after its days."""
    return s3.Bucket(
        scope,
        "Bucket",
        encryption=s3.BucketEncryption.S3_MANAGED,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        enforce_ssl=True,
        minimum_tls_version=1.2,
        lifecycle_rules=[
            *(
                s3.LifecycleRule(id=prefix.strip("/"), prefix=prefix, expiration=Duration.days(days))
                for prefix, days in kept_days.items()
            ),
            s3.LifecycleRule(id="uploads", abort_incomplete_multipart_upload_after=Duration.days(1)),
        ],
        removal_policy=_kept(settings),
    )


def _kept(settings: Settings) -> RemovalPolicy:
    return RemovalPolicy.DESTROY if settings.ephemeral else RemovalPolicy.RETAIN
