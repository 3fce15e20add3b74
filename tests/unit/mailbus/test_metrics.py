from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, get_args

import pytest
from aws_lambda_powertools.metrics import MetricUnit

from mailbus.events import EventType
from mailbus.metrics import (
    EVENTS,
    METRICS,
    SENDING_PAUSED,
    WAITING_JOB_SECONDS,
    BatchMetrics,
    Metric,
    count_events,
    put_metric,
    put_metrics,
)
from tests.architecture.source_tree import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

FUNCTION = "mailbus-dev-sender"
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
MOST_METRICS = 100


@pytest.fixture(autouse=True)
def _as_deployed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "sender")


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize(("name", "unit"), [(SENDING_PAUSED, "Count"), (WAITING_JOB_SECONDS, "Seconds")])
def test_what_the_alarms_watch_is_written_as_a_metric(
    name: Metric, unit: str, capsys: pytest.CaptureFixture[str]
) -> None:
    put_metric(FUNCTION, name, 3)
    [written] = lines(capsys)
    assert written[name] == [3.0]
    assert written["service"] == FUNCTION
    (directive,) = written["_aws"]["CloudWatchMetrics"]
    assert directive == {
        "Namespace": "Mailbus",
        "Dimensions": [["service"]],
        "Metrics": [{"Name": name, "Unit": unit}],
    }


def test_a_batch_adds_up_counts_and_keeps_the_largest_of_other_values(
    capsys: pytest.CaptureFixture[str],
) -> None:
    metrics = BatchMetrics(FUNCTION)
    values: list[tuple[Metric, float]] = [
        ("TransactionalMails", 3),
        ("TransactionalMails", 50),
        ("DoubtSeconds", 7.5),
        ("DoubtSeconds", 2.5),
        ("QuotaPercent", 0.0),
    ]
    for name, value in values:
        metrics.put(name, value)
    metrics.write()
    [written] = lines(capsys)
    assert {name: written[name] for name in METRICS if name in written} == {
        "TransactionalMails": [53.0],
        "DoubtSeconds": [7.5],
    }


def test_the_next_batch_begins_anew_and_one_without_metrics_writes_no_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    metrics = BatchMetrics(FUNCTION)
    metrics.put("BulkMails", 1)
    metrics.write()
    metrics.write()
    metrics.put("BulkMails", 2)
    metrics.write()
    assert [line["BulkMails"] for line in lines(capsys)] == [[1.0], [2.0]]


def test_all_metrics_of_a_function_fit_into_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    values: Mapping[Metric, float] = dict.fromkeys(METRICS, 1.5)
    put_metrics(FUNCTION, values)
    [written] = lines(capsys)
    (directive,) = written["_aws"]["CloudWatchMetrics"]
    assert {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]} == {
        name: definition.unit for name, definition in METRICS.items()
    }
    assert len(METRICS) < MOST_METRICS


def test_every_metric_is_defined_with_a_unit_of_cloudwatch_and_a_function_that_writes_it() -> None:
    assert set(METRICS) == set(get_args(Metric))
    for definition in METRICS.values():
        assert definition.unit in {unit.value for unit in MetricUnit}
        assert definition.by
        for function in definition.by:
            assert (ROOT / "functions" / function / "handler.py").exists()


def test_every_type_of_events_has_a_metric_and_queued_ones_are_the_mails_of_a_lane() -> None:
    # nested literals are one
    assert set(EVENTS) == set(get_args(EventType)) - {"queued"}
    assert count_events(["queued", "sent", "bounced", "sent", "inbound_failed"]) == {
        "SentEvents": 2,
        "BouncedEvents": 1,
        "InboundFailedEvents": 1,
    }
