"""Pauses the bulk lane for an alarm, and puts that on the bus.

What fails is raised: Lambda invokes the function again, and then keeps the message as a dead letter. A
message that comes again finds the lane paused, and publishes the same event.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Final

import msgspec
from aws_lambda_powertools import Logger

from guard.alarm import ALARM, parse_alarm
from mailbus.aws.event_bus import EventBus
from mailbus.bus_entries import bus_entry
from mailbus.environment import GuardSettings
from mailbus.errors import PublishError, WiringError
from mailbus.events import lane_event
from mailbus.ledger.lanes import Lanes, short_reason

if TYPE_CHECKING:
    from guard.alarm import Alarm, Delivery
    from mailbus.events import LaneEvent
    from mailbus.stages import Lane

LANE: Final[Lane] = "bulk"
# SES's metrics: https://docs.aws.amazon.com/ses/latest/dg/reputationdashboard-cloudwatch-alarm.html
RATES: Final = {"Reputation.BounceRate": "bounce", "Reputation.ComplaintRate": "complaint"}


class Guard(msgspec.Struct, frozen=True, kw_only=True):
    """The settings and clients of the function; `now()` is in UTC."""

    settings: GuardSettings
    lanes: Lanes
    bus: EventBus
    log: Logger
    now: Callable[[], datetime]


def pause_for(guard: Guard, delivery: Delivery) -> None:
    """Pause the bulk lane if the message is of one of the guard's alarms, and that is on."""
    alarm = parse_alarm(delivery.message)
    rate = RATES.get(alarm.trigger.metric_name)
    if rate is None or alarm.alarm_name not in guard.settings.alarm_names:
        reason = f"the alarm {alarm.alarm_name!r} is none of the guard's; take the topic out of its actions"
        raise WiringError(reason)
    if alarm.new_state_value != ALARM:
        guard.log.info("ignored", alarm=alarm.alarm_name, state=alarm.new_state_value)
        return
    change = guard.lanes.pause(_event(guard, alarm, rate), unless_resumed_since=delivery.timestamp)
    event = change.event
    is_paused = event is not None and event.event_type == "lane_paused"
    outcome = "paused" if change.changed else "was paused already" if is_paused else "was resumed since"
    guard.log.warning(outcome, lane=LANE, alarm=alarm.alarm_name, reason=alarm.new_state_reason)
    if event is not None and is_paused:
        _publish(guard, event)


def _event(guard: Guard, alarm: Alarm, rate: str) -> LaneEvent:
    threshold = alarm.trigger.threshold
    return lane_event(
        "lane_paused",
        LANE,
        at=guard.now(),
        by="guard",
        reason=short_reason(f"SES's {rate} rate of the account has reached {percent(threshold)}"),
        metric=alarm.trigger.metric_name,
        threshold=threshold,
    )


def percent(rate: float) -> str:
    """Return a rate as people read it: `7.5 %`."""
    return f"{100 * rate:.4g} %"


def _publish(guard: Guard, event: LaneEvent) -> None:
    failed = guard.bus.publish([bus_entry(event)])
    if failed:
        reason = f"the {event.lane} lane is paused, but its event is not on the bus"
        raise PublishError(failed[0].code, reason)
