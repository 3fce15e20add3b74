"""What a simulation is of: the account, its workers, and the mail that they have to send."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from mailbus.stages import Lane

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Numbers of recipients, of which each mail has one at random.
RECIPIENTS: Final[Mapping[str, tuple[int, ...]]] = {"1": (1,), "50": (50,), "mixed": (1,) * 9 + (50,)}


class LaneLoad(msgspec.Struct, frozen=True, kw_only=True):
    """A lane: so many workers, with batches of `batch` messages, collected for up to `window` seconds.

    Without a `load` there is a backlog; otherwise mails arrive at random times, and together need that part
    of the account's rate.
    """

    workers: int
    batch: int = 10
    window: float = 0.0
    recipients: tuple[int, ...] = (1,)
    load: float | None = None


def lasting(seconds: float, rate: float, lanes: Mapping[Lane, LaneLoad]) -> float:
    """Return a backlog, in seconds of the rate, that is on the queue for longer than so many seconds.

    What all workers of a lane hold is not there any more, nor is as much again that is delayed.
    """
    held = max(
        load.workers * load.batch * sum(load.recipients) / len(load.recipients) for load in lanes.values()
    )
    return 1.2 * seconds + 2 * held / rate


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """An account with `rate` recipients a second and a 24-hour `quota`, and the load of each lane.

    A backlog is of `backlog` seconds of the rate. `round_trip` is the mean to DynamoDB and back, in seconds,
    `table_units` its limit of writes a second. Each process's clock is wrong by up to `skew` seconds, and
    each of its calls is its last one with the probability `death`. SES sends no events: a
    mail in doubt is sent again.
    """

    rate: float
    lanes: dict[Lane, LaneLoad]
    backlog: float = 60.0
    quota: int | None = None
    round_trip: float = 0.010
    table_units: float | None = None
    cache_seconds: float = 60.0
    bulk_share: float = 1.0
    skew: float = 0.0
    death: float = 0.0
    seed: int = 1
