"""Each alarm of the templates, evaluated as CloudWatch does on what the fault that it is for makes.

The metrics of the functions come from the functions themselves; those of AWS are what its pages document.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
"""

from __future__ import annotations

import json
import operator
import statistics
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from mailbus.metrics import METRICS
from sender.account_limits import reporter
from sender.rate.slots import LanePaused, Limits, QuotaExhausted
from tests.unit.sender.answers import PAUSED, UNANSWERED, refusal
from tests.unit.sender.jobs import newsletter
from tests.unit.sender.world import World
from tests.unit.tracking.notifications import envelope, payload
from tests.unit.tracking.world import NOW
from tests.unit.tracking.world import World as TrackingWorld

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mailbus.metrics import Metric
    from tests.infra.templates import Templates

Measured = list[tuple[str, float]]
STATISTICS: dict[str, Callable[[Sequence[float]], float]] = {
    "Average": statistics.fmean,
    "Maximum": max,
    "Minimum": min,
    "Sum": sum,
}
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
}


def is_on(alarm: Mapping[str, Any], periods: Sequence[Sequence[float]]) -> bool:
    """Return whether an alarm on one metric is on, by the values of each period, the newest one last."""
    is_breaching = COMPARISONS[alarm["ComparisonOperator"]]
    statistic = STATISTICS[alarm["Statistic"]]
    last = periods[-alarm["EvaluationPeriods"] :]
    breaching = [is_breaching(statistic(values), float(alarm["Threshold"])) for values in last if values]
    return sum(breaching) >= int(alarm.get("DatapointsToAlarm", alarm["EvaluationPeriods"]))


def properties(templates: Templates, name: str) -> dict[str, Any]:
    [alarm] = [
        one for one in templates.of_type("AWS::CloudWatch::Alarm") if one.path.rpartition("/")[2] == name
    ]
    return alarm.properties


# The sender and the tracker


def paused() -> Measured:
    world = World()
    world.ses.calls = [PAUSED]
    world.put()
    world.deliver()
    return world.metrics


def limited() -> Measured:
    world = World()
    world.ses.calls = [refusal("TooManyRequestsException", "Too many requests", 429)]
    world.put(**newsletter(3))
    world.deliver()
    return world.metrics


def waiting() -> Measured:
    world = World()
    world.put()
    world.wait(1000)
    world.pace.decisions = [lambda count: [QuotaExhausted() for _ in range(count)]]
    world.deliver()
    return world.metrics


def limits(rate: float = 14.0, percent: float | None = None) -> Measured:
    measured: Measured = []
    world = World()

    def put(name: Metric, value: float) -> None:
        measured.append((name, value))

    reporter(14.0, log=world.sender.log, put_metric=put)(Limits(max_send_rate=rate, quota_percent=percent))
    return measured


def sent(seconds_ago: float) -> Measured:
    changed = payload("event_send")
    changed["mail"]["timestamp"] = datetime.fromtimestamp(NOW - seconds_ago, UTC).isoformat()
    world = TrackingWorld()
    assert world.run(envelope(json.dumps(changed))) == []
    return [(name, value) for metrics in world.metrics for name, value in metrics.items()]


def held() -> Measured:
    world = World()
    world.put()
    world.pace.decisions = [lambda count: [LanePaused()] * count]
    world.deliver()
    return world.metrics


FAULTS: dict[str, Callable[[], Measured]] = {
    "SendingPaused": paused,
    "LanePaused": held,
    "LimitedBulkCalls": limited,
    "WaitingJobs": waiting,
    "UnexpectedRate": lambda: limits(rate=50.0),
    "QuotaNearlyUsed": lambda: limits(percent=80.5),
    "LateEvents": lambda: sent(97.0),
}


def values(alarm: Mapping[str, Any], measured: Measured) -> list[float]:
    # zero is not written
    return [value for name, value in measured if name == alarm["MetricName"] and value]


@pytest.mark.parametrize(("name", "fault"), FAULTS.items())
def test_what_a_function_measures_of_a_fault_turns_the_alarm_on(
    prod: Templates, name: str, fault: Callable[[], Measured]
) -> None:
    alarm = properties(prod, name)
    assert alarm["MetricName"] in METRICS
    assert is_on(alarm, [values(alarm, fault())])


