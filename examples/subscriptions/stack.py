"""Rules on a deployment's bus with their targets; the patterns are JSON files in patterns/."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from aws_cdk import AssetHashType, CfnOutput, Duration, Fn, RemovalPolicy, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_destinations as destinations
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from mailbus_cdk import packaging
from mailbus_cdk.cdk_nag import suppress

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailbus_cdk.settings.values import Architecture

HERE: Final = Path(__file__).resolve().parent
CONSUMER: Final = HERE / "consumer.py"
KEY_HEADER: Final = "X-Api-Key"
KEY_CHARACTERS: Final = 40
KEPT_DAYS: Final = 14
CONSUMER_SECONDS: Final = 30
_ARCHITECTURES: Final = {
    "arm64": lambda_.Architecture.ARM_64,
    "x86_64": lambda_.Architecture.X86_64,
}


class Subscriptions(Stack):
    """The stack of an application that consumes events; it knows only the name of the bus."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        bus_name: str,
        endpoint: str,
        architecture: Architecture = "arm64",
    ) -> None:
        super().__init__(scope, construct_id, description="Consumers of Mailbus's events")
        bus = events.EventBus.from_event_bus_name(self, "Bus", bus_name)
        consumer = Consumer(self, "Consumer", architecture=architecture)
        mailbox = Queue(self, "Queue")
        partner = Endpoint(self, "Endpoint", url=endpoint)
        for name, pattern, to in (
            ("FailedJobs", "failed_jobs", consumer.target),
            ("HardBounces", "hard_bounces", consumer.target),
            ("Complaints", "complaints", consumer.target),
            ("ClicksWithoutBots", "clicks_without_bots", consumer.target),
            ("Bounces", "bounces", mailbox.target),
            ("Tag", "tag", mailbox.target),
            ("Tenant", "tenant", partner.target),
        ):
            Subscription(self, name, bus=bus, pattern=pattern, to=to)


class Subscription(Construct):
    """A rule with one target, and the dead-letter queue for events that it did not accept within a day."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        bus: events.IEventBus,
        pattern: str,
        to: Callable[[sqs.IQueue], events.IRuleTarget],
    ) -> None:
        super().__init__(scope, construct_id)
        dead_letters = dead_letter_queue(self)
        rule = events.Rule(self, "Rule", event_bus=bus, event_pattern=event_pattern(pattern))
        rule.add_target(to(dead_letters))
        stack = Stack.of(self)
        # Not the reference, which on a custom bus is "<bus>|<rule>":
        # https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1131
        name = Fn.select(2, Fn.split("/", rule.rule_arn))
        CfnOutput(stack, f"{construct_id}Rule", value=name)
        CfnOutput(stack, f"{construct_id}DeadLetterQueueUrl", value=dead_letters.queue_url)


class Consumer(Construct):
    """The function of consumer.py and its table; events that fail three times go to a queue of their own."""

    def __init__(self, scope: Construct, construct_id: str, *, architecture: Architecture) -> None:
        super().__init__(scope, construct_id)
        table = dynamodb.Table(
            self,
            "Notes",
            partition_key=dynamodb.Attribute(name="about", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="what", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            removal_policy=RemovalPolicy.RETAIN,
        )
        # Separate from the rules' queues: for EventBridge an event is delivered once Lambda has it, so Lambda
        # itself keeps events that the function failed on.
        # https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
        failed = dead_letter_queue(self)
        log = logs.LogGroup(
            self, "Log", retention=logs.RetentionDays.ONE_MONTH, removal_policy=RemovalPolicy.DESTROY
        )
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        target = packaging.target(architecture)
        package = packaging.build(architecture)
        # The CDK copies an asset when it is first used.
        with tempfile.TemporaryDirectory(prefix=".consumer-", dir=package.path.parent) as staging:
            self._function = lambda_.Function(
                self,
                "Function",
                code=_code(package, Path(staging) / "code"),
                handler="consumer.lambda_handler",
                runtime=lambda_.Runtime(f"python3.{target.minor}", lambda_.RuntimeFamily.PYTHON),
                architecture=_ARCHITECTURES[target.machine],
                memory_size=256,
                timeout=Duration.seconds(CONSUMER_SECONDS),
                role=role,
                log_group=log,
                environment={"TABLE_NAME": table.table_name, "POWERTOOLS_SERVICE_NAME": "consumer"},
                on_failure=destinations.SqsDestination(failed),
                retry_attempts=2,
            )
        log.grant_write(role)
        table.grant(role, "dynamodb:PutItem")
        suppress(self._function, "AwsSolutions-L1", "The runtime is the Python that the tests ran on.")
        CfnOutput(Stack.of(self), "NotesTableName", value=table.table_name)
        CfnOutput(Stack.of(self), "ConsumerDeadLetterQueueUrl", value=failed.queue_url)

    def target(self, dead_letters: sqs.IQueue) -> events.IRuleTarget:
        """Return the function as a target that gets the whole event."""
        return targets.LambdaFunction(self._function, dead_letter_queue=dead_letters)


class Queue(Construct):
    """A queue that a program reads at its own pace; the body of each message is a whole event."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self._queue = sqs.Queue(
            self,
            "Events",
            enforce_ssl=True,
            retention_period=Duration.days(KEPT_DAYS),
            dead_letter_queue=sqs.DeadLetterQueue(queue=dead_letter_queue(self), max_receive_count=5),
        )
        CfnOutput(Stack.of(self), "QueueUrl", value=self._queue.queue_url)

    def target(self, dead_letters: sqs.IQueue) -> events.IRuleTarget:
        """Return the queue as a target that gets the whole event."""
        return targets.SqsQueue(self._queue, dead_letter_queue=dead_letters)


