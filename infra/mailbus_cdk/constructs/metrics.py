"""The CloudWatch metrics that the alarms watch and the dashboard shows, each made in one place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Literal

import msgspec
from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from mailbus.metrics import FUNCTION_DIMENSION, NAMESPACE
from mailbus_cdk.constructs.function import Function
from mailbus_cdk.constructs.queues import DeadLetterQueue, WorkQueue
from mailbus_cdk.quotas import BY_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aws_cdk import aws_sqs as sqs

    from mailbus.metrics import Metric

Kind = Literal["Bounce", "Complaint"]

PERIOD: Final = Duration.minutes(5)
HOUR: Final = Duration.hours(1)
# SQS delivers nothing more, and says nothing, once so many messages of a queue are in flight.
MOST_IN_FLIGHT: Final = BY_NAME["sqs-in-flight"].default
IN_FLIGHT_ALARM: Final = 0.8 * MOST_IN_FLIGHT
QUOTA_ALARM_PERCENT: Final = 80
# the part of `sender.doubt_seconds` after which a `Send` event is late: at the end the mail may be sent again
LATE_SHARE: Final = 0.8
# how long received mail, and events for the timeline, may wait for a worker, in seconds
BACKLOG_SECONDS: Final = 900


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """A function with the queues that it reads, by name, and their dead-letter queue."""

    name: str
    function: Function
    queues: Mapping[str, WorkQueue]
    dead_letters: DeadLetterQueue


def own(
    function_name: str,
    name: Metric,
    statistic: str,
    *,
    period: Duration = PERIOD,
    label: str | None = None,
) -> cloudwatch.Metric:
    """Return a metric that a function writes into its log."""
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=name,
        dimensions_map={FUNCTION_DIMENSION: function_name},
        period=period,
        statistic=statistic,
        label=label,
    )


def visible(queue: sqs.Queue, *, label: str | None = None) -> cloudwatch.Metric:
    """Return how many messages of a queue wait to be received."""
    return queue.metric_approximate_number_of_messages_visible(
        period=PERIOD, statistic=cloudwatch.Stats.MAXIMUM, label=label
    )


def delayed(queue: sqs.Queue, *, label: str | None = None) -> cloudwatch.Metric:
    """Return how many messages of a queue are delayed, as jobs that wait are."""
    return queue.metric_approximate_number_of_messages_delayed(
        period=PERIOD, statistic=cloudwatch.Stats.MAXIMUM, label=label
    )


def in_flight(queue: sqs.Queue, *, label: str | None = None) -> cloudwatch.Metric:
    """Return how many messages of a queue workers have received."""
    return queue.metric_approximate_number_of_messages_not_visible(
        period=PERIOD, statistic=cloudwatch.Stats.MAXIMUM, label=label
    )


def age(queue: sqs.Queue, *, label: str | None = None) -> cloudwatch.Metric:
    """Return the age of a queue's oldest message in seconds, delayed ones included."""
    return queue.metric_approximate_age_of_oldest_message(
        period=PERIOD, statistic=cloudwatch.Stats.MAXIMUM, label=label
    )


def oldest_visible(queue: sqs.Queue, *, label: str) -> cloudwatch.MathExpression:
    """Return the age of the oldest message, in seconds, while there are always some to be received.

    SQS's age may be that of a message that is only delayed, for up to 15 minutes. It leaves out those that
    were received three times.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
    """
    return cloudwatch.MathExpression(
        expression="IF(visible > 0, age, 0)",
        using_metrics={
            "age": age(queue),
            "visible": queue.metric_approximate_number_of_messages_visible(
                period=PERIOD, statistic=cloudwatch.Stats.MINIMUM
            ),
        },
        period=PERIOD,
        label=label,
    )


def reputation(kind: Kind, *, region: str | None = None) -> cloudwatch.Metric:
    """Return SES's rate of bounces or complaints of all mail of the account, a part of 1.

    How often SES measures is not documented, and it is not each minute: an hour has a value in any case.
    https://docs.aws.amazon.com/ses/latest/dg/reputationdashboard-cloudwatch-alarm.html
    """
    return cloudwatch.Metric(
        namespace="AWS/SES",
        metric_name=f"Reputation.{kind}Rate",
        period=HOUR,
        statistic=cloudwatch.Stats.AVERAGE,
        region=region,
    )


def errors(function: Function, *, label: str | None = None) -> cloudwatch.Metric:
    """Return how often a function raised, ran out of time or memory: not the messages that it requeued.

    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
    """
    return function.function.metric_errors(period=PERIOD, statistic=cloudwatch.Stats.SUM, label=label)


def total(
    metrics: Mapping[str, cloudwatch.IMetric], *, label: str, expression: str = "{total}"
) -> cloudwatch.MathExpression:
    """Return the sum of metrics, of which some may have no value; in an expression, where it is `{total}`."""
    return cloudwatch.MathExpression(
        expression=expression.format(total=filled(metrics)),
        using_metrics=metrics,
        period=PERIOD,
        label=label,
    )


def filled(names: Iterable[str]) -> str:
    """Return the expression for the sum of metrics, of which some may have no value.

    Without FILL a sum has no value where one of its metrics has none; of an array SUM takes those that exist.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
    """
    return f"SUM([{', '.join(f'FILL({name}, 0)' for name in names)}])"
