"""Decides whether a job is tried again after an error of SES, and after how long."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from mailbus.sqs_messages import MAX_DELAY_SECONDS
from sender.ses.errors import PERMANENT

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

    from sender.ses.errors import Kind


# A job that has waited for long is received every 10 to 15 minutes: SQS delays a message for 15 at most.
LEAST_STEADY_DELAY: Final = 10 * 60
# SQS keeps a message for 14 days, the longest that it can: also one whose copies it does not take.
LONGEST_WAIT: Final = 13 * 24 * 60 * 60
# doubling more often exceeds every bound, and must not overflow
MAX_DOUBLINGS: Final = 20


class Delay(msgspec.Struct, frozen=True, kw_only=True):
    """How long a job waits after its first try, in seconds; the longest possible wait doubles each time.

    It is drawn from the shortest one on, until the longest one is `MAX_DELAY_SECONDS`, and then from
    `LEAST_STEADY_DELAY` on.
    """

    shortest: float
    first: float


DELAYS: Final[dict[Kind, Delay]] = {
    "retry": Delay(shortest=1, first=2),
    "throttled": Delay(shortest=1, first=2),
    "paused": Delay(shortest=5, first=15),
    "quota": Delay(shortest=5, first=15),
}
# A job for which there is no rate waits up to so much longer after each receive, or up to this part of the
# time that it has waited. Doubling would leave the rate unused at the end of a backlog: in a simulation with
# one mail a second and five workers, 300 jobs took 480 s, and 310 s like this.
NO_RATE_SECONDS: Final = 5
NO_RATE_SHARE: Final = 1 / 8


def is_final(kind: Kind, attempts: int, max_attempts: int) -> bool:
    """Return whether a job fails after so many attempts, the last of which ended in an error of this kind."""
    return kind in PERMANENT or (kind == "retry" and attempts >= max_attempts)


def retention_exhausted(age_seconds: float) -> bool:
    """Return whether a job has waited for as long as it may, however often it was received."""
    return age_seconds >= LONGEST_WAIT


def delay_seconds(kind: Kind, attempts: int, uniform: Callable[[float, float], float]) -> int:
    """Draw how long a job waits after so many attempts, in whole seconds as SQS counts.

    `uniform(low, high)` is the source of randomness. Only for the kinds in `DELAYS`: after a permanent
    error a job does not wait, and after an unanswered call it waits for SES's events.
    """
    delay = DELAYS[kind]
    doublings = min(max(attempts, 1), MAX_DOUBLINGS) - 1
    return math.ceil(_draw(delay.shortest, delay.first * 2**doublings, uniform))


def no_rate_seconds(
    receive_count: int, age_seconds: float, uniform: Callable[[float, float], float]
) -> float:
    """Draw how much longer a job waits than until there is some rate again, so that not all come at once."""
    return _draw(0.0, max(NO_RATE_SECONDS * receive_count, NO_RATE_SHARE * age_seconds), uniform)


def _draw(shortest: float, longest: float, uniform: Callable[[float, float], float]) -> float:
    """Draw a delay with full jitter, until the job has waited so long that each receive is to cost little.

    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    if longest < MAX_DELAY_SECONDS:
        return uniform(shortest, longest)
    return uniform(LEAST_STEADY_DELAY, MAX_DELAY_SECONDS)