class Endpoint(Construct):
    """An HTTPS endpoint of another party, which EventBridge calls with a key that is generated here.

    EventBridge keeps a copy of the key in a secret of its own, renewed by each deployment. It waits five
    seconds for a response, and retries for a day after 401, 407, 409, 429 and 5xx.
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-api-destinations.html
    """

    def __init__(self, scope: Construct, construct_id: str, *, url: str) -> None:
        super().__init__(scope, construct_id)
        key = secretsmanager.Secret(
            self,
            "Key",
            description=f"The key of mail events, in the header {KEY_HEADER}",
            generate_secret_string=secretsmanager.SecretStringGenerator(
                exclude_punctuation=True, password_length=KEY_CHARACTERS
            ),
        )
        suppress(
            key,
            "AwsSolutions-SMG4",
            "The endpoint must accept a new key first, so only its owner can rotate it.",
        )
        connection = events.Connection(
            self, "Connection", authorization=events.Authorization.api_key(KEY_HEADER, key.secret_value)
        )
        self._destination = events.ApiDestination(self, "Destination", connection=connection, endpoint=url)
        CfnOutput(Stack.of(self), "EndpointKeySecretArn", value=key.secret_arn)

    def target(self, dead_letters: sqs.IQueue) -> events.IRuleTarget:
        """Return the endpoint as a target that gets the detail, and a header to detect repeated events by."""
        return targets.ApiDestination(
            self._destination,
            event=events.RuleTargetInput.from_event_path("$.detail"),
            header_parameters={"Idempotency-Key": "$.detail.event_id"},
            dead_letter_queue=dead_letters,
        )


def dead_letter_queue(scope: Construct) -> sqs.Queue:
    """Create a dead-letter queue, which must be monitored."""
    queue = sqs.Queue(scope, "DeadLetters", enforce_ssl=True, retention_period=Duration.days(KEPT_DAYS))
    suppress(queue, "AwsSolutions-SQS3", "It is a dead-letter queue itself; only people read it.")
    return queue


def event_pattern(name: str) -> events.EventPattern:
    """Return a pattern from patterns/."""
    pattern: dict[str, Any] = json.loads((HERE / "patterns" / f"{name}.json").read_text(encoding="utf-8"))
    return events.EventPattern(
        source=pattern["source"],
        detail_type=pattern.get("detail-type"),
        detail=_with_nulls(pattern["detail"]) if "detail" in pattern else None,
    )


def _with_nulls(pattern: dict[str, Any]) -> dict[str, Any]:
    """Return a pattern with nulls as the CDK needs them; it leaves out None, and would match fewer events."""
    return {name: _matcher(value) for name, value in pattern.items()}


def _matcher(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return _with_nulls(value)
    if None not in value:
        return value
    matchers = [
        events.Match.null_value() if item is None else events.Match.exact_string(item) for item in value
    ]
    return events.Match.any_of(*matchers)


def _code(package: packaging.Package, staging: Path) -> lambda_.Code:
    """Return the code: consumer.py next to Mailbus's own code, whose `mailbus` package it imports.

    An application with a project of its own installs `mailbus` as its other packages.
    """
    shutil.copytree(package.path, staging, copy_function=os.link)
    shutil.copy(CONSUMER, staging)
    digest = hashlib.sha256(package.digest.encode() + CONSUMER.read_bytes()).hexdigest()
    return lambda_.Code.from_asset(str(staging), asset_hash=digest, asset_hash_type=AssetHashType.CUSTOM)
