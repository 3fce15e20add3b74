"""What the sidebar and the overview show, read side by side: pace, limits, queues, alarms, mails in doubt."""

from __future__ import annotations

import functools
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from mailbus.errors import MailbusError
from mailbus.events import LaneEvent
from mailbus.stages import TIMELINE_TABLE
from mailbus.timeline import items
from mailbus_cli import pace as rates
from mailbus_cli import queues as work_queues
from mailbus_cli import side_by_side
from mailbus_cli.doctor.checks import alarms, lanes, oldest
from mailbus_cli.doctor.facts import Facts
from mailbus_cli.errors import CommandError
from mailbus_cli.room import doubt as in_doubt
from mailbus_cli.room import simulator
from mailbus_cli.room.failures import Failure, failure_of
from mailbus_local.queue_ages import oldest_sent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mailbus_cli.deployment import Deployment
    from mailbus_cli.doctor.facts import WorkQueue
    from mailbus_cli.room.waiting import Waiting

T = TypeVar("T")

#: How often all is read: nothing on the laptop costs anything, each call of AWS does.
LOCAL_SECONDS: Final = 2.0
ACCOUNT_SECONDS: Final = 60.0
FOREVER: Final = float("inf")
_SES: Final = "AWS/SES"
_PACE: Final = "pace"
_BOUNCES: Final = "bounces"
_COMPLAINTS: Final = "complaints"
_METRICS: Final = (
    (_PACE, "Send", "Sum"),
    (_BOUNCES, "Reputation.BounceRate", "Average"),
    (_COMPLAINTS, "Reputation.ComplaintRate", "Average"),
)


