"""The CloudWatch metrics that the functions write of their own, and that alarms watch.

They are written to the log, in the embedded metric format.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from aws_lambda_powertools.metrics import MetricUnit, single_metric

if TYPE_CHECKING:
    from collections.abc import Mapping

Metric = Literal["SendingPaused", "WaitingJobSeconds", "RefusedMessages", "UnconfirmedSubscriptions"]

NAMESPACE: Final = "Mailbus"
# The one dimension: the function's name, which no other deployment of the account has. Powertools adds a
# dimension of this name by itself, unless it is there: any other would stand beside it, and an alarm sees
# only what has exactly its dimensions.
# https://docs.aws.amazon.com/powertools/python/latest/core/metrics/
FUNCTION_DIMENSION: Final = "service"
# mails that SES did not take since sending is paused
SENDING_PAUSED: Final = "SendingPaused"
# how long the longest waiting of the transactional jobs of a batch has waited, where it goes on waiting
WAITING_JOB_SECONDS: Final = "WaitingJobSeconds"
# messages over HTTPS, delivered with the right password, that were not taken for what they say
REFUSED_MESSAGES: Final = "RefusedMessages"
# subscriptions of the webhook that somebody has to confirm by hand, or that somebody ended
UNCONFIRMED_SUBSCRIPTIONS: Final = "UnconfirmedSubscriptions"

# all others are counts
UNITS: Final[Mapping[Metric, MetricUnit]] = {WAITING_JOB_SECONDS: MetricUnit.Seconds}


def put_metric(function_name: str, name: Metric, value: float) -> None:
    """Write one value of a metric of this function."""
    with single_metric(
        name=name,
        unit=UNITS.get(name, MetricUnit.Count),
        value=value,
        namespace=NAMESPACE,
        default_dimensions={FUNCTION_DIMENSION: function_name},
    ):
        pass
