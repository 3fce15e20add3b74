"""Pauses and resumes lanes for an operator, and says which are paused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from mailbus.aws.event_bus import EventBus
from mailbus.bus_entries import bus_entry
from mailbus.errors import SendError
from mailbus.events import LaneEvent, lane_event
from mailbus.ledger.lanes import RATE_KEY, REASON_BYTES, Lanes, paused_events
from mailbus.ledger.table import LedgerTable
from mailbus.stages import Lane
from mailbus_cli.errors import CommandError, UsageError
from mailbus_cli.printable import printable

if TYPE_CHECKING:
    from mailbus_cli.deployment import Deployment


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a command did to a lane: whether it `changed`, and its last event, which is on the bus."""

    lane: Lane
    paused: bool
    changed: bool
    event: LaneEvent | None


def pause(deployment: Deployment, lane: Lane, reason: str | None) -> Outcome:
    """Pause a lane, unless it is paused already. Raises botocore's errors and `CommandError`."""
    _check(reason)
    event = lane_event("lane_paused", lane, at=datetime.now(UTC), by="operator", reason=reason)
    change = _lanes(deployment).pause(event)
    _publish(deployment, change.event, f"the {lane} lane is paused")
    return Outcome(lane=lane, paused=True, changed=change.changed, event=change.event)


def resume(deployment: Deployment, lane: Lane, reason: str | None) -> Outcome:
    """Resume a lane, if it is paused. Raises as `pause` does."""
    _check(reason)
    change = _lanes(deployment).resume(lane, at=datetime.now(UTC), by="operator", reason=reason)
    _publish(deployment, change.event, f"the {lane} lane is resumed")
    return Outcome(lane=lane, paused=False, changed=change.changed, event=change.event)


def paused(deployment: Deployment) -> tuple[LaneEvent, ...]:
    """Return the event of each lane that is paused; none if it cannot be read: it is a hint beside others."""
    name = deployment.outputs.get("LedgerTableName")
    try:
        found = LedgerTable(deployment.client("dynamodb"), name).get([RATE_KEY]) if name else []
    except SendError:
        return ()
    return tuple(event for item in found for event in paused_events(item))


def since(event: LaneEvent) -> str:
    """Return since when and why a lane is paused, in words."""
    why = f": {printable(event.reason)}" if event.reason else ""
    return f"since {event.timestamp:%Y-%m-%d %H:%M} UTC, by the {event.by}{why}"


def _publish(deployment: Deployment, event: LaneEvent | None, done: str) -> None:
    """Put the event on the bus, again if an earlier command may have failed in between."""
    if event is None:
        return
    bus = EventBus(deployment.client("events"), deployment.output("EventBusName"))
    failed = bus.publish([bus_entry(event)])
    if failed:
        reason = f"{done}, but its event is not on the bus: {failed[0].reason}"
        raise CommandError(reason, hint="the same command again puts it there")


def _check(reason: str | None) -> None:
    if reason is not None and len(reason.encode()) > REASON_BYTES:
        wrong = f"the reason has {len(reason.encode())} bytes"
        raise UsageError(wrong, hint=f"{REASON_BYTES} at most: it is stored with the sending rate")


def _lanes(deployment: Deployment) -> Lanes:
    return Lanes(deployment.client("dynamodb"), deployment.output("LedgerTableName"))
