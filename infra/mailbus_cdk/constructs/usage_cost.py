"""What a stage has cost, as metric math: what CloudWatch counts of it, times AWS's prices.

`AWS/Billing` has the account's charges, not a stage's, and none of the last hours.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/monitor_estimated_charges_with_cloudwatch.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import aws_cloudwatch as cloudwatch

from mailbus.metrics import EVENTS, MAILS, METRICS
from mailbus.timeline.items import INDEXES
from mailbus_cdk import prices
from mailbus_cdk.constructs import metrics
from mailbus_cdk.constructs.metrics import PERIOD

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aws_cdk import aws_dynamodb as dynamodb
    from aws_cdk import aws_logs as logs
    from aws_cdk import aws_sqs as sqs

    from mailbus_cdk.constructs.function import Function
    from mailbus_cdk.constructs.metrics import Flow

BYTES_PER_GB: Final = 1e9
# What CloudWatch counts of a queue; a request moves up to ten messages, but an empty one is a request.
SQS_COUNTS: Final = (
    "NumberOfMessagesSent",
    "NumberOfMessagesReceived",
    "NumberOfMessagesDeleted",
    "NumberOfEmptyReceives",
)


def by_service(
    flows: Sequence[Flow], *, sender_name: str, ledger: dynamodb.ITable, timeline: dynamodb.ITable | None
) -> dict[str, cloudwatch.MathExpression]:
    """Return the cost of each service in USD, by its name.

    SQS's is the most it can be: each message that is sent, received or deleted counts as a request of its
    own.
    """
    functions = [flow.function for flow in flows]
    queues = [work.queue for flow in flows for work in flow.queues.values()]
    return {
        "Lambda": _sum("Lambda", _functions(functions)),
        "SQS, at most": _sum("SQS, at most", _queues(queues)),
        "DynamoDB": _sum("DynamoDB", _tables(ledger, timeline)),
        "EventBridge": _sum("EventBridge", _events(flows, sender_name)),
        "CloudWatch Logs": _sum(
            "CloudWatch Logs", [(_log(one.log), prices.LOG_GB.each / BYTES_PER_GB) for one in functions]
        ),
        "SES": _sum("SES", [(mails, prices.SES_A_LA_CARTE.each) for mails in accepted(sender_name).values()]),
    }


def accepted(sender_name: str) -> dict[str, cloudwatch.Metric]:
    """Return the mails that SES accepted, by lane."""
    return {
        lane: metrics.own(sender_name, name, cloudwatch.Stats.SUM, label=f"accepted, {lane}")
        for lane, name in MAILS.items()
    }


Priced = tuple[cloudwatch.IMetric, float]


def _sum(label: str, priced: Iterable[Priced]) -> cloudwatch.MathExpression:
    prefix = "".join(letter for letter in label.lower() if letter.isalnum())
    named = {f"{prefix}{number}": one for number, one in enumerate(priced)}
    terms = " + ".join(f"SUM([FILL({name}, 0)]) * {price:.15f}" for name, (_, price) in named.items())
    return cloudwatch.MathExpression(
        expression=terms,
        using_metrics={name: metric for name, (metric, _) in named.items()},
        period=PERIOD,
        label=label,
    )


def _functions(functions: Iterable[Function]) -> Iterable[Priced]:
    for one in functions:
        function, statistic = one.function, cloudwatch.Stats.SUM
        yield (
            function.metric_duration(period=PERIOD, statistic=statistic),
            prices.LAMBDA_GB_SECONDS.each / 1000 * one.memory_mb / 1024,
        )
        yield function.metric_invocations(period=PERIOD, statistic=statistic), prices.LAMBDA_INVOCATIONS.each


def _queues(queues: Iterable[sqs.Queue]) -> Iterable[Priced]:
    for queue in queues:
        for name in SQS_COUNTS:
            yield queue.metric(name, period=PERIOD, statistic=cloudwatch.Stats.SUM), prices.SQS_REQUESTS.each


def _tables(ledger: dynamodb.ITable, timeline: dynamodb.ITable | None) -> Iterable[Priced]:
    yield _units("ConsumedReadCapacityUnits", ledger), prices.READ_UNITS.each
    yield _units("ConsumedWriteCapacityUnits", ledger), prices.WRITE_UNITS.each
    if timeline:
        yield _units("ConsumedReadCapacityUnits", timeline), prices.READ_UNITS.each
        for index in (None, *INDEXES):
            yield _units("ConsumedWriteCapacityUnits", timeline, index), prices.WRITE_UNITS.each


def _units(name: str, table: dynamodb.ITable, index: str | None = None) -> cloudwatch.Metric:
    # The table's own do not include those of its indexes:
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
    return cloudwatch.Metric(
        namespace="AWS/DynamoDB",
        metric_name=name,
        dimensions_map={
            "TableName": table.table_name,
            **({"GlobalSecondaryIndexName": index} if index else {}),
        },
        period=PERIOD,
        statistic=cloudwatch.Stats.SUM,
    )


def _events(flows: Iterable[Flow], sender_name: str) -> Iterable[Priced]:
    """Yield the events of each function, and the `queued` ones, of which there is one for each mail."""
    for metric in accepted(sender_name).values():
        yield metric, prices.EVENTS.each
    for flow in flows:
        for name in EVENTS.values():
            if flow.function.name in METRICS[name].by:
                yield (
                    metrics.own(flow.function.function.function_name, name, cloudwatch.Stats.SUM),
                    prices.EVENTS.each,
                )


def _log(group: logs.LogGroup) -> cloudwatch.Metric:
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch-Logs-Monitoring-CloudWatch-Metrics.html
    return cloudwatch.Metric(
        namespace="AWS/Logs",
        metric_name="IncomingBytes",
        dimensions_map={"LogGroupName": group.log_group_name},
        period=PERIOD,
        statistic=cloudwatch.Stats.SUM,
    )
