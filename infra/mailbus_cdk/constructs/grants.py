"""The rights of applications that use a deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Stack
from aws_cdk import aws_iam as iam

from mailbus.jobs.claim_check import JOBS_PREFIX, SCHEDULED_PREFIX
from mailbus.stages import QUEUE_URLS, parameter_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import aws_dynamodb as dynamodb
    from aws_cdk import aws_s3 as s3
    from aws_cdk import aws_sqs as sqs
    from constructs import Construct


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
        ("dynamodb:UpdateItem",): [ledger.table_arn],
        ("s3:PutObject",): job_objects(jobs),
    }
    for actions, arns in resources.items():
        iam.Grant.add_to_principal(grantee=grantee, actions=list(actions), resource_arns=arns)


def job_objects(jobs: s3.IBucket) -> list[str]:
    """Return the ARNs of the objects in the bucket of jobs."""
    return [jobs.arn_for_objects(f"{prefix}*") for prefix in (JOBS_PREFIX, SCHEDULED_PREFIX)]


def _parameter_arn(scope: Construct, stage: str, output: str) -> str:
    # the ARN has the name's first slash as its own
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html
    name = parameter_name(stage, output).removeprefix("/")
    return Stack.of(scope).format_arn(service="ssm", resource="parameter", resource_name=name)
