"""The dashboard: valid for CloudWatch, and made of metrics that there are."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
from typing import TYPE_CHECKING, Any, Final

import msgspec
import pytest

from mailbus.metrics import METRICS, NAMESPACE
from mailbus_cdk.settings.receiving import Inbound
from mailbus_cdk.settings.tables import Alarms, Events, SessionParams, Timeline
from tests.infra.dashboards import Shown, body, metrics_of, rows, widgets

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailbus_cdk.settings import Settings
    from tests.infra.templates import Templates

COLUMNS: Final = 24
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html
MOST_METRICS_OF_A_WIDGET: Final = 500
MOST_METRICS: Final = 2500
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutDashboard.html
NAME: Final = r"[A-Za-z0-9_-]{1,255}"
ID: Final = r"[a-z][a-zA-Z0-9_]*"
FUNCTIONS_OF_EXPRESSIONS: Final = {"SUM", "FILL", "PERIOD"}
# AWS's own metrics with their dimensions, by the pages of each service:
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch-Logs-Monitoring-CloudWatch-Metrics.html
# https://docs.aws.amazon.com/ses/latest/dg/reputationdashboard-cloudwatch-alarm.html
OF_AWS: Final[dict[str, tuple[set[str], set[tuple[str, ...]]]]] = {
    "AWS/SQS": (
        {
            "ApproximateAgeOfOldestMessage",
            "ApproximateNumberOfMessagesDelayed",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesVisible",
            "NumberOfEmptyReceives",
            "NumberOfMessagesDeleted",
            "NumberOfMessagesReceived",
            "NumberOfMessagesSent",
        },
        {("QueueName",)},
    ),
    "AWS/Lambda": (
        {"Invocations", "Errors", "Throttles", "Duration", "ConcurrentExecutions"},
        {("FunctionName",)},
    ),
    "AWS/DynamoDB": (
        {"ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits"},
        {("TableName",), ("GlobalSecondaryIndexName", "TableName")},
    ),
    "AWS/Logs": ({"IncomingBytes"}, {("LogGroupName",)}),
    "AWS/SES": ({"Reputation.BounceRate", "Reputation.ComplaintRate"}, {()}),
}


@pytest.fixture(params=["prod", "local"])
def templates(request: pytest.FixtureRequest) -> Templates:
    made: Templates = request.getfixturevalue(request.param)
    return made


def shown(templates: Templates) -> set[Shown]:
    return {metric for widget in widgets(templates) for metric in metrics_of(widget)}


def test_the_dashboard_is_of_the_stage_and_the_region_since_the_account_has_one_of_a_name(
    prod: Templates,
) -> None:
    name = prod.one("AWS::CloudWatch::Dashboard").properties["DashboardName"]
    assert name == "mailbus-prod-us-east-1" == prod.outputs("mail")["DashboardName"]
    assert re.fullmatch(NAME, name)


def test_widgets_fill_rows_and_cover_no_other(templates: Templates) -> None:
    taken: set[tuple[int, int]] = set()
    for widget in widgets(templates):
        assert widget["x"] + widget["width"] <= COLUMNS
        cells = set(
            itertools.product(
                range(widget["x"], widget["x"] + widget["width"]),
                range(widget["y"], widget["y"] + widget["height"]),
            )
        )
        assert not cells & taken
        taken |= cells
    assert len(taken) == COLUMNS * (1 + max(y for _, y in taken)), "no hole"


def test_each_section_begins_with_a_text(prod: Templates) -> None:
    texts = [widget for widget in widgets(prod) if widget["type"] == "text"]
    headings = [widget["properties"]["markdown"].splitlines()[0] for widget in texts]
    assert headings == [
        "# Mailbus prod, us-east-1",
        *(f"## {one}" for one in ("Mail", "Pace", "Queues", "Doubt", "Functions", "Cost")),
    ]
    assert all(widget["width"] == COLUMNS for widget in texts)


def test_every_metric_is_one_of_aws_or_of_a_function_that_writes_it(templates: Templates) -> None:
    functions = {
        f"<{function.path}>": function.properties["Environment"]["Variables"].get("POWERTOOLS_SERVICE_NAME")
        for function in templates.of_type("AWS::Lambda::Function")
    }
    for metric in shown(templates):
        if metric.namespace == NAMESPACE:
            [(dimension, value)] = metric.dimensions
            assert dimension == "service"
            assert functions[value] in METRICS[metric.name].by  # type: ignore[index] # any name
            continue
        names, dimensions = OF_AWS[metric.namespace]
        assert metric.name in names
        assert tuple(sorted(name for name, _ in metric.dimensions)) in dimensions


def test_every_dimension_is_of_a_resource_of_the_stage(templates: Templates) -> None:
    names = {"QueueName": "Queue", "FunctionName": "Function", "LogGroupName": "Log", "service": "Function"}
    for metric in shown(templates):
        for dimension, value in metric.dimensions:
            if dimension in names:
                assert value.endswith(f"/{names[dimension]}>"), value


def test_every_metric_of_sending_and_tracking_is_shown(prod: Templates) -> None:
    # those that only the alarms need
    left_out = {"LimitedBulkCalls", "UnexpectedRate", "RefusedMessages", "UnconfirmedSubscriptions"}
    assert {
        metric.name for metric in shown(prod) if metric.namespace == NAMESPACE
    } == METRICS.keys() - left_out


def test_expressions_use_the_ids_of_their_widget(templates: Templates) -> None:
    for widget in widgets(templates):
        options = [row[-1] for row in rows(widget)]
        ids = [one["id"] for one in options if "id" in one]
        assert len(ids) == len(set(ids))
        assert all(re.fullmatch(ID, one) for one in ids)
        for expression in (one["expression"] for one in options if "expression" in one):
            words = set(re.findall(r"[A-Za-z_][A-Za-z0-9_]*", expression))
            assert words <= FUNCTIONS_OF_EXPRESSIONS | set(ids), expression
            # a result that is not a number of the time series is an array, which no line can be
            assert expression.count("(") == expression.count(")")


def test_the_dashboard_keeps_to_the_quotas_of_cloudwatch(templates: Templates) -> None:
    counts = [len(rows(widget)) for widget in widgets(templates)]
    assert max(counts) <= MOST_METRICS_OF_A_WIDGET
    assert sum(counts) <= MOST_METRICS
    assert len(json.dumps(body(templates))) < 100_000


def test_the_state_of_every_alarm_of_the_stack_is_shown(prod: Templates) -> None:
    [alarms] = [widget for widget in widgets(prod) if widget["type"] == "alarm"]
    assert set(alarms["properties"]["alarms"]) == {
        f"<{alarm.path}>" for alarm in prod.of_type("AWS::CloudWatch::Alarm") if alarm.stack == "mail"
    }


def titled(templates: Templates, title: str) -> dict[str, Any]:
    [found] = [widget for widget in widgets(templates) if widget["properties"].get("title") == title]
    return found


def test_thresholds_are_drawn_where_the_alarms_have_them(prod: Templates) -> None:
    for title, alarm in (
        ("24-hour quota", "QuotaNearlyUsed"),
        ("Messages in flight", "BulkInFlight"),
        ("From SES's acceptance until its Send event was processed, s", "LateEvents"),
    ):
        lines = titled(prod, title)["properties"]["annotations"]["horizontal"]
        [line] = [line["value"] for line in lines if line["label"] == "alarm"]
        assert line == prod.one("AWS::CloudWatch::Alarm", alarm).properties["Threshold"]


def test_the_cost_is_of_the_time_that_is_shown(prod: Templates) -> None:
    properties = titled(prod, "USD")["properties"]
    assert properties["view"] == "singleValue"
    assert properties["setPeriodToTimeRange"] is True
    visible = [row[-1]["label"] for row in rows(titled(prod, "USD")) if row[-1].get("visible", True)]
    assert visible == [
        "All of these",
        *("Lambda", "SQS, at most", "DynamoDB", "EventBridge", "CloudWatch Logs", "SES"),
    ]


def evaluate(widget: dict[str, Any], values: Callable[[Shown], float | None]) -> dict[str, float]:
    """Return what the visible expressions of a widget are for one period, by their labels.

    An operator has no value if one of its operands has none.
    """
    by_id: dict[str, Any] = {}
    expressions: list[dict[str, Any]] = []
    for *names, options in rows(widget):
        if names:
            [metric] = metrics_of({"properties": {"metrics": [[*names, options]]}})
            by_id[options.get("id", "")] = values(metric)
        else:
            expressions.append(options)
    environment: dict[str, Any] = {
        "SUM": lambda terms: sum(term for term in terms if term is not None),
        "FILL": lambda value, filling: filling if value is None else value,
        "PERIOD": lambda _: 300,
    }
    pending = [one for one in expressions if "expression" in one]
    while pending:
        ready = [one for one in pending if set(re.findall(r"\b[a-z]\w*", one["expression"])) <= by_id.keys()]
        assert ready
        for one in ready:
            with contextlib.suppress(TypeError):
                value = eval(one["expression"], {"__builtins__": {}}, {**environment, **by_id})  # noqa: S307 - ours
                by_id[one.get("id", one["label"])] = value
            pending.remove(one)
    visible = {one["label"]: one.get("id", one["label"]) for one in expressions if one.get("visible", True)}
    return {label: by_id[name] for label, name in visible.items() if name in by_id}


def test_rates_are_percent_of_all_mails_that_ses_accepted(prod: Templates) -> None:
    counts = {"TransactionalMails": 150.0, "BulkMails": 50.0, "BouncedEvents": 3.0, "DeliveredEvents": 190.0}
    found = evaluate(titled(prod, "Bounced, complained"), lambda metric: counts.get(metric.name))
    assert (found["bounced"], found["complained"]) == (1.5, 0.0)
    found = evaluate(titled(prod, "Delivered, opened, clicked"), lambda metric: counts.get(metric.name))
    assert found["delivered"] == 95.0


def test_the_rate_of_a_stage_whose_bulk_lane_is_unused_is_that_of_the_other(prod: Templates) -> None:
    counts = {"TransactionalMails": 100.0, "BouncedEvents": 3.0}
    found = evaluate(titled(prod, "Bounced, complained"), lambda metric: counts.get(metric.name))
    assert found["bounced"] == 3.0


def test_the_pace_is_mails_a_second(prod: Templates) -> None:
    counts = {"TransactionalMails": 3000.0, "BulkMails": 1200.0}
    widget = titled(prod, "Mails a second and the account's rate")
    assert evaluate(widget, lambda metric: counts.get(metric.name))["accepted"] == 14.0


def test_the_cost_is_what_was_counted_times_its_price(prod: Templates) -> None:
    counted = {
        "Duration": 1_000_000.0,
        "Invocations": 100_000.0,
        "NumberOfMessagesSent": 1_000_000.0,
        "ConsumedWriteCapacityUnits": 1_000_000.0,
        "TransactionalMails": 1_000_000.0,
        "DeliveredEvents": 1_000_000.0,
        "IncomingBytes": 1e9,
    }
    found = evaluate(titled(prod, "USD"), lambda metric: counted.get(metric.name))
    memory_mb = [
        function.properties["MemorySize"]
        for function in prod.of_type("AWS::Lambda::Function")
        if function.stack == "mail"
    ]
    assert len(memory_mb) == 5
    assert found["Lambda"] == pytest.approx(1000 * sum(memory_mb) / 1024 * 0.0000133334 + 5 * 0.02)
    assert found["SQS, at most"] == pytest.approx(5 * 0.40)
    # the ledger, the timeline and its three indexes
    assert found["DynamoDB"] == pytest.approx(5 * 0.625)
    assert found["EventBridge"] == pytest.approx(2.00)
    assert found["CloudWatch Logs"] == pytest.approx(5 * 0.50)
    assert found["SES"] == pytest.approx(100.0)
    assert found["All of these"] == pytest.approx(
        sum(value for label, value in found.items() if label != "All of these")
    )


def test_what_a_stage_does_not_have_is_not_shown(
    synthesize: Callable[[Settings], Templates], settings: Settings
) -> None:
    plain = msgspec.structs.replace(settings, timeline=Timeline(), inbound=Inbound())
    for metric in shown(synthesize(plain)):
        assert not metric.name.startswith("Inbound")
        assert not any("Timeline" in value or "Inbound" in value for _, value in metric.dimensions)


def test_reputation_is_that_of_the_region_of_ses_and_of_no_other_account(
    synthesize: Callable[[Settings], Templates], settings: Settings
) -> None:
    def reputation(session: SessionParams) -> list[str]:
        elsewhere = synthesize(
            msgspec.structs.replace(
                settings, session_params=session, identity_exists=True, configuration_set_exists=True
            )
        )
        widget = titled(elsewhere, "Bounced, complained")
        return [row[-1].get("region", "") for row in rows(widget) if row[0] == "AWS/SES"]

    assert reputation(SessionParams(region="eu-west-1")) == ["eu-west-1", "eu-west-1"]
    assert reputation(SessionParams(role_arn="arn:aws:iam::210987654321:role/mail")) == []


def test_rates_do_not_need_send_events_on_the_bus(
    synthesize: Callable[[Settings], Templates], settings: Settings
) -> None:
    quiet = synthesize(msgspec.structs.replace(settings, events=Events(sent=False)))
    for title in ("Delivered, opened, clicked", "Bounced, complained"):
        assert "SentEvents" not in {metric.name for metric in metrics_of(titled(quiet, title))}


def test_a_stage_may_have_no_dashboard(
    synthesize: Callable[[Settings], Templates], settings: Settings
) -> None:
    without = synthesize(msgspec.structs.replace(settings, alarms=Alarms(dashboard=False)))
    assert "AWS::CloudWatch::Dashboard" not in {resource.type for resource in without.resources}
    assert "DashboardName" not in without.outputs("mail")
