"""What a stage has cost, as metric math: what CloudWatch counts of it, times AWS's prices.

`AWS/Billing` has the account's charges, not a stage's, and none of the last hours.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/monitor_estimated_charges_with_cloudwatch.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import aws_cloudwatch as cloudwatch

from mailbus.metrics import EVENTS, MAILS, METRICS
from mailbus.timeline.items import INDEXES
from mailbus_cdk.constructs import metrics
from mailbus_cdk.constructs.metrics import PERIOD

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aws_cdk import aws_dynamodb as dynamodb
    from aws_cdk import aws_logs as logs
    from aws_cdk import aws_sqs as sqs

    from mailbus_cdk.constructs.function import Function
    from mailbus_cdk.constructs.metrics import Flow

# USD in us-east-1, of Lambda on arm64
GB_MILLISECOND: Final = 0.0000133334 / 1000
INVOCATION: Final = 0.20 / 1e6
SQS_REQUEST: Final = 0.40 / 1e6
WRITE_UNIT: Final = 0.625 / 1e6
READ_UNIT: Final = 0.125 / 1e6
EVENT: Final = 1.00 / 1e6
LOG_BYTE: Final = 0.50 / 1e9
SES_MAIL: Final = 0.10 / 1e3
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
        "CloudWatch Logs": _sum("CloudWatch Logs", [(_log(one.log), LOG_BYTE) for one in functions]),
        "SES": _sum("SES", [(mails, SES_MAIL) for mails in accepted(sender_name).values()]),
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
            GB_MILLISECOND * one.memory_mb / 1024,
        )
        yield function.metric_invocations(period=PERIOD, statistic=statistic), INVOCATION


def _queues(queues: Iterable[sqs.Queue]) -> Iterable[Priced]:
    for queue in queues:
        for name in SQS_COUNTS:
            yield queue.metric(name, period=PERIOD, statistic=cloudwatch.Stats.SUM), SQS_REQUEST


def _tables(ledger: dynamodb.ITable, timeline: dynamodb.ITable | None) -> Iterable[Priced]:
    yield _units("ConsumedReadCapacityUnits", ledger), READ_UNIT
    yield _units("ConsumedWriteCapacityUnits", ledger), WRITE_UNIT
    if timeline:
        yield _units("ConsumedReadCapacityUnits", timeline), READ_UNIT
        for index in (None, *INDEXES):
            yield _units("ConsumedWriteCapacityUnits", timeline, index), WRITE_UNIT


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
        yield metric, EVENT
    for flow in flows:
        for name in EVENTS.values():
            if flow.function.name in METRICS[name].by:
                yield metrics.own(flow.function.function.function_name, name, cloudwatch.Stats.SUM), EVENT


def _log(group: logs.LogGroup) -> cloudwatch.Metric:
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch-Logs-Monitoring-CloudWatch-Metrics.html
    return cloudwatch.Metric(
        namespace="AWS/Logs",
        metric_name="IncomingBytes",
        dimensions_map={"LogGroupName": group.log_group_name},
        period=PERIOD,
        statistic=cloudwatch.Stats.SUM,
    )
