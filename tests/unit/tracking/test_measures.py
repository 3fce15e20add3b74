from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from mailbus.aws.sqs import Record
from tests.unit.fakes.clients import FakeEvents
from tests.unit.tracking.notifications import NAMES, envelope, expected, payload, text
from tests.unit.tracking.world import NOW, World
from tracking.batch import process

DELIVERY = envelope(text("event_delivery"))


def accepted(seconds_ago: float) -> str:
    """SES's `Send` event of a mail that it accepted so long ago."""
    changed: dict[str, Any] = payload("event_send")
    moment = datetime.fromtimestamp(NOW - seconds_ago, UTC)
    changed["mail"]["timestamp"] = moment.isoformat(timespec="milliseconds")
    return envelope(json.dumps(changed))


def measured(world: World) -> dict[str, float]:
    """The metrics of the only batch; zeros are not written."""
    [metrics] = world.metrics
    return {name: value for name, value in metrics.items() if value}


def test_the_events_of_a_batch_are_counted_by_type_in_one_line() -> None:
    world = World()
    assert world.run(*(envelope(text(name)) for name in NAMES)) == []
    types = [event["event_type"] for name in NAMES for event in expected(name)["events"]]
    counted = {name: value for name, value in measured(world).items() if name.endswith("Events")}
    assert counted == {f"{name.capitalize()}Events": types.count(name) for name in set(types)}


def test_events_that_the_bus_does_not_take_are_counted_when_it_does() -> None:
    world = World(
        FakeEvents(lambda entry: "InternalFailure" if entry["DetailType"] == "email.bounced" else None)
    )
    bounce = envelope(text("event_bounce"))
    assert world.run(DELIVERY, bounce) != []
    assert measured(world) == {"DeliveredEvents": 1}


def test_an_invalid_record_counts_as_no_event() -> None:
    world = World()
    world.run("no envelope")
    assert measured(world) == {}


def test_the_delay_is_that_of_the_send_event_that_took_longest() -> None:
    world = World()
    world.run(accepted(2.5), accepted(97.25), accepted(1.0))
    # each mail is to two recipients
    assert measured(world) == {"SentEvents": 6, "EventDelaySeconds": 97.25}


@pytest.mark.parametrize("name", ["event_delivery", "event_complaint", "event_open"])
def test_other_events_may_be_of_long_ago(name: str) -> None:
    world = World()
    world.run(envelope(text(name)))
    assert "EventDelaySeconds" not in measured(world)


def test_a_send_event_that_seems_to_be_of_the_future_is_not_late() -> None:
    world = World()
    world.run(accepted(-5.0))
    assert measured(world) == {"SentEvents": 2}


def test_a_redriven_event_is_not_late_since_it_waited_for_an_operator() -> None:
    world = World()
    redriven = Record(
        message_id="record-0", receipt_handle="receipt", body=accepted(86_400), redriven_from="record-before"
    )
    assert process([redriven], world.tracker) == ()
    assert measured(world) == {"SentEvents": 2}
