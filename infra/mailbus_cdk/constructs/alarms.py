"""The CloudWatch alarms, and the SNS topic that they notify."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from constructs import Construct

from mailbus.metrics import (
    EVENT_DELAY_SECONDS,
    LANE_PAUSED,
    LIMITED_BULK_CALLS,
    QUOTA_PERCENT,
    REFUSED_MESSAGES,
    SENDING_PAUSED,
    UNCONFIRMED_SUBSCRIPTIONS,
    UNEXPECTED_RATE,
    WAITING_JOB_SECONDS,
)
from mailbus.stages import alarm_description
from mailbus_cdk.constructs import metrics
from mailbus_cdk.constructs.metrics import PERIOD

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mailbus_cdk.constructs.metrics import Flow
    from mailbus_cdk.constructs.queues import WorkQueue
    from mailbus_cdk.settings import Settings

# What a waiting job waits for is measured when the job is delivered again: after 15 minutes at the latest,
# and after the time that its batch takes.
WAITING_PERIODS: Final = 4
# The account's rate is read only while mail is sent. So that a stage that seldom sends notifies once of
# another rate, and not with each mail, the alarm looks back a day.
RATE_PERIOD: Final = Duration.hours(1)
RATE_PERIODS: Final = 24
# The queues of which no single message is urgent, and how long their messages may wait, in seconds.
BACKLOGS: Final = dict.fromkeys(("Inbound", "Timeline"), metrics.BACKLOG_SECONDS)
# An error repeats while its cause lasts; a single one is a worker that died, whose messages come again.
ERROR_PERIODS: Final = 3


class _Alarms(Construct):
    """Alarms that notify one topic, if the settings name one."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(scope, construct_id)
        self._stage = settings.stage
        topic_arn = settings.alarms.topic_arn
        self._action = (
            actions.SnsAction(sns.Topic.from_topic_arn(self, "Topic", topic_arn)) if topic_arn else None
        )

    def _alarm(
        self,
        name: str,
        metric: cloudwatch.IMetric,
        *,
        above: float,
        meaning: str,
        periods: int = 1,
        all_periods: bool = False,
    ) -> None:
        """Create an alarm that is on if any of the last `periods` is above the threshold, or all of them."""
        alarm = cloudwatch.Alarm(
            self,
            name,
            metric=metric,
            threshold=above,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=periods,
            datapoints_to_alarm=periods if all_periods else 1,
            # Nothing is measured while nothing happens.
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description=alarm_description(self._stage, name, meaning),
        )
        if self._action:
            alarm.add_alarm_action(self._action)
            alarm.add_ok_action(self._action)


