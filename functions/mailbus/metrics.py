"""The functions' own CloudWatch metrics, which alarms watch.

They are written to the log, in the embedded metric format.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Metric = Literal[
    "SendingPaused",
    "LimitedBulkCalls",
    "WaitingJobSeconds",
    "UnexpectedRate",
    "RefusedMessages",
    "UnconfirmedSubscriptions",
]

NAMESPACE: Final = "Mailbus"
# The only dimension is the function's name, which is unique in the account. Powertools adds a dimension of
# this name itself if it is missing: a dimension of another name would be a second one, and an alarm watches
# only metrics with exactly its dimensions.
# https://docs.aws.amazon.com/powertools/python/latest/core/metrics/
FUNCTION_DIMENSION: Final = "service"
# mails that SES refused because sending is paused
SENDING_PAUSED: Final = "SendingPaused"
# calls of SendBulkEmail that SES refused because of too many calls, not of too many mails
LIMITED_BULK_CALLS: Final = "LimitedBulkCalls"
# the longest wait of a batch's transactional jobs that are still waiting
WAITING_JOB_SECONDS: Final = "WaitingJobSeconds"
# times that the account's sending rate was another than the deployment's `expected_rate`
UNEXPECTED_RATE: Final = "UnexpectedRate"
# messages to the webhook that had valid credentials but were refused
REFUSED_MESSAGES: Final = "RefusedMessages"
# subscriptions of the webhook that must be confirmed by hand, or that somebody ended
UNCONFIRMED_SUBSCRIPTIONS: Final = "UnconfirmedSubscriptions"

# all others are counts
UNITS: Final[Mapping[Metric, Literal["Seconds"]]] = {WAITING_JOB_SECONDS: "Seconds"}


def put_metric(function_name: str, name: Metric, value: float) -> None:
    """Write one value of a function's metric."""
    # the deployment knows the names too, without the functions' packages
    from aws_lambda_powertools.metrics import MetricUnit, single_metric  # noqa: PLC0415

    with single_metric(
        name=name,
        unit=MetricUnit(UNITS.get(name, "Count")),
        value=value,
        namespace=NAMESPACE,
        default_dimensions={FUNCTION_DIMENSION: function_name},
    ):
        pass
