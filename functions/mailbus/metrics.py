"""The functions' own CloudWatch metrics, which the alarms and the dashboard read.

A function writes those of a batch in one line of its log, in the embedded metric format: it makes no call
for them. A value that is zero is not written.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mailbus.events import EventType
    from mailbus.stages import Lane

Metric = Literal[
    "SendingPaused",
    "LanePaused",
    "LimitedBulkCalls",
    "WaitingJobSeconds",
    "UnexpectedRate",
    "TransactionalMails",
    "BulkMails",
    "MaxSendRate",
    "QuotaPercent",
    "DoubtfulJobs",
    "DoubtSeconds",
    "EventDelaySeconds",
    "RefusedMessages",
    "UnconfirmedSubscriptions",
    "SentEvents",
    "RejectedEvents",
    "FailedEvents",
    "BouncedEvents",
    "DeferredEvents",
    "DeliveredEvents",
    "AutorespondedEvents",
    "OpenedEvents",
    "ClickedEvents",
    "ComplainedEvents",
    "UnsubscribedEvents",
    "SubscribedEvents",
    "UnknownEvents",
    "InboundEvents",
    "InboundFailedEvents",
]
Unit = Literal["Count", "Count/Second", "Percent", "Seconds"]

NAMESPACE: Final = "Mailbus"
# The only dimension is the function's name, which is unique in the account. Powertools adds a dimension of
# this name itself if it is missing: a dimension of another name would be a second one, and an alarm watches
# only metrics with exactly its dimensions.
# https://docs.aws.amazon.com/powertools/python/latest/core/metrics/
FUNCTION_DIMENSION: Final = "service"


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    """What a metric is: its unit, the functions that write it, by their folder, and its meaning.

    A batch adds up its counts; of anything else it writes the largest value.
    """

    unit: Unit = "Count"
    by: tuple[str, ...]
    meaning: str


SENDING_PAUSED: Final = "SendingPaused"
LANE_PAUSED: Final = "LanePaused"
LIMITED_BULK_CALLS: Final = "LimitedBulkCalls"
WAITING_JOB_SECONDS: Final = "WaitingJobSeconds"
UNEXPECTED_RATE: Final = "UnexpectedRate"
MAX_SEND_RATE: Final = "MaxSendRate"
QUOTA_PERCENT: Final = "QuotaPercent"
DOUBTFUL_JOBS: Final = "DoubtfulJobs"
DOUBT_SECONDS: Final = "DoubtSeconds"
EVENT_DELAY_SECONDS: Final = "EventDelaySeconds"
REFUSED_MESSAGES: Final = "RefusedMessages"
UNCONFIRMED_SUBSCRIPTIONS: Final = "UnconfirmedSubscriptions"
#: The metric of the mails of each lane that SES accepted.
MAILS: Final[Mapping[Lane, Metric]] = {"transactional": "TransactionalMails", "bulk": "BulkMails"}
#: The metric of each type of events; `queued` ones are counted as mails, by lane.
EVENTS: Final[Mapping[EventType, Metric]] = {
    "sent": "SentEvents",
    "rejected": "RejectedEvents",
    "failed": "FailedEvents",
    "bounced": "BouncedEvents",
    "deferred": "DeferredEvents",
    "delivered": "DeliveredEvents",
    "autoresponded": "AutorespondedEvents",
    "opened": "OpenedEvents",
    "clicked": "ClickedEvents",
    "complained": "ComplainedEvents",
    "unsubscribed": "UnsubscribedEvents",
    "subscribed": "SubscribedEvents",
    "unknown": "UnknownEvents",
    "inbound": "InboundEvents",
    "inbound_failed": "InboundFailedEvents",
}
_BOTH: Final = ("rejected", "failed")
_WRITERS: Final[Mapping[EventType, tuple[str, ...]]] = {
    **dict.fromkeys(EVENTS, ("tracking",)),
    **dict.fromkeys(_BOTH, ("sender", "tracking")),
    "inbound": ("inbound",),
    "inbound_failed": ("inbound",),
}

METRICS: Final[Mapping[Metric, Definition]] = {
    "TransactionalMails": Definition(
        by=("sender",), meaning="mails of the transactional lane that SES accepted, one for each recipient"
    ),
    "BulkMails": Definition(
        by=("sender",), meaning="mails of the bulk lane that SES accepted, one for each recipient"
    ),
    MAX_SEND_RATE: Definition(
        unit="Count/Second",
        by=("sender",),
        meaning="the account's sending rate, whenever SES is asked: once a minute while mail is sent",
    ),
    QUOTA_PERCENT: Definition(
        unit="Percent",
        by=("sender",),
        meaning="how much of the account's 24-hour quota is used, whenever SES is asked; not without a quota",
    ),
    WAITING_JOB_SECONDS: Definition(
        unit="Seconds",
        by=("sender",),
        meaning="the longest wait of a batch's transactional jobs that are still waiting",
    ),
    DOUBTFUL_JOBS: Definition(
        by=("sender",),
        meaning="times that a worker met a job in doubt, each delivery of it counted",
    ),
    DOUBT_SECONDS: Definition(
        unit="Seconds", by=("sender",), meaning="the longest that a batch's jobs have been in doubt"
    ),
    SENDING_PAUSED: Definition(
        by=("sender",), meaning="mails that SES refused because sending is paused, or that wait for it"
    ),
    LANE_PAUSED: Definition(by=("sender",), meaning="mails that wait because their lane is paused"),
    LIMITED_BULK_CALLS: Definition(
        by=("sender",), meaning="calls of `SendBulkEmail` that SES refused because of too many calls"
    ),
    UNEXPECTED_RATE: Definition(
        by=("sender",), meaning="times that the account's sending rate was another than `expected_rate`"
    ),
    EVENT_DELAY_SECONDS: Definition(
        unit="Seconds",
        by=("tracking",),
        meaning="the longest time from SES's acceptance of a mail until its `Send` event was processed, "
        "those that were redriven left out",
    ),
    **{
        metric: Definition(
            by=_WRITERS[event_type], meaning=f"events of the type `{event_type}`, repeated ones too"
        )
        for event_type, metric in EVENTS.items()
    },
    REFUSED_MESSAGES: Definition(
        by=("webhook",), meaning="messages that had valid credentials but were refused"
    ),
    UNCONFIRMED_SUBSCRIPTIONS: Definition(
        by=("webhook",),
        meaning="subscriptions that must be confirmed by hand, or that somebody ended",
    ),
}


class BatchMetrics:
    """The metrics of one batch of a function, until they are written."""

    def __init__(self, function_name: str) -> None:
        self._function_name = function_name
        self._values: dict[Metric, float] = {}

    def put(self, name: Metric, value: float) -> None:
        """Add a value to the batch's."""
        known = self._values.get(name, 0.0)
        self._values[name] = known + value if METRICS[name].unit == "Count" else max(known, value)

    def write(self) -> None:
        """Write them in one line, and begin anew."""
        values, self._values = self._values, {}
        put_metrics(self._function_name, values)


def count_events(event_types: Iterable[str]) -> dict[Metric, int]:
    """Return how many events of each type there are, by metric."""
    counted = Counter(event_types)
    return {metric: counted[event_type] for event_type, metric in EVENTS.items() if counted[event_type]}


def put_metrics(function_name: str, values: Mapping[Metric, float]) -> None:
    """Write a function's metrics in one line, those that are not zero; no line if there are none."""
    given = {name: value for name, value in values.items() if value}
    if not given:
        return
    # the deployment knows the names too, without the functions' packages
    from aws_lambda_powertools.metrics import EphemeralMetrics  # noqa: PLC0415

    # one line has all of them: there are fewer than the 100 after which Powertools begins another
    line = EphemeralMetrics(namespace=NAMESPACE, service=function_name)
    for name, value in given.items():
        line.add_metric(name=name, unit=METRICS[name].unit, value=value)
    line.flush_metrics()


def put_metric(function_name: str, name: Metric, value: float) -> None:
    """Write one value of a function's metric."""
    put_metrics(function_name, {name: value})
