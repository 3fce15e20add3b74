"""The buckets: received mail, large jobs, and SES's own JSON of large events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from mailbus.jobs.claim_check import JOBS_PREFIX, SCHEDULED_PREFIX
from mailbus_cdk.cdk_nag import suppress
from mailbus_cdk.constructs.topics import SES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_cdk import RemovalPolicy

    from mailbus_cdk.settings import Settings

# Received mail as it arrived, and its decoded parts.
RAW_PREFIX: Final = "raw/"
PARTS_PREFIX: Final = "parts/"
# SES's own JSON of events that are too large for the bus with it.
ESP_EVENTS_PREFIX: Final = "esp-events/"

# A job waits up to 14 days in its queue, and 14 more in the dead-letter queue.
JOBS_DAYS: Final = 30
# Longer than the year by which a job can be delayed, and the days in which it may then be retried.
SCHEDULED_DAYS: Final = 400
ESP_EVENTS_DAYS: Final = 90


def receipt_rule_arns(scope: Construct, settings: Settings) -> str:
    """Return a pattern of the ARNs of the stage's receipt rules, which have its name, in any rule set.

    A rule's own ARN would be a circular reference, since SES checks its rights when the rule is created
    (https://docs.aws.amazon.com/ses/latest/dg/receiving-email-permissions.html).
    """
    return Stack.of(scope).format_arn(
        service="ses", resource="receipt-rule-set", resource_name=f"*:receipt-rule/{settings.rule_name('*')}"
    )


class Jobs(Construct):
    """The bucket of jobs too large for a message: `jobs/` by applications, `scheduled/` until due."""

    def __init__(self, scope: Construct, construct_id: str, *, removal_policy: RemovalPolicy) -> None:
        super().__init__(scope, construct_id)
        self.bucket = _private_bucket(
            self, {JOBS_PREFIX: JOBS_DAYS, SCHEDULED_PREFIX: SCHEDULED_DAYS}, removal_policy
        )
        _suppress_access_logs(
            self.bucket, "By policy, applications that may send write jobs here and one function reads them"
        )


class EspEvents(Construct):
    """The bucket of SES's JSON that is too large for an event; `esp_event_ref` refers to it."""

    def __init__(self, scope: Construct, construct_id: str, *, removal_policy: RemovalPolicy) -> None:
        super().__init__(scope, construct_id)
        self.bucket = _private_bucket(self, {ESP_EVENTS_PREFIX: ESP_EVENTS_DAYS}, removal_policy)
        _suppress_access_logs(self.bucket, "By policy, one function writes here, and rarely")


class InboundMail(Construct):
    """The bucket of received mail: as it arrived under `raw/`, its decoded parts under `parts/`."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, removal_policy: RemovalPolicy
    ) -> None:
        super().__init__(scope, construct_id)
        retention = settings.retention
        self.bucket = _private_bucket(
            self, {RAW_PREFIX: retention.raw_days, PARTS_PREFIX: retention.parts_days}, removal_policy
        )
        _suppress_access_logs(self.bucket, "By policy, SES writes mail here and one function reads it")
        stack = Stack.of(self)
        rules = receipt_rule_arns(self, settings)
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
        self.key = _mail_key(self, rules, removal_policy) if settings.inbound.encrypted else None


def _mail_key(scope: Construct, rules: str, removal_policy: RemovalPolicy) -> kms.Key:
    """Create the key that SES encrypts mail with, for mail that one of the `rules` (an ARN pattern) takes.

    It is retained, since what it has encrypted cannot be read without it.
    https://docs.aws.amazon.com/ses/latest/dg/receiving-email-permissions.html#receiving-email-permissions-kms
    """
    account = Stack.of(scope).account
    key = kms.Key(
        scope,
        "Key",
        description="Encrypts received mail before SES stores it",
        enable_key_rotation=True,
        removal_policy=removal_policy,
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


def _private_bucket(
    scope: Construct, days_by_prefix: Mapping[str, int], removal_policy: RemovalPolicy
) -> s3.Bucket:
    """Create an encrypted bucket that takes TLS only; objects under a prefix expire after its days."""
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
                for prefix, days in days_by_prefix.items()
            ),
            s3.LifecycleRule(id="uploads", abort_incomplete_multipart_upload_after=Duration.days(1)),
        ],
        removal_policy=removal_policy,
    )


def _suppress_access_logs(bucket: s3.Bucket, reason: str) -> None:
    suppress(
        bucket,
        "AwsSolutions-S1",
        f"{reason}; access logs would be a second record of who wrote to whom. An account that needs them "
        "turns on CloudTrail data events.",
    )
