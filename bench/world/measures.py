"""What a simulation measures, over a window after it has warmed up."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from bench.world.world import World

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.world.scenario import Scenario


class Measures(msgspec.Struct, frozen=True, kw_only=True):
    """The result; times are in seconds.

    `pace` is the part of the account's rate that was used, `ses_throttled` the part of SES's calls that were
    refused for it, `rate_writes_throttled` that of the writes to the item that all workers share. For each
    mail sent: how long the function ran, how long it waited for the rate, how often a message was received,
    write and read units, and calls by operation; the part that waited, and the messages, are those of the
    invocations that ended. A transactional mail took `delay_p50` and `delay_p99` from its arrival to SES.
    Nothing was accepted for `longest_silence`, though there was mail. `over_quota` counts mails that SES
    refused for its quota, `errors` the errors that the senders logged.
    """

    mails: int
    pace: float
    ses_throttled: float
    rate_writes_throttled: float
    waiting: float
    running: float
    receives: float
    delay_p50: float
    delay_p99: float
    write_units: float
    read_units: float
    calls: dict[str, float]
    longest_silence: float
    over_quota: int
    errors: int


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """All that a simulation has counted so far."""

    at: float
    mails: int
    recipients: int
    throttled: int
    over_quota: int
    rate_writes: int
    rate_writes_throttled: int
    ran: float
    ended: float
    waited: float
    receives: int
    write_units: float
    read_units: float
    calls: Counter[str]
    delays: int
    silences: int
    silence: float
    errors: int


def measure(scenario: Scenario, *, warm_up: float, seconds: float) -> Measures:
    """Simulate a scenario, and measure it for so many seconds after it has warmed up."""
    world = World(scenario)
    world.run(warm_up)
    before = totals(world)
    world.run(seconds)
    return measures(world, before, totals(world))


def totals(world: World) -> Totals:
    """Return what a simulation has counted so far."""
    return Totals(
        at=world.clock.now,
        mails=len(world.ses.accepted),
        recipients=sum(mail.recipients for mail in world.ses.accepted),
        throttled=len(world.ses.throttled),
        over_quota=world.ses.over_quota,
        rate_writes=world.table.rate_writes,
        rate_writes_throttled=world.table.rate_writes_throttled,
        ran=sum(worker.seconds for worker in world.workers),
        ended=sum(worker.ended_seconds for worker in world.workers),
        waited=sum(worker.waited for worker in world.workers),
        receives=sum(worker.received for worker in world.workers),
        write_units=world.table.write_units,
        read_units=world.table.read_units,
        calls=world.calls + world.ses.calls + world.table.calls,
        delays=len(world.delays),
        silences=len(world.silences),
        silence=world.silence,
        errors=world.log.error_lines,
    )


def measures(world: World, before: Totals, after: Totals) -> Measures:
    """Return the result of the time between two counts."""
    mails = after.mails - before.mails
    each = 1 / mails if mails else math.nan
    throttled = after.throttled - before.throttled
    delays = sorted(world.delays[before.delays : after.delays])
    writes = after.rate_writes - before.rate_writes
    running, ended = (after.ran - before.ran) * each, after.ended - before.ended
    calls = after.calls - before.calls
    return Measures(
        mails=mails,
        pace=(after.recipients - before.recipients) / (after.at - before.at) / world.ses.rate,
        ses_throttled=throttled / (mails + throttled) if mails + throttled else 0.0,
        rate_writes_throttled=(after.rate_writes_throttled - before.rate_writes_throttled) / max(1, writes),
        waiting=running * (after.waited - before.waited) / ended if ended else math.nan,
        running=running,
        receives=(after.receives - before.receives) * each,
        delay_p50=_percentile(delays, 0.5),
        delay_p99=_percentile(delays, 0.99),
        write_units=(after.write_units - before.write_units) * each,
        read_units=(after.read_units - before.read_units) * each,
        calls={operation: count * each for operation, count in sorted(calls.items())},
        longest_silence=max([*world.silences[before.silences : after.silences], after.silence]),
        over_quota=after.over_quota - before.over_quota,
        errors=after.errors - before.errors,
    )


def _percentile(ordered: Sequence[float], part: float) -> float:
    return ordered[min(len(ordered) - 1, math.floor(len(ordered) * part))] if ordered else math.nan