class Part(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """A part of a reading: its value, or why it could not be read, or both if some of it could."""

    value: T | None = None
    failure: Failure | None = None


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """All parts, as of `at`; a part without a value and a failure is one that this deployment does not have.

    `alarms` are those that ring, each since a time, `lanes` the events of those that are paused. `received`
    counts received mails.
    """

    at: datetime
    limits: Part[rates.Limits]
    pace: Part[rates.Pace]
    queues: Part[work_queues.Queues]
    reputation: Part[rates.Reputation]
    alarms: Part[tuple[tuple[str, datetime], ...]]
    lanes: Part[tuple[LaneEvent, ...]]
    doubt: in_doubt.Doubt | None
    rule: Part[in_doubt.Rule]
    received: Part[int]

    @property
    def failure(self) -> Failure | None:
        """Why nothing at all could be read, as with expired credentials; what is denied is of one part."""
        parts: tuple[Part[Any], ...] = (self.limits, self.queues, self.alarms)
        failures = [part.failure for part in parts if part.failure and part.failure.status != _DENIED]
        return failures[0] if len(failures) == len(parts) else None


_PARTS: Final = tuple(name for name in Reading.__struct_fields__ if name not in {"at", "doubt"})
_DENIED: Final = 403
_SENT: Final = "sent"
_STATES: Final = ("", "Delayed", "NotVisible")
#: Of the laptop's queues with more messages it is not known how old the oldest is: all would be read.
MOST_SHOWN: Final = 2000
_EMPTY: Final[Part[Any]] = Part()


class Reader:
    """Reads a deployment. What changes slowly is kept for a while."""

    def __init__(self, deployment: Deployment, waiting: Waiting) -> None:
        self._deployment = deployment
        self._waiting = waiting
        self._kept: dict[str, tuple[float, Part[Any]]] = {}

    @property
    def seconds(self) -> float:
        """How often to read."""
        return LOCAL_SECONDS if self._deployment.is_local else ACCOUNT_SECONDS

    def read(self) -> Reading:
        """Return a new reading."""
        facts = Facts(self._deployment, None)
        table = _LOCAL if self._deployment.is_local else _ACCOUNT
        running = {
            name: side_by_side.started(functools.partial(self._part, name, seconds, read, facts), name=name)
            for name, (seconds, read) in table.items()
        }
        found = {name: future.result() for name, future in running.items()}
        now = datetime.now(UTC)
        sent = found.pop(_SENT, _EMPTY).value
        if sent and found["queues"].value:
            ages = {name: max(0.0, now.timestamp() - at) for name, at in sent.items()}
            queues = found["queues"].value.with_ages(ages)
            found["queues"] = msgspec.structs.replace(found["queues"], value=queues)
        parts = {name: found.get(name, _EMPTY) for name in _PARTS}
        doubt = in_doubt.of_jobs(self._waiting.jobs()) if self._deployment.is_local else None
        return Reading(at=now, doubt=doubt, **parts)

    def _part(self, name: str, seconds: float, read: Callable[[Facts], Any], facts: Facts) -> Part[Any]:
        read_at, kept = self._kept.get(name, (-FOREVER, _EMPTY))
        now = time.monotonic()
        if kept.failure is None and now - read_at < seconds:
            return kept
        part = _read(read, facts)
        if seconds:
            # what takes long is read less often
            self._kept[name] = (now + SHARE * (time.monotonic() - now), part)
        return part


#: A part that is kept for a while is read again after this many times the time that reading it takes.
SHARE: Final = 20


def _read(read: Callable[[Facts], Any], facts: Facts) -> Part[Any]:
    try:
        value = read(facts)
    except (ClientError, BotoCoreError, MailbusError, OSError) as error:
        return Part(failure=failure_of(error, facts.deployment.profile))
    if isinstance(value, work_queues.Queues) and value.error is not None:
        is_empty = all(queue.counts is None for queue in value.all)
        failure = failure_of(value.error, facts.deployment.profile)
        return Part(value=None if is_empty else value, failure=failure)
    return Part(value=value)


def _queues(facts: Facts) -> work_queues.Queues:
    return work_queues.read(facts)


def _oldest_sent(facts: Facts) -> dict[str, int]:
    """Return when the oldest message of each queue of the laptop was sent, in epoch seconds."""
    outputs = facts.deployment.outputs

    def sent(queue: WorkQueue) -> int | None:
        attributes = facts.queue(outputs[queue.url])
        count = sum(int(attributes[f"ApproximateNumberOfMessages{state}"]) for state in _STATES)
        is_shown = 0 < count <= MOST_SHOWN
        return oldest_sent(outputs["endpoint_url"], outputs[queue.url]) if is_shown else None

    found = zip(facts.work_queues, side_by_side.each(sent, facts.work_queues), strict=True)
    return {queue.name: at for queue, at in found if at is not None}


def _queues_with_ages(facts: Facts) -> work_queues.Queues:
    try:
        ages = oldest.read(facts)
    except (ClientError, BotoCoreError):
        # the panel of the pace names the action: it is the same one
        ages = {}
    return work_queues.read(facts, ages)


def _control(facts: Facts, path: str) -> Mapping[str, Any]:
    api = simulator.control(facts.deployment)
    found: Mapping[str, Any] = api.request("GET", path) if api else {}
    return found


def _require_own_account(facts: Facts) -> None:
    if facts.ses_role:
        reason = "this stage sends through SES of another account"
        raise CommandError(reason, hint=f"its limits are those of the account of `{facts.ses_role}`")


def _limits(facts: Facts) -> rates.Limits:
    _require_own_account(facts)
    return rates.of_account(facts.account())


def _metrics(facts: Facts) -> Mapping[str, Mapping[str, Any]]:
    """Return SES's metrics of the account, by one call."""
    _require_own_account(facts)

    def call() -> Mapping[str, Mapping[str, Any]]:
        now = datetime.now(UTC)
        answer = facts.deployment.client("cloudwatch", region=facts.ses_region).get_metric_data(
            StartTime=now - rates.LOOKS_BACK - timedelta(seconds=2 * rates.PERIOD),
            EndTime=now,
            MetricDataQueries=[
                {
                    "Id": name,
                    "MetricStat": {
                        "Metric": {"Namespace": _SES, "MetricName": metric},
                        "Period": rates.PERIOD,
                        "Stat": statistic,
                    },
                }
                for name, metric, statistic in _METRICS
            ],
        )
        return {result["Id"]: result for result in answer["MetricDataResults"]}

    return facts.once("ses-metrics", call)


def _pace(facts: Facts) -> rates.Pace:
    return rates.of_metric(_metrics(facts)[_PACE], datetime.now(UTC))


def _reputation(facts: Facts) -> rates.Reputation:
    found = _metrics(facts)

    def latest(name: str) -> float | None:
        values = [*zip(found[name]["Timestamps"], found[name]["Values"], strict=True)]
        return float(max(values)[1]) if values else None

    return rates.Reputation(bounces=latest(_BOUNCES), complaints=latest(_COMPLAINTS))


def _alarms(facts: Facts) -> tuple[tuple[str, datetime], ...]:
    return tuple(sorted(alarms.ringing(facts)))


def _rule(facts: Facts) -> in_doubt.Rule | None:
    name = facts.output("SenderFunctionName")
    environment = facts.function(name).get("Environment", {}) if name else {}
    return in_doubt.rule(environment.get("Variables", {}))


def _received(facts: Facts) -> int | None:
    """Return how many mails the timeline has received."""
    table = facts.output(TIMELINE_TABLE)
    if table is None:
        return None
    client = facts.deployment.client("dynamodb")

    def count(shard: str) -> int:
        key = {
            items.INDEXES[items.BY_TIME]: {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": shard}]}
        }
        answer = client.query(TableName=table, IndexName=items.BY_TIME, KeyConditions=key, Select="COUNT")
        return int(answer["Count"])

    return sum(side_by_side.each(count, items.RECEIVED_SHARDS))


# For each part for how many seconds it is kept, and how it is read.
_LOCAL: Final[Mapping[str, tuple[float, Callable[[Facts], Any]]]] = {
    "limits": (0, lambda facts: rates.of_simulator(_control(facts, "account"))),
    "pace": (0, lambda facts: rates.of_seconds(_control(facts, "pace"))),
    "queues": (0, _queues),
    _SENT: (1, _oldest_sent),
    "alarms": (10, _alarms),
    "lanes": (0, lanes.read),
    "rule": (FOREVER, _rule),
    "received": (5, _received),
}
_ACCOUNT: Final[Mapping[str, tuple[float, Callable[[Facts], Any]]]] = {
    "limits": (0, _limits),
    "pace": (0, _pace),
    "queues": (0, _queues_with_ages),
    "reputation": (0, _reputation),
    "alarms": (0, _alarms),
    "lanes": (0, lanes.read),
    "rule": (FOREVER, _rule),
}
