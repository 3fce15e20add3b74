"""A Lambda function: its code, its environment, its log, and a role with only the rights granted to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import AssetHashType, Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from mailbus_cdk import packaging
from mailbus_cdk.cdk_nag import suppress

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_cdk import aws_events as events

    from mailbus_cdk.constructs.queues import WorkQueue
    from mailbus_cdk.settings import Settings
    from mailbus_cdk.settings.values import Architecture, LogRetentionDays

_RUNTIMES: Final = {
    11: lambda_.Runtime.PYTHON_3_11,
    12: lambda_.Runtime.PYTHON_3_12,
    13: lambda_.Runtime.PYTHON_3_13,
    14: lambda_.Runtime.PYTHON_3_14,
}
_ARCHITECTURES: Final = {
    "arm64": lambda_.Architecture.ARM_64,
    "x86_64": lambda_.Architecture.X86_64,
}
_LOG_RETENTION: Final[dict[LogRetentionDays, logs.RetentionDays]] = {
    1: logs.RetentionDays.ONE_DAY,
    3: logs.RetentionDays.THREE_DAYS,
    5: logs.RetentionDays.FIVE_DAYS,
    7: logs.RetentionDays.ONE_WEEK,
    14: logs.RetentionDays.TWO_WEEKS,
    30: logs.RetentionDays.ONE_MONTH,
    60: logs.RetentionDays.TWO_MONTHS,
    90: logs.RetentionDays.THREE_MONTHS,
    120: logs.RetentionDays.FOUR_MONTHS,
    150: logs.RetentionDays.FIVE_MONTHS,
    180: logs.RetentionDays.SIX_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
    400: logs.RetentionDays.THIRTEEN_MONTHS,
    545: logs.RetentionDays.EIGHTEEN_MONTHS,
    731: logs.RetentionDays.TWO_YEARS,
    1096: logs.RetentionDays.THREE_YEARS,
    1827: logs.RetentionDays.FIVE_YEARS,
    2192: logs.RetentionDays.SIX_YEARS,
    2557: logs.RetentionDays.SEVEN_YEARS,
    2922: logs.RetentionDays.EIGHT_YEARS,
    3288: logs.RetentionDays.NINE_YEARS,
    3653: logs.RetentionDays.TEN_YEARS,
}


def log_retention(settings: Settings) -> logs.RetentionDays:
    """Return the retention of logs as the CDK names it."""
    return _LOG_RETENTION[settings.log_retention_days]


class Code:
    """The code that all functions share, its runtime and architecture."""

    def __init__(self, architecture: Architecture) -> None:
        """Package the code. Raises `ConfigurationError` if that fails."""
        target = packaging.target(architecture)
        package = packaging.build(architecture)
        self.runtime = _RUNTIMES[target.minor]
        self.architecture = _ARCHITECTURES[target.machine]
        self._package = package

    def asset(self) -> lambda_.Code:
        """Return a new asset: the CDK binds each to the first stack that uses it."""
        # The hash is of the sources: compiled files are not the same byte for byte.
        return lambda_.Code.from_asset(
            str(self._package.path), asset_hash=self._package.digest, asset_hash_type=AssetHashType.CUSTOM
        )


class Function(Construct):
    """A Lambda function of this project; `name` is its folder under functions/, unless `handler` is set."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        description: str,
        code: Code,
        settings: Settings,
        memory_mb: int,
        timeout_seconds: int,
        environment: Mapping[str, str],
        handler: str | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.name = name
        self._reserves = settings.reserve_concurrency
        self._reserved = 0
        log = logs.LogGroup(
            self, "Log", retention=log_retention(settings), removal_policy=RemovalPolicy.DESTROY
        )
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        self.function = lambda_.Function(
            self,
            "Function",
            description=description,
            code=code.asset(),
            handler=handler or f"{name}.handler.lambda_handler",
            runtime=code.runtime,
            architecture=code.architecture,
            memory_size=memory_mb,
            timeout=Duration.seconds(timeout_seconds),
            role=role,
            log_group=log,
            environment={**environment, "POWERTOOLS_SERVICE_NAME": name},
        )
        self.role = role
        self.log = log
        self.memory_mb = memory_mb
        log.grant_write(role)
        suppress(
            self.function,
            "AwsSolutions-L1",
            "The runtime is the Python that the tests ran on and that compiled the code; for a newer one, "
            "update the environment that deploys.",
        )

    def allow(self, actions: list[str], resources: list[str]) -> None:
        """Grant the function actions on resources."""
        self.role.add_to_policy(iam.PolicyStatement(actions=actions, resources=resources))

    def turn_off_retries(self) -> None:
        """Keep Lambda from retrying asynchronous calls: a retry would come after the caller's timeout.

        Lambda may still deliver a call twice
        (https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html).
        """
        self.function.configure_async_invoke(retry_attempts=0)

    def reads(self, source: WorkQueue, *, max_concurrency: int, mapping_id: str = "Source") -> None:
        """Invoke the function with batches from a queue; it may write to the queue's dead-letter queue."""
        # https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSLambdaSQSQueueExecutionRole.html
        self.allow(
            ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], [source.queue.queue_arn]
        )
        self.allow(["sqs:SendMessage"], [source.dead_letters.queue_arn])
        mapping = lambda_.EventSourceMapping(
            self,
            mapping_id,
            target=self.function,
            event_source_arn=source.queue.queue_arn,
            batch_size=source.limits.batch_size,
            max_batching_window=Duration.seconds(source.limits.batch_window_seconds),
            max_concurrency=max_concurrency,
            report_batch_item_failures=True,
        )
        # Lambda checks the role's rights when the mapping is created.
        mapping.node.add_dependency(self.role)
        self.reserve(max_concurrency)

    def reserve(self, workers: int) -> None:
        """Reserve concurrency for so many more workers, if the settings ask for it.

        With less than its queues' workers together, Lambda would throttle those of one queue for another's:
        https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
        """
        self._reserved += workers
        if self._reserves:
            function = self.function.node.default_child
            assert isinstance(function, lambda_.CfnFunction)  # noqa: S101 - for the type checker
            function.reserved_concurrent_executions = self._reserved

    def publishes_to(self, bus: events.IEventBus) -> None:
        """Let the function put events on a bus."""
        self.allow(["events:PutEvents"], [bus.event_bus_arn])