def healthy() -> Measured:
    """Mails of both lanes, one without an answer whose event comes, at the expected rate."""
    world = World()
    world.ses.calls = [UNANSWERED]
    for name in ("ann", "bob", "cid"):
        world.put(to=name)
    world.put(**newsletter(3))
    world.deliver()
    world.report_sends()
    world.run()
    assert world.queues.messages == {}
    return [*world.metrics, *limits(percent=79.0), *sent(30.0)]


@pytest.mark.parametrize("name", FAULTS)
def test_no_alarm_is_on_while_mail_is_sent(prod: Templates, name: str) -> None:
    alarm = properties(prod, name)
    assert not is_on(alarm, [values(alarm, healthy())] * alarm["EvaluationPeriods"])


def test_no_alarm_is_on_while_nothing_is_measured(prod: Templates) -> None:
    for alarm in prod.of_type("AWS::CloudWatch::Alarm"):
        # those of the guard stay as they are
        line = alarm.path.startswith("Mail/Guard/") and not alarm.path.endswith("DeadLetters")
        assert alarm.properties["TreatMissingData"] == ("ignore" if line else "notBreaching")
        if "MetricName" in alarm.properties and alarm.path.startswith("Mail/Alarms/"):
            assert not is_on(alarm.properties, [[]] * alarm.properties["EvaluationPeriods"])


# AWS's own metrics


@pytest.mark.parametrize("part", ["Send", "Tracking", "Inbound", "Timeline"])
def test_the_first_dead_letter_turns_its_alarm_on(prod: Templates, part: str) -> None:
    alarm = properties(prod, f"{part}DeadLetters")
    assert is_on(alarm, [[0.0, 1.0]])
    assert not is_on(alarm, [[1.0], [0.0]])


@pytest.mark.parametrize("part", ["Send", "Tracking", "Inbound", "Timeline"])
def test_a_function_that_keeps_dying_turns_its_alarm_on_but_one_worker_does_not(
    prod: Templates, part: str
) -> None:
    alarm = properties(prod, f"{part}Errors")
    assert is_on(alarm, [[0.0, 2.0], [1.0], [7.0]])
    assert not is_on(alarm, [[0.0], [40.0], [0.0]])
    # a poison message that comes again after ten minutes
    assert not is_on(alarm, [[1.0], [], [1.0]])


@pytest.mark.parametrize("queue", ["Transactional", "Bulk", "Tracking", "Inbound", "Timeline"])
def test_messages_in_flight_turn_the_alarm_on_before_sqs_delivers_no_more(
    prod: Templates, queue: str
) -> None:
    alarm = properties(prod, f"{queue}InFlight")
    assert is_on(alarm, [[10.0, 96_001.0]])
    assert not is_on(alarm, [[90_000.0]])


@pytest.mark.parametrize(
    ("name", "seconds"),
    [("LateJobs", 901.0), ("TrackingBacklog", 97.0), ("InboundBacklog", 901.0), ("TimelineBacklog", 901.0)],
)
def test_a_queue_that_nobody_reads_turns_its_alarm_on_but_a_delayed_message_does_not(
    prod: Templates, name: str, seconds: float
) -> None:
    alarm = properties(prod, name)
    [expression] = [one["Expression"] for one in alarm["Metrics"] if "Expression" in one]
    assert expression == "IF(visible > 0, age, 0)"

    def value(visible: float, age: float) -> float:
        return age if visible > 0 else 0

    assert value(visible=1, age=seconds) > alarm["Threshold"]
    assert not value(visible=0, age=seconds) > alarm["Threshold"]
    assert not value(visible=500, age=20) > alarm["Threshold"]


# values of two periods, the newest last, that turn an alarm on, and those that do not
OF_THE_GUARD: dict[str, tuple[list[list[float]], list[list[float]]]] = {
    "BounceReview": ([[], [0.05]], [[0.05], [0.049]]),
    "BouncePause": ([[0.075], [0.08]], [[0.09], [0.07]]),
    "ComplaintReview": ([[], [0.001]], [[0.001], [0.0009]]),
    "ComplaintPause": ([[0.002], [0.003]], [[0.001], [0.004]]),
    "GuardDeadLetters": ([[], [1.0]], [[1.0], [0.0]]),
}


@pytest.mark.parametrize(("name", "on", "off"), [(name, *of) for name, of in OF_THE_GUARD.items()])
def test_the_alarms_of_the_guard_are_on_at_their_thresholds(
    prod: Templates, name: str, on: list[list[float]], off: list[list[float]]
) -> None:
    alarm = properties(prod, name)
    assert is_on(alarm, on)
    assert not is_on(alarm, off)
