"""Decides whether a job is tried again after an error of SES, and after how long."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from sender.ses.errors import PERMANENT

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

    from sender.ses.errors import Kind


class Delay(msgspec.Struct, frozen=True, kw_only=True):
    """The bounds of a random wait, in seconds; the upper bound doubles from `first` if that is given."""

    shortest: float
    longest: float
    first: float | None = None


DELAYS: Final[dict[Kind, Delay]] = {
    "retry": Delay(shortest=1, longest=15 * 60, first=2),
    "throttled": Delay(shortest=1, longest=15 * 60, first=2),
    "paused": Delay(shortest=5, longest=30 * 60, first=15),
    "quota": Delay(shortest=60 * 60, longest=2 * 60 * 60),
}
# The send queues move a message to the dead-letter queue after 1000 deliveries, the most that SQS allows, and
# delete it after 14 days, the longest that SQS keeps one.
LAST_RECEIVE: Final = 990
LONGEST_WAIT: Final = 13 * 24 * 60 * 60
# doubling more often exceeds every bound, and must not overflow
MAX_DOUBLINGS: Final = 20


def is_final(kind: Kind, attempts: int, max_attempts: int) -> bool:
    """Return whether a job fails after so many attempts, the last of which ended in an error of this kind."""
    return kind in PERMANENT or (kind == "retry" and attempts >= max_attempts)


def retention_exhausted(receive_count: int, age_seconds: float) -> bool:
    """Return whether SQS is about to dead-letter the message for its deliveries, or delete it for its age.

    SQS would do so without any event, so a job that still waits is failed before.
    """
    return receive_count >= LAST_RECEIVE or age_seconds >= LONGEST_WAIT


def delay_seconds(kind: Kind, attempts: int, uniform: Callable[[float, float], float]) -> int:
    """Draw how long a job waits after so many attempts, in whole seconds for SQS's visibility timeout.

    Full jitter (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/);
    `uniform(low, high)` is the source of randomness. Only for the kinds in `DELAYS`: after a permanent
    error a job does not wait, and after an unanswered call it waits for SES's events.
    """
    delay = DELAYS[kind]
    if delay.first is None:
        return math.ceil(uniform(delay.shortest, delay.longest))
    doublings = min(max(attempts, 1), MAX_DOUBLINGS) - 1
    return math.ceil(uniform(delay.shortest, min(delay.longest, delay.first * 2**doublings)))
