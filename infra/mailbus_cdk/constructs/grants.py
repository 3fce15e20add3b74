"""The rights of applications that use a deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from mailbus.jobs.claim_check import JOBS_PREFIX, SCHEDULED_PREFIX
from mailbus.ledger.items import JOB_PREFIX
from mailbus.stages import QUEUE_URLS, TIMELINE_TABLE, parameter_name
from mailbus.timeline.items import INDEXES
from mailbus_cdk.cdk_nag import suppress_wildcards
from mailbus_cdk.constructs.buckets import PARTS_PREFIX, RAW_PREFIX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import aws_dynamodb as dynamodb
    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_sqs as sqs


def grant_send(
    grantee: iam.IGrantable,
    *,
    scope: Construct,
    stage: str,
    queues: Sequence[sqs.IQueue],
    ledger: dynamodb.ITable,
    jobs: s3.IBucket,
) -> None:
    """Allow to find the queues of both lanes by the stage's name, and to enqueue and cancel jobs."""
    resources = {
        ("sqs:SendMessage", "sqs:ListQueueTags"): [queue.queue_arn for queue in queues],
        ("ssm:GetParameter",): [_parameter_arn(scope, stage, output) for output in QUEUE_URLS.values()],
        ("s3:PutObject",): job_objects(jobs),
    }
    for actions, arns in resources.items():
        iam.Grant.add_to_principal(grantee=grantee, actions=list(actions), resource_arns=arns)
    # the items of jobs, not the account's rate, nor what finds a job by its message
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html
    iam.Grant.add_to_principal(
        grantee=grantee,
        actions=["dynamodb:UpdateItem"],
        resource_arns=[ledger.table_arn],
        conditions={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [f"{JOB_PREFIX}*"]}},
    )
    _suppress_prefixes(grantee, jobs, job_objects(jobs))


def grant_status(grantee: iam.IGrantable, *, scope: Construct, stage: str, table: dynamodb.ITable) -> None:
    """Allow to find the timeline by the stage's name, and to read it."""
    indexes = [f"{table.table_arn}/index/{name}" for name in INDEXES]
    resources = {
        ("ssm:GetParameter",): [_parameter_arn(scope, stage, TIMELINE_TABLE)],
        ("dynamodb:Query",): [table.table_arn, *indexes],
        ("dynamodb:BatchGetItem",): [table.table_arn],
    }
    for actions, arns in resources.items():
        iam.Grant.add_to_principal(grantee=grantee, actions=list(actions), resource_arns=arns)


def grant_read_inbound(grantee: iam.IGrantable, *, bucket: s3.IBucket, key: kms.IKey | None) -> None:
    """Allow to read received mail, raw and decoded, and to decrypt it."""
    objects = [bucket.arn_for_objects(f"{prefix}*") for prefix in (RAW_PREFIX, PARTS_PREFIX)]
    iam.Grant.add_to_principal(grantee=grantee, actions=["s3:GetObject"], resource_arns=objects)
    if key:
        iam.Grant.add_to_principal(grantee=grantee, actions=["kms:Decrypt"], resource_arns=[key.key_arn])
    _suppress_prefixes(grantee, bucket, objects)


def _suppress_prefixes(grantee: iam.IGrantable, bucket: s3.IBucket, objects: Sequence[str]) -> None:
    """Suppress cdk-nag's findings on the objects of a bucket, which are known by their prefixes only."""
    principal = grantee.grant_principal
    if not isinstance(principal, Construct):
        return
    own, consumer, arn = Stack.of(bucket), Stack.of(principal), bucket.bucket_arn
    suffixes = [name.removeprefix(arn) for name in objects]
    if isinstance(bucket, s3.Bucket) and consumer is not own and consumer.environment == own.environment:
        # In another stack, cdk-nag names what the CDK imports there by its export; this is that export.
        arn = own.export_value(bucket.bucket_arn)
    suppress_wildcards(
        principal,
        [f"{arn}{suffix}" for suffix in suffixes],
        "Keys are chosen when objects are written; only their prefixes are known beforehand.",
    )


def job_objects(jobs: s3.IBucket) -> list[str]:
    """Return the ARNs of the objects in the bucket of jobs."""
    return [jobs.arn_for_objects(f"{prefix}*") for prefix in (JOBS_PREFIX, SCHEDULED_PREFIX)]


def _parameter_arn(scope: Construct, stage: str, output: str) -> str:
    # the ARN has the name's first slash as its own
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html
    name = parameter_name(stage, output).removeprefix("/")
    return Stack.of(scope).format_arn(service="ssm", resource="parameter", resource_name=name)
