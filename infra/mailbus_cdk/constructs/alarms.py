"""The CloudWatch alarms, and the SNS topic that they notify."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from constructs import Construct

from mailbus.metrics import (
    FUNCTION_DIMENSION,
    LIMITED_BULK_CALLS,
    NAMESPACE,
    REFUSED_MESSAGES,
    SENDING_PAUSED,
    UNCONFIRMED_SUBSCRIPTIONS,
    UNEXPECTED_RATE,
    WAITING_JOB_SECONDS,
)
from mailbus.stages import alarm_description

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mailbus.metrics import Metric
    from mailbus_cdk.constructs.queues import DeadLetterQueue, WorkQueue
    from mailbus_cdk.settings import Settings

PERIOD: Final = Duration.minutes(5)
# What a waiting job waits for is measured when the job is delivered again: after 15 minutes at the latest,
# and after the time that its batch takes.
WAITING_PERIODS: Final = 4
# The account's rate is read only while mail is sent. So that a stage that seldom sends notifies once of
# another rate, and not with each mail, the alarm looks back a day.
RATE_PERIOD: Final = Duration.hours(1)
RATE_PERIODS: Final = 24


class _Alarms(Construct):
    """Alarms that notify one topic, if the settings name one."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(scope, construct_id)
        self._stage = settings.stage
        topic_arn = settings.alarms.topic_arn
        self._action = (
            actions.SnsAction(sns.Topic.from_topic_arn(self, "Topic", topic_arn)) if topic_arn else None
        )

    def _alarm(
        self, name: str, metric: cloudwatch.IMetric, *, above: float, meaning: str, periods: int = 1
    ) -> None:
        """Create an alarm that is on if any of the last `periods` is above the threshold."""
        alarm = cloudwatch.Alarm(
            self,
            name,
            metric=metric,
            threshold=above,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=periods,
            datapoints_to_alarm=1,
            # Nothing is measured while nothing happens.
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description=alarm_description(self._stage, name, meaning),
        )
        if self._action:
            alarm.add_alarm_action(self._action)
            alarm.add_ok_action(self._action)


class Alarms(_Alarms):
    """Alarms on paused sending, limited bulk calls, another rate, late jobs, and every dead-letter queue.

    Jobs are late in two ways. SQS reports those that no worker has received; the sender reports those that
    wait, since a job that waits is a new message each time.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        sender_name: str,
        transactional: WorkQueue,
        dead_letters: Mapping[str, DeadLetterQueue],
    ) -> None:
        super().__init__(scope, construct_id, settings=settings)
        self._alarm(
            "SendingPaused",
            _function_metric(sender_name, SENDING_PAUSED, cloudwatch.Stats.SUM),
            above=0,
            periods=WAITING_PERIODS,
            meaning="SES has paused sending for the account or the configuration set. Jobs wait until it is "
            "resumed; those with expires_at may expire meanwhile",
        )
        self._alarm(
            "LimitedBulkCalls",
            _function_metric(sender_name, LIMITED_BULK_CALLS, cloudwatch.Stats.SUM),
            above=0,
            meaning="SES refused calls of SendBulkEmail because of too many calls. Merges are sent by "
            'SendEmail meanwhile; set sender.merge_by = "SendEmail" to always do so',
        )
        self._alarm(
            "UnexpectedRate",
            _function_metric(sender_name, UNEXPECTED_RATE, cloudwatch.Stats.SUM, period=RATE_PERIOD),
            above=0,
            periods=RATE_PERIODS,
            meaning="the account's sending rate differs by more than a fifth from expected_rate, which the "
            "workers follow: set expected_rate to it, and deploy, or ask AWS for more. Until then some of a "
            "higher rate may stay unused, and workers wait for a lower one, which is paid for",
        )
        self._alarm(
            "LateJobs",
            _oldest_visible(transactional),
            above=settings.alarms.oldest_job_seconds,
            meaning="the oldest transactional job that no worker has received has waited too long: look at "
            "the sender's errors and throttles, and at transactional.max_concurrency",
        )
        self._alarm(
            "WaitingJobs",
            _function_metric(sender_name, WAITING_JOB_SECONDS, cloudwatch.Stats.MAXIMUM),
            above=settings.alarms.oldest_job_seconds,
            periods=WAITING_PERIODS,
            meaning="a transactional job that the sender could not send has waited too long: look at its "
            "log, at the account's sending rate and at its 24-hour quota",
        )
        for name, dead_letter_queue in dead_letters.items():
            self._alarm(
                f"{name}DeadLetters",
                dead_letter_queue.queue.metric_approximate_number_of_messages_visible(
                    period=PERIOD, statistic=cloudwatch.Stats.MAXIMUM
                ),
                above=0,
                meaning="a message could not be processed; see the attributes of each dead letter",
            )


def _oldest_visible(queue: WorkQueue) -> cloudwatch.MathExpression:
    """Return the age of the oldest message, in seconds, while there are always some to be received.

    SQS's age may be that of a message that is only delayed, for up to 15 minutes. It leaves out those that
    were received three times.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
    """
    return cloudwatch.MathExpression(
        expression="IF(visible > 0, age, 0)",
        using_metrics={
            "age": queue.queue.metric_approximate_age_of_oldest_message(
                period=PERIOD, statistic=cloudwatch.Stats.MAXIMUM
            ),
            "visible": queue.queue.metric_approximate_number_of_messages_visible(
                period=PERIOD, statistic=cloudwatch.Stats.MINIMUM
            ),
        },
        period=PERIOD,
        label="age of the oldest job that no worker has received",
    )


class WebhookAlarms(_Alarms):
    """Alarms on refused messages, on subscriptions to confirm by hand, and on errors of the webhook.

    Refused messages had the right password. Requests without one are not counted: SNS itself sends the first
    request without credentials.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        function_name: str,
        api_errors: Callable[..., cloudwatch.Metric],
    ) -> None:
        super().__init__(scope, construct_id, settings=settings)
        self._alarm(
            "RefusedMessages",
            _function_metric(function_name, REFUSED_MESSAGES, cloudwatch.Stats.SUM),
            above=0,
            meaning="a client with the webhook's password delivered a message that is not from SNS, is "
            "too old, or is of a topic that webhook.topic_arns does not name: look at the webhook's log",
        )
        self._alarm(
            "UnconfirmedSubscriptions",
            _function_metric(function_name, UNCONFIRMED_SUBSCRIPTIONS, cloudwatch.Stats.SUM),
            above=0,
            meaning="a subscription of the webhook was not confirmed: its log has the topic's ARN and the "
            "token to confirm it by hand",
        )
        self._alarm(
            "WebhookErrors",
            api_errors(period=PERIOD, statistic=cloudwatch.Stats.SUM),
            above=0,
            meaning="messages over HTTPS were not accepted. SNS retries by the subscription's delivery "
            "policy, then discards them: look at the logs of the webhook and of its authorizer",
        )


def _function_metric(
    function_name: str, name: Metric, statistic: str, *, period: Duration = PERIOD
) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=name,
        dimensions_map={FUNCTION_DIMENSION: function_name},
        period=period,
        statistic=statistic,
    )
