"""Reports the account's limits, and a sending rate other than the deployment's `expected_rate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mailbus.metrics import MAX_SEND_RATE, QUOTA_PERCENT, UNEXPECTED_RATE
from sender.rate.slots import LOWEST_RATE

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_lambda_powertools import Logger

    from mailbus.metrics import Metric
    from sender.rate.slots import Limits

# The part of the expected rate by which the account's may differ: the workers are twice as many as needed.
TOLERANCE: Final = 0.2
HIGHER: Final = (
    "the account's rate is higher than expected_rate, for which there may be too few workers: set "
    "expected_rate to it, and deploy"
)
LOWER: Final = (
    "the account's rate is lower than expected_rate, so that workers wait for it: set expected_rate to it, "
    "and deploy, or ask AWS for more"
)
SANDBOX: Final = (
    "the account's rate is that of the SES sandbox, lower than expected_rate: ask AWS for production access"
)


def is_unexpected(rate: float, expected: float) -> bool:
    """Return whether a rate differs by more than a fifth from the expected one."""
    return abs(rate - expected) > expected * TOLERANCE


def reporter(
    expected: float | None, *, log: Logger, put_metric: Callable[[Metric, float], None]
) -> Callable[[Limits], None]:
    """Return what reports each answer of SES: as metrics, and in the log if its rate is not as expected.

    The sandbox's rate is no metric of an unexpected one: no setting makes it the expected one.
    """

    def report(limits: Limits) -> None:
        rate = limits.max_send_rate
        put_metric(MAX_SEND_RATE, rate)
        if limits.quota_percent is not None:
            put_metric(QUOTA_PERCENT, limits.quota_percent)
        if expected is None or not is_unexpected(rate, expected):
            return
        in_sandbox = rate <= LOWEST_RATE
        log.warning(
            SANDBOX if in_sandbox else HIGHER if rate > expected else LOWER,
            extra={"max_send_rate": rate, "expected_rate": expected},
        )
        if not in_sandbox:
            put_metric(UNEXPECTED_RATE, 1)

    return report
