"""Counts what a mail uses, from the job to the timeline, in the simulated world of `bench.world`."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Final

import msgspec

from bench.world.costs import LAMBDA_LOG_BYTES
from bench.world.readers import ReaderCounts
from bench.world.reporting import LONGEST_SECONDS, Reporting
from bench.world.scenario import LaneLoad, Scenario, lasting
from bench.world.world import World
from mailbus_cdk import lanes
from mailbus_cli.costing.counted import FunctionUse, Point

if TYPE_CHECKING:
    from mailbus.stages import Lane
    from mailbus_cli.costing.counted import Load

#: Milliseconds to DynamoDB and back, as in docs/scale.md.
ROUND_TRIP: Final = 0.010
#: Of the rate of 14 a second: about one mail in seven seconds.
ALONE: Final = 0.01
#: How long each is counted, in seconds, by its rate.
SECONDS: Final = {14: 60.0, 100: 20.0, 1000: 5.0}
ALONE_SECONDS: Final = 900.0
#: The sender's own calls of SQS.
CALLS: Final = ("SendMessageBatch", "SendMessage", "ChangeMessageVisibility", "GetQueueAttributes")
# until what was reported first has come
WARM_UP: Final = LONGEST_SECONDS + 3


class _Totals(msgspec.Struct, frozen=True, kw_only=True):
    mails: int
    events: int
    event_bytes: int
    seconds: float
    invocations: int
    calls: int
    log_bytes: int
    ledger_writes: float
    ledger_reads: float
    tracking_writes: float
    tracking_reads: float
    timeline_writes: float
    tracked: ReaderCounts
    recorded: ReaderCounts


def count(load: Load, rate: int, *, sent: bool, seconds: float | None = None) -> Point:
    """Simulate mail at a rate; return what each mail and each event uses."""
    measured = seconds or (ALONE_SECONDS if load == "alone" else SECONDS[rate])
    lane = LaneLoad(
        workers=lanes.workers(rate),
        batch=lanes.batch_size(rate),
        load=ALONE if load == "alone" else None,
    )
    of_lanes: dict[Lane, LaneLoad] = {"transactional": lane}
    backlog = lasting(WARM_UP + measured, rate, of_lanes)
    scenario = Scenario(rate=rate, lanes=of_lanes, round_trip=ROUND_TRIP, backlog=backlog)
    world = World(scenario, logs_all=True)
    reporting = Reporting(world, rate=rate, publish_sent=sent)
    world.run(WARM_UP)
    before = _totals(world, reporting)
    world.run(measured)
    after = _totals(world, reporting)
    mails, events = after.mails - before.mails, after.events - before.events
    return Point(
        load=load,
        rate=rate * ALONE if load == "alone" else rate,
        sent=sent,
        event_bytes=_rounded((after.event_bytes - before.event_bytes) / events),
        ledger_bytes=_rounded(world.table.stored_bytes / after.mails),
        timeline_bytes=_rounded(reporting.timeline.stored_bytes / after.recorded.messages),
        sender=_sender(before, after, mails),
        tracking=_used(
            before.tracked,
            after.tracked,
            writes=after.tracking_writes - before.tracking_writes,
            reads=after.tracking_reads - before.tracking_reads,
        ),
        timeline=_used(
            before.recorded, after.recorded, writes=after.timeline_writes - before.timeline_writes
        ),
    )


def _totals(world: World, reporting: Reporting) -> _Totals:
    return _Totals(
        mails=len(world.ses.accepted),
        events=world.bus.events,
        event_bytes=world.bus.bytes,
        seconds=sum(worker.seconds for worker in world.workers),
        invocations=sum(worker.invocations for worker in world.workers),
        calls=sum(world.calls[operation] for operation in CALLS),
        log_bytes=world.log.bytes,
        ledger_writes=world.table.write_units,
        ledger_reads=world.table.read_units,
        tracking_writes=sum(ledger.write_units for ledger in reporting.ledgers),
        tracking_reads=sum(ledger.read_units for ledger in reporting.ledgers),
        timeline_writes=reporting.timeline.write_units,
        tracked=copy.copy(reporting.tracked),
        recorded=copy.copy(reporting.recorded),
    )


def _sender(before: _Totals, after: _Totals, mails: int) -> FunctionUse:
    """Return what the sender used for each mail."""
    invocations = (after.invocations - before.invocations) / mails
    writes = after.ledger_writes - before.ledger_writes - (after.tracking_writes - before.tracking_writes)
    reads = after.ledger_reads - before.ledger_reads - (after.tracking_reads - before.tracking_reads)
    return FunctionUse(
        invocations=_rounded(invocations),
        seconds=_rounded((after.seconds - before.seconds) / mails),
        # a receive and a delete of each batch, and the calls for what is delivered again
        requests=_rounded(2 * invocations + (after.calls - before.calls) / mails),
        write_units=_rounded(writes / mails),
        read_units=_rounded(reads / mails),
        log_bytes=_rounded((after.log_bytes - before.log_bytes) / mails + LAMBDA_LOG_BYTES * invocations),
    )


def _used(
    before: ReaderCounts, after: ReaderCounts, *, reads: float = 0.0, writes: float = 0.0
) -> FunctionUse:
    """Return what a function used for each event."""
    events = after.messages - before.messages
    return FunctionUse(
        invocations=_rounded((after.invocations - before.invocations) / events),
        seconds=_rounded((after.seconds - before.seconds) / events),
        requests=_rounded((after.requests - before.requests) / events),
        write_units=_rounded(writes / events),
        read_units=_rounded(reads / events),
        log_bytes=_rounded((after.log_bytes - before.log_bytes) / events),
    )


def _rounded(number: float) -> float:
    """Return a number with four digits."""
    return float(f"{number:.4g}")
