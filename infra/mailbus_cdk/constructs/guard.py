"""The guard: alarms on the account's bounces and complaints, and the function that pauses the bulk lane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from mailbus.environment import GuardSettings, to_environment
from mailbus.ledger.lanes import RATE_KEY
from mailbus.stages import alarm_description
from mailbus_cdk.constructs import metrics
from mailbus_cdk.constructs.function import Function
from mailbus_cdk.constructs.queues import DeadLetterQueue

if TYPE_CHECKING:
    from mailbus_cdk.constructs.function import Code
    from mailbus_cdk.constructs.metrics import Kind
    from mailbus_cdk.constructs.state import State
    from mailbus_cdk.constructs.topics import TopicKey
    from mailbus_cdk.settings import Settings

CLOUDWATCH: Final = "cloudwatch.amazonaws.com"
PAUSE_PERIODS: Final = 2
TIMEOUT_SECONDS: Final = 60


class Guard(Construct):
    """An alarm for each line at which SES reviews an account, and one for each at which the lane is paused.

    The latter publish on a topic that invokes the function. An alarm notifies only when its state changes, so
    they are created after all that the notification passes.
    """

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
        self._settings = settings
        self._notified = (
            actions.SnsAction(sns.Topic.from_topic_arn(self, "AlarmTopic", settings.alarms.topic_arn))
            if settings.alarms.topic_arn
            else None
        )
        self.dead_letters = DeadLetterQueue(self, "DeadLetters")
        self.function = self._function(code, state)
        self.function_name = self.function.function.function_name
        topic = self._topic(key)
        limits = settings.guard
        review = "SES may begin to review the account. See which mail it is, and stop that"
        pause = "the bulk lane is paused, until somebody resumes it: `mailbus resume bulk`"
        rates: dict[Kind, tuple[float, float]] = {
            "Bounce": (limits.review_bounce_rate, limits.pause_bounce_rate),
            "Complaint": (limits.review_complaint_rate, limits.pause_complaint_rate),
        }
        for kind, (review_at, pause_at) in rates.items():
            self._alarm(f"{kind}Review", kind, at=review_at, periods=1, meaning=review)
            alarm = self._alarm(f"{kind}Pause", kind, at=pause_at, periods=PAUSE_PERIODS, meaning=pause)
            alarm.add_alarm_action(actions.SnsAction(topic))
            alarm.node.add_dependency(topic, self.function)
        self._watch_dead_letters()

    def _alarm(self, name: str, kind: Kind, *, at: float, periods: int, meaning: str) -> cloudwatch.Alarm:
        """Create an alarm as SES's page on the rates has it."""
        meaning = f"SES's {kind.lower()} rate of the account has reached {100 * at:.4g} %: {meaning}"
        alarm = cloudwatch.Alarm(
            self,
            name,
            alarm_name=self._alarm_name(name),
            metric=metrics.reputation(kind),
            threshold=at,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            evaluation_periods=periods,
            # An hour without a value changes nothing. Otherwise a gap would end the alarm, and the next value
            # would pause a lane again that somebody has resumed.
            treat_missing_data=cloudwatch.TreatMissingData.IGNORE,
            alarm_description=alarm_description(self._settings.stage, name, meaning),
        )
        self._notify(alarm)
        return alarm

    def _watch_dead_letters(self) -> None:
        name = "GuardDeadLetters"
        alarm = cloudwatch.Alarm(
            self,
            name,
            metric=metrics.visible(self.dead_letters.queue),
            threshold=0,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description=alarm_description(
                self._settings.stage,
                name,
                "the guard could not pause the bulk lane, or not put that on the bus: see its log. Run "
                "`mailbus pause bulk`, then delete the message",
            ),
        )
        self._notify(alarm)

    def _notify(self, alarm: cloudwatch.Alarm) -> None:
        if self._notified:
            alarm.add_alarm_action(self._notified)
            alarm.add_ok_action(self._notified)

    def _alarm_name(self, name: str) -> str:
        """Return an alarm's name. It is chosen here: the function and the topic's policy have it before."""
        return f"{self._settings.name}-{name}"

    def _alarm_arn(self, name: str) -> str:
        return Stack.of(self).format_arn(
            service="cloudwatch",
            resource="alarm",
            resource_name=name,
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )

    @property
    def _pausing(self) -> tuple[str, ...]:
        return tuple(self._alarm_name(f"{kind}Pause") for kind in ("Bounce", "Complaint"))

    def _function(self, code: Code, state: State) -> Function:
        function = Function(
            self,
            "Function",
            name="guard",
            description="Mailbus: pauses the bulk lane before SES pauses the account",
            code=code,
            settings=self._settings,
            memory_mb=256,
            timeout_seconds=TIMEOUT_SECONDS,
            environment=to_environment(
                GuardSettings(
                    event_bus_name=state.bus.bus.event_bus_name,
                    ledger_table_name=state.ledger.table.table_name,
                    alarm_names=self._pausing,
                )
            ),
        )
        function.role.add_to_policy(
            iam.PolicyStatement(
                actions=["dynamodb:UpdateItem"],
                resources=[state.ledger.table.table_arn],
                conditions={"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [RATE_KEY["pk"]["S"]]}},
            )
        )
        function.publishes_to(state.bus.bus)
        # Lambda invokes it again twice, and then sends the event there by the function's role:
        # https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
        queue = self.dead_letters.queue
        function.allow(["sqs:SendMessage"], [queue.queue_arn])
        resource = function.function.node.default_child
        assert isinstance(resource, lambda_.CfnFunction)  # noqa: S101 - for the type checker
        resource.dead_letter_config = lambda_.CfnFunction.DeadLetterConfigProperty(target_arn=queue.queue_arn)
        # Lambda checks the role's rights when the function is created.
        resource.node.add_dependency(function.role)
        return function

    def _topic(self, key: TopicKey) -> sns.Topic:
        alarm_arns = [self._alarm_arn(name) for name in self._pausing]
        account = {"StringEquals": {"aws:SourceAccount": Stack.of(self).account}}
        topic = sns.Topic(self, "Topic", master_key=key.key, signature_version="2", enforce_ssl=True)
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsPublish",
                principals=[iam.ServicePrincipal(CLOUDWATCH)],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions={**account, "ArnEquals": {"aws:SourceArn": alarm_arns}},
            )
        )
        # https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#compatibility-with-aws-services
        key.key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsPublishToEncryptedTopics",
                principals=[iam.ServicePrincipal(CLOUDWATCH)],
                actions=["kms:GenerateDataKey*", "kms:Decrypt"],
                resources=["*"],
                conditions=account,
            )
        )
        topic.add_subscription(
            subscriptions.LambdaSubscription(
                self.function.function, dead_letter_queue=self.dead_letters.queue
            )
        )
        return topic