class Alarms(_Alarms):
    """Alarms on paused sending and lanes, limits, late jobs and events, and on each function and its queues.

    Jobs are late in two ways. SQS reports those that no worker has received; the sender reports those that
    wait, since a job that waits is a new message each time.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        sender_name: str,
        tracker_name: str,
        transactional: WorkQueue,
        flows: Sequence[Flow],
    ) -> None:
        super().__init__(scope, construct_id, settings=settings)
        late_seconds = metrics.LATE_SHARE * settings.sender.doubt_seconds
        self._alarm(
            "SendingPaused",
            metrics.own(sender_name, SENDING_PAUSED, cloudwatch.Stats.SUM),
            above=0,
            periods=WAITING_PERIODS,
            meaning="SES has paused sending for the account or the configuration set. Jobs wait until it is "
            "resumed; those with expires_at may expire meanwhile",
        )
        self._alarm(
            "LanePaused",
            metrics.own(sender_name, LANE_PAUSED, cloudwatch.Stats.SUM),
            above=0,
            periods=WAITING_PERIODS,
            meaning="jobs wait since their lane is paused by the guard or by somebody: `mailbus doctor` says "
            "since when and why. They are sent after `mailbus resume`; those with expires_at may expire",
        )
        self._alarm(
            "LimitedBulkCalls",
            metrics.own(sender_name, LIMITED_BULK_CALLS, cloudwatch.Stats.SUM),
            above=0,
            meaning="SES refused calls of SendBulkEmail because of too many calls. Merges are sent by "
            'SendEmail meanwhile; set sender.merge_by = "SendEmail" to always do so',
        )
        self._alarm(
            "UnexpectedRate",
            metrics.own(sender_name, UNEXPECTED_RATE, cloudwatch.Stats.SUM, period=RATE_PERIOD),
            above=0,
            periods=RATE_PERIODS,
            meaning="the account's sending rate differs by more than a fifth from expected_rate, which the "
            "workers follow: set expected_rate to it, and deploy, or ask AWS for more. Until then some of a "
            "higher rate may stay unused, and workers wait for a lower one, which is paid for",
        )
        self._alarm(
            "QuotaNearlyUsed",
            metrics.own(sender_name, QUOTA_PERCENT, cloudwatch.Stats.MAXIMUM),
            above=metrics.QUOTA_ALARM_PERCENT,
            periods=WAITING_PERIODS,
            meaning="more than 80 % of the account's 24-hour quota is used. Once all of it is, jobs wait "
            "until some is free again: hold back bulk mail, and ask AWS for a higher quota",
        )
        self._alarm(
            "LateJobs",
            metrics.oldest_visible(
                transactional.queue, label="age of the oldest job that no worker has received"
            ),
            above=settings.alarms.oldest_job_seconds,
            meaning="the oldest transactional job that no worker has received has waited too long: look at "
            "the sender's errors and throttles, and at transactional.max_concurrency",
        )
        self._alarm(
            "WaitingJobs",
            metrics.own(sender_name, WAITING_JOB_SECONDS, cloudwatch.Stats.MAXIMUM),
            above=settings.alarms.oldest_job_seconds,
            periods=WAITING_PERIODS,
            meaning="a transactional job that the sender could not send has waited too long: look at its "
            "log, at the account's sending rate and at its 24-hour quota",
        )
        self._alarm(
            "LateEvents",
            metrics.own(tracker_name, EVENT_DELAY_SECONDS, cloudwatch.Stats.MAXIMUM),
            above=late_seconds,
            meaning="SES's Send event of a mail was processed so late that a mail in doubt is nearly sent "
            "again: look at the tracking function's log, errors and throttles; if SES is late, raise "
            "sender.doubt_seconds",
        )
        for flow in flows:
            self._watch(flow, backlogs={"Tracking": late_seconds} | BACKLOGS)

    def _watch(self, flow: Flow, *, backlogs: Mapping[str, float]) -> None:
        self._alarm(
            f"{flow.name}DeadLetters",
            metrics.visible(flow.dead_letters.queue),
            above=0,
            meaning="a message could not be processed; see the attributes of each dead letter",
        )
        self._alarm(
            f"{flow.name}Errors",
            metrics.errors(flow.function),
            above=0,
            periods=ERROR_PERIODS,
            all_periods=True,
            meaning=f"the {flow.function.name} function has died for 15 minutes: it raised, or ran out of "
            "time or memory. Its messages come again until they are dead letters: read the end of its log",
        )
        for name, work in flow.queues.items():
            self._alarm(
                f"{name}InFlight",
                metrics.in_flight(work.queue),
                above=metrics.IN_FLIGHT_ALARM,
                meaning="the queue has so many messages in flight that SQS soon delivers no more: look at "
                f"how long the {flow.function.name} function takes, and at its errors",
            )
            if name in backlogs:
                self._alarm(
                    f"{name}Backlog",
                    metrics.oldest_visible(
                        work.queue, label="age of the oldest message that no worker has received"
                    ),
                    above=backlogs[name],
                    meaning="the oldest message that no worker has received has waited too long: look at the "
                    f"{flow.function.name} function's errors and throttles, and at its max_concurrency",
                )


class WebhookAlarms(_Alarms):
    """Alarms on refused messages, on subscriptions to confirm by hand, and on errors of the webhook.

    Refused messages had the right password. Requests without one are not counted: SNS itself sends the first
    request without credentials.
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
            metrics.own(function_name, REFUSED_MESSAGES, cloudwatch.Stats.SUM),
            above=0,
            meaning="a client with the webhook's password delivered a message that is not from SNS, is "
            "too old, or is of a topic that webhook.topic_arns does not name: look at the webhook's log",
        )
        self._alarm(
            "UnconfirmedSubscriptions",
            metrics.own(function_name, UNCONFIRMED_SUBSCRIPTIONS, cloudwatch.Stats.SUM),
            above=0,
            meaning="a subscription of the webhook was not confirmed: its log has the topic's ARN and the "
            "token to confirm it by hand",
        )
        self._alarm(
            "WebhookErrors",
            api_errors(period=PERIOD, statistic=cloudwatch.Stats.SUM),
            above=0,
            meaning="messages over HTTPS were not accepted. SNS retries by the subscription's delivery "
            "policy, then discards them: look at the logs of the webhook and of its authorizer",
        )
