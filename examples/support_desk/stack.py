"""The stack of an application that answers mail: a rule on the bus, a function, a dead-letter queue."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from aws_cdk import AssetHashType, CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_destinations as destinations
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs

from mailbus_cdk import Mailbus, packaging
from mailbus_cdk.cdk_nag import suppress

if TYPE_CHECKING:
    from constructs import Construct

    from mailbus_cdk.settings.values import Architecture

DESK: Final = Path(__file__).resolve().parent / "desk.py"
KEPT_DAYS: Final = 14
DESK_SECONDS: Final = 30
_ARCHITECTURES: Final = {
    "arm64": lambda_.Architecture.ARM_64,
    "x86_64": lambda_.Architecture.X86_64,
}


class SupportDesk(Stack):
    """It knows only the name of a deployed stage, and may only send jobs to its queue."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: str,
        architecture: Architecture = "arm64",
    ) -> None:
        super().__init__(scope, construct_id, description="Answers to received mail")
        mailbus = Mailbus.from_stage(self, "Mail", stage=stage)
        failed = sqs.Queue(self, "DeadLetters", enforce_ssl=True, retention_period=Duration.days(KEPT_DAYS))
        suppress(failed, "AwsSolutions-SQS3", "It is a dead-letter queue itself; only people read it.")
        function = self._function(mailbus.send_queue, failed, architecture)
        events.Rule(
            self,
            "ReceivedMail",
            event_bus=mailbus.event_bus,
            event_pattern=events.EventPattern(source=["mailbus"], detail_type=["email.inbound"]),
            targets=[targets.LambdaFunction(function, dead_letter_queue=failed)],
        )
        CfnOutput(self, "FunctionName", value=function.function_name)
        CfnOutput(self, "DeadLetterQueueUrl", value=failed.queue_url)

    def _function(self, queue: sqs.IQueue, failed: sqs.Queue, architecture: Architecture) -> lambda_.Function:
        log = logs.LogGroup(
            self, "Log", retention=logs.RetentionDays.ONE_MONTH, removal_policy=RemovalPolicy.DESTROY
        )
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        target = packaging.target(architecture)
        package = packaging.build(architecture)
        # The CDK copies an asset when it is first used.
        with tempfile.TemporaryDirectory(prefix=".desk-", dir=package.path.parent) as staging:
            function = lambda_.Function(
                self,
                "Desk",
                code=_code(package, Path(staging) / "code"),
                handler="desk.lambda_handler",
                runtime=lambda_.Runtime(f"python3.{target.minor}", lambda_.RuntimeFamily.PYTHON),
                architecture=_ARCHITECTURES[target.machine],
                memory_size=256,
                timeout=Duration.seconds(DESK_SECONDS),
                role=role,
                log_group=log,
                environment={"SEND_QUEUE_URL": queue.queue_url, "POWERTOOLS_SERVICE_NAME": "support-desk"},
                on_failure=destinations.SqsDestination(failed),
                retry_attempts=2,
            )
        log.grant_write(role)
        # The answers are small; a client whose jobs are too large for a queue needs Mailbus's own grant_send.
        iam.Grant.add_to_principal(grantee=role, actions=["sqs:SendMessage"], resource_arns=[queue.queue_arn])
        suppress(function, "AwsSolutions-L1", "The runtime is the Python that the tests ran on.")
        return function


def _code(package: packaging.Package, staging: Path) -> lambda_.Code:
    """Return the code: desk.py next to Mailbus's own code, whose `mailbus` package it imports.

    An application with a project of its own installs `mailbus` as its other packages.
    """
    shutil.copytree(package.path, staging, copy_function=os.link)
    shutil.copy(DESK, staging)
    digest = hashlib.sha256(package.digest.encode() + DESK.read_bytes()).hexdigest()
    return lambda_.Code.from_asset(str(staging), asset_hash=digest, asset_hash_type=AssetHashType.CUSTOM)
