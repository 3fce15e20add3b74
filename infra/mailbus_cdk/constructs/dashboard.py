"""The CloudWatch dashboard of a stage, of the metrics that the alarms watch and those that explain them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from mailbus.metrics import (
    DOUBT_SECONDS,
    DOUBTFUL_JOBS,
    EVENT_DELAY_SECONDS,
    EVENTS,
    LANE_PAUSED,
    MAX_SEND_RATE,
    METRICS,
    QUOTA_PERCENT,
    SENDING_PAUSED,
    WAITING_JOB_SECONDS,
)
from mailbus_cdk.constructs import metrics, usage_cost
from mailbus_cdk.constructs.metrics import PERIOD, filled, total

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mailbus.events import EventType
    from mailbus_cdk.constructs.metrics import Flow, Kind
    from mailbus_cdk.constructs.sending import Sending
    from mailbus_cdk.constructs.state import State
    from mailbus_cdk.settings import Settings

WIDTH: Final = 24
SINCE: Final = Duration.hours(12)
MAXIMUM: Final = cloudwatch.Stats.MAXIMUM
SUM: Final = cloudwatch.Stats.SUM
KINDS: Final[tuple[Kind, ...]] = ("Bounce", "Complaint")
_SENT: Final[tuple[EventType, ...]] = ("delivered", "opened", "clicked")
_REFUSED: Final[tuple[EventType, ...]] = ("bounced", "complained")


class Dashboard(Construct):
    """One dashboard, with a section for each question that an operator has."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        sending: Sending,
        flows: Sequence[Flow],
        alarms: Sequence[cloudwatch.Alarm],
        state: State,
    ) -> None:
        super().__init__(scope, construct_id)
        # Dashboards are of an account, not of a region; stages of several regions may have one name.
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Dashboards.html
        self.name = f"{settings.name}-{settings.region}"
        self._settings = settings
        self._flows = flows
        self._sender = sending.function_name
        dashboard = cloudwatch.Dashboard(self, "Dashboard", dashboard_name=self.name, default_interval=SINCE)
        sections: Mapping[str, Sequence[cloudwatch.IWidget]] = {
            f"# Mailbus {settings.stage}, {settings.region}\nWhat the alarms and each line mean: "
            "docs/monitoring.md": [_alarm_states(alarms)],
            "## Mail\nRates are percent of the mails that SES accepted. An event belongs to a mail that may "
            "have been accepted long before.": self._mail(),
            "## Pace": self._pace(),
            "## Queues": self._queues(),
            "## Doubt\nA mail in doubt is sent again, or given up, after "
            f"{settings.sender.doubt_seconds:g} s without its Send event.": self._doubt(),
            "## Functions": self._functions(),
            "## Cost\nUSD in the time shown above, at the prices of us-east-1 for arm64, of what CloudWatch "
            "counts: without SNS, S3, KMS, Scheduler, stored data, alarms, metrics and this dashboard.": [
                self._cost(state)
            ],
        }
        for text, widgets in sections.items():
            dashboard.add_widgets(
                cloudwatch.TextWidget(
                    markdown=text,
                    width=WIDTH,
                    height=2 if "\n" in text else 1,
                    background=cloudwatch.TextWidgetBackground.TRANSPARENT,
                )
            )
            dashboard.add_widgets(*widgets)

    def _flow(self, name: str) -> Flow | None:
        return next((flow for flow in self._flows if flow.name == name), None)

    def _events(self, event_type: EventType) -> dict[str, cloudwatch.Metric]:
        """Return the metrics of a type of events, one for each function that publishes it."""
        name = EVENTS[event_type]
        return {
            f"{event_type}{number}": metrics.own(flow.function.function.function_name, name, SUM)
            for number, flow in enumerate(self._flows)
            if flow.function.name in METRICS[name].by
        }

    def _mail(self) -> list[cloudwatch.IWidget]:
        accepted = usage_cost.accepted(self._sender)
        return [
            _graph(
                "Mails and events",
                [
                    *accepted.values(),
                    *(total(events, label=one) for one in EVENTS if (events := self._events(one))),
                ],
                width=12,
            ),
            _graph("Delivered, opened, clicked", self._rates(_SENT), width=6, percent=True),
            _graph(
                "Bounced, complained",
                [*self._rates(_REFUSED), *self._reputation()],
                width=6,
                percent=True,
                lines=self._guard_lines(),
            ),
        ]

    def _rates(self, event_types: Sequence[EventType]) -> list[cloudwatch.IMetric]:
        mails = usage_cost.accepted(self._sender)
        return [
            cloudwatch.MathExpression(
                expression=f"100 * {filled(events)} / {filled(mails)}",
                using_metrics={**events, **mails},
                period=PERIOD,
                label=event_type,
            )
            for event_type in event_types
            for events in [self._events(event_type)]
        ]

    def _guard_lines(self) -> dict[str, float]:
        """Return the rates at which the guard's alarms are on, in percent."""
        guard = self._settings.guard
        if not self._settings.guards:
            return {}
        return {
            "bounces: review": 100 * guard.review_bounce_rate,
            "bounces: bulk is paused": 100 * guard.pause_bounce_rate,
            "complaints: review": 100 * guard.review_complaint_rate,
            "complaints: bulk is paused": 100 * guard.pause_complaint_rate,
        }

    def _reputation(self) -> list[cloudwatch.IMetric]:
        """Return SES's own rates of the account, if it is the deployment's."""
        if self._settings.session_params.role_arn:
            return []
        return [
            cloudwatch.MathExpression(
                expression=f"100 * {name.lower()}",
                using_metrics={name.lower(): metrics.reputation(name, region=self._settings.ses_region)},
                period=metrics.HOUR,
                label=f"{name.lower()}s of the account, by SES",
                search_region=self._settings.ses_region,
            )
            for name in KINDS
        ]

    def _pace(self) -> list[cloudwatch.IWidget]:
        mails = usage_cost.accepted(self._sender)
        return [
            _graph(
                "Mails a second and the account's rate",
                [
                    total(
                        mails,
                        label="accepted",
                        expression=f"{{total}} / PERIOD({next(iter(mails))})",
                    ),
                    metrics.own(self._sender, MAX_SEND_RATE, MAXIMUM, label="the account's rate"),
                ],
                lines={"expected_rate": self._settings.expected_rate},
            ),
            _graph(
                "24-hour quota",
                [metrics.own(self._sender, QUOTA_PERCENT, MAXIMUM, label="used")],
                percent=True,
                lines={"alarm": metrics.QUOTA_ALARM_PERCENT},
            ),
            _graph(
                "Held back",
                [
                    metrics.own(self._sender, SENDING_PAUSED, SUM, label="mails while sending is paused"),
                    metrics.own(self._sender, LANE_PAUSED, SUM, label="mails while their lane is paused"),
                ],
                right=[
                    metrics.own(
                        self._sender,
                        WAITING_JOB_SECONDS,
                        MAXIMUM,
                        label="longest wait of a transactional job, s",
                    )
                ],
            ),
        ]

    def _queues(self) -> list[cloudwatch.IWidget]:
        queues = {name: work.queue for flow in self._flows for name, work in flow.queues.items()}
        return [
            _graph(
                "Age of the oldest message, s",
                [metrics.age(queue, label=name) for name, queue in queues.items()],
                width=6,
            ),
            _graph(
                "Messages to be received",
                [metrics.visible(queue, label=name) for name, queue in queues.items()],
                right=[
                    metrics.delayed(queues[name], label=f"{name}, delayed")
                    for name in ("Transactional", "Bulk")
                ],
                width=6,
            ),
            _graph(
                "Messages in flight",
                [metrics.in_flight(queue, label=name) for name, queue in queues.items()],
                lines={"alarm": metrics.IN_FLIGHT_ALARM, "SQS's limit": metrics.MOST_IN_FLIGHT},
                width=6,
            ),
            _graph(
                "Dead letters",
                [metrics.visible(flow.dead_letters.queue, label=flow.name) for flow in self._flows],
                width=6,
            ),
        ]

    def _doubt(self) -> list[cloudwatch.IWidget]:
        tracking = self._flow("Tracking")
        assert tracking is not None  # noqa: S101 - it is always deployed
        doubt_seconds = self._settings.sender.doubt_seconds
        return [
            _graph(
                "Jobs in doubt, each time that a worker meets one",
                [metrics.own(self._sender, DOUBTFUL_JOBS, SUM, label="jobs")],
                right=[metrics.own(self._sender, DOUBT_SECONDS, MAXIMUM, label="the oldest, s")],
                width=12,
            ),
            _graph(
                "From SES's acceptance until its Send event was processed, s",
                [
                    metrics.own(
                        tracking.function.function.function_name,
                        EVENT_DELAY_SECONDS,
                        MAXIMUM,
                        label="longest",
                    )
                ],
                lines={"alarm": metrics.LATE_SHARE * doubt_seconds, "doubt_seconds": doubt_seconds},
                width=12,
            ),
        ]

    def _functions(self) -> list[cloudwatch.IWidget]:
        functions = {flow.function.name: flow.function.function for flow in self._flows}
        return [
            _graph(
                "Duration, ms: 99 of 100",
                [
                    one.metric_duration(period=PERIOD, statistic="p99", label=name)
                    for name, one in functions.items()
                ],
            ),
            _graph(
                "Errors and throttles",
                [
                    *(
                        metrics.errors(flow.function, label=f"{flow.function.name} errors")
                        for flow in self._flows
                    ),
                    *(
                        one.metric_throttles(period=PERIOD, statistic=SUM, label=f"{name} throttles")
                        for name, one in functions.items()
                    ),
                ],
            ),
            _graph(
                "Workers at a time",
                [
                    one.metric("ConcurrentExecutions", period=PERIOD, statistic=MAXIMUM, label=name)
                    for name, one in functions.items()
                ],
            ),
        ]

    def _cost(self, state: State) -> cloudwatch.IWidget:
        parts = usage_cost.by_service(
            self._flows,
            sender_name=self._sender,
            ledger=state.ledger.table,
            timeline=state.timeline.table if state.timeline else None,
        )
        named = {f"cost{number}": one for number, one in enumerate(parts.values())}
        return cloudwatch.SingleValueWidget(
            title="USD",
            metrics=[total(named, label="All of these"), *parts.values()],
            set_period_to_time_range=True,
            full_precision=True,
            width=WIDTH,
            height=4,
        )


def _alarm_states(alarms: Sequence[cloudwatch.Alarm]) -> cloudwatch.IWidget:
    return cloudwatch.AlarmStatusWidget(title="Alarms", alarms=list(alarms), width=WIDTH, height=5)


def _graph(
    title: str,
    left: Sequence[cloudwatch.IMetric],
    *,
    right: Sequence[cloudwatch.IMetric] = (),
    width: int = 8,
    percent: bool = False,
    lines: Mapping[str, float] | None = None,
) -> cloudwatch.GraphWidget:
    """Return a graph, with horizontal lines at values that it is compared with."""
    return cloudwatch.GraphWidget(
        title=title,
        left=list(left),
        right=list(right),
        left_y_axis=cloudwatch.YAxisProps(min=0, label="%" if percent else None, show_units=False),
        right_y_axis=cloudwatch.YAxisProps(min=0, show_units=False) if right else None,
        left_annotations=[
            cloudwatch.HorizontalAnnotation(value=value, label=label)
            for label, value in (lines or {}).items()
        ],
        period=PERIOD,
        width=width,
        height=6,
    )
