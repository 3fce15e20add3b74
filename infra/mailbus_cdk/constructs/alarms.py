"""When somebody has to look: what CloudWatch watches, and whom it tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from constructs import Construct

from mailbus.metrics import (
    FUNCTION_DIMENSION,
    NAMESPACE,
    REFUSED_MESSAGES,
    SENDING_PAUSED,
    UNCONFIRMED_SUBSCRIPTIONS,
    WAITING_JOB_SECONDS,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailbus.metrics import Metric
    from mailbus_cdk.mail import Mail
    from mailbus_cdk.settings.schema import Settings

PERIOD: Final = Duration.minutes(5)
# A job that waits is measured when it comes back: after two hours at the latest, for the 24-hour quota.
WAITING_PERIODS: Final = 24


class _Telling(Construct):
    """Alarms that tell one topic, where the settings name one."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(scope, construct_id)
        topic_arn = settings.alarms.topic_arn
        self._tell = (
            actions.SnsAction(sns.Topic.from_topic_arn(self, "Topic", topic_arn)) if topic_arn else None
        )

    def _alarm(
        self, name: str, metric: cloudwatch.Metric, *, above: float, meaning: str, periods: int = 1
    ) -> None:
        """Make an alarm that rings when one period is above, and ends when so many no longer are."""
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
            alarm_description=f"Mailbus: {meaning}",
        )
        if self._tell:
            alarm.add_alarm_action(self._tell)
            alarm.add_ok_action(self._tell)


class Alarms(_Telling):
    """An alarm on paused sending, on late jobs, and on every dead-letter queue; all tell one topic.

    Jobs are late in two ways. SQS tells of those that nobody takes, and the sender of those that it has to
    give back: SQS leaves out what was received three times
    (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html).
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings, mail: Mail) -> None:
        super().__init__(scope, construct_id, settings=settings)
        self._alarm(
            "SendingPaused",
            _measured(mail.sending.function_name, SENDING_PAUSED, cloudwatch.Stats.SUM),
            above=0,
            meaning="SES has paused the account's sending, or the configuration set's: jobs wait until it is "
            "resumed, and expire meanwhile where they say so",
        )
        self._alarm(
            "LateJobs",
            mail.sending.transactional.queue.metric_approximate_age_of_oldest_message(
                period=PERIOD, statistic=cloudwatch.Stats.MAXIMUM
            ),
            above=settings.alarms.oldest_job_seconds,
            meaning="the oldest transactional job that no worker comes to has waited too long: look at the "
            "sender's errors and throttles, and at transactional.max_concurrency",
        )
        self._alarm(
            "WaitingJobs",
            _measured(mail.sending.function_name, WAITING_JOB_SECONDS, cloudwatch.Stats.MAXIMUM),
            above=settings.alarms.oldest_job_seconds,
            periods=WAITING_PERIODS,
            meaning="a transactional job that the sender had to give back has waited too long: look at its "
            "log, at the account's sending rate and at its 24-hour quota",
        )
        dead_letters = {"Send": mail.sending.dead_letters, "Tracking": mail.tracking.dead_letters}
        if mail.inbound:
            dead_letters["Inbound"] = mail.inbound.dead_letters
        for name, letters in dead_letters.items():
            self._alarm(
                f"{name}DeadLetters",
                letters.queue.metric_approximate_number_of_messages_visible(
                    period=PERIOD, statistic=cloudwatch.Stats.MAXIMUM
                ),
                above=0,
                meaning="something could not be done; each dead letter's attributes say why",
            )


class WebhookAlarms(_Telling):
    """An alarm on refused messages, on subscriptions to be confirmed by hand, and on errors.

    What is refused had the right password: who has none is not told of, since SNS itself asks without first.
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
            _measured(function_name, REFUSED_MESSAGES, cloudwatch.Stats.SUM),
            above=0,
            meaning="somebody who knows the webhook's password delivered what is not of SNS, is too old, or "
            "is of a topic that webhook.topic_arns does not name: look at the webhook's log",
        )
        self._alarm(
            "UnconfirmedSubscriptions",
            _measured(function_name, UNCONFIRMED_SUBSCRIPTIONS, cloudwatch.Stats.SUM),
            above=0,
            meaning="a subscription of the webhook was not confirmed: its log has the topic's ARN and the "
            "token to confirm it by hand",
        )
        self._alarm(
            "WebhookErrors",
            api_errors(period=PERIOD, statistic=cloudwatch.Stats.SUM),
            above=0,
            meaning="messages over HTTPS were not taken; SNS tries again as each subscription's delivery "
            "policy says, and then gives them up: look at the log of the webhook and of its authorizer",
        )


def _measured(function_name: str, name: Metric, statistic: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=name,
        dimensions_map={FUNCTION_DIMENSION: function_name},
        period=PERIOD,
        statistic=statistic,
    )
