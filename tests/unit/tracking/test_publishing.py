from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mailbus.aws.event_bus import EventBus
from tests.unit.fakes.clients import refusal
from tests.unit.tracking.notifications import (
    envelope,
    expected,
    opened,
    payload,
    text,
)
from tests.unit.tracking.world import EVENTS_BUCKET, World
from tracking.publishing import CHUNK_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from mailbus.bus_entries import BusEntry

DELIVERY = envelope(text("event_delivery"))


def too_large() -> str:
    large = payload("event_bounce")
    large["mail"]["headers"].append({"name": "X-Trace", "value": "x" * 300_000})
    return json.dumps(large)


def test_an_event_too_large_for_the_bus_refers_to_sess_json_in_s3() -> None:
    world = World()
    message = too_large()
    assert world.run(envelope(message), DELIVERY) == []
    without_json = [event for event in world.details if event["event_type"] == "bounced"]
    assert [(event["recipient"], event["esp_event"]) for event in without_json] == [
        ("ada@example.org", None),
        ("grace@example.net", None),
    ]
    assert [event["event_id"] for event in without_json] == [
        event["event_id"] for event in expected("event_bounce")["events"]
    ]
    # once for both recipients, and under the same key whenever the record is retried
    assert len(world.s3.writes) == 1
    [ref] = {tuple(event["esp_event_ref"].values()) for event in without_json}
    assert world.s3.objects == {ref: message.encode()}
    assert (ref[0], ref[1].startswith("esp-events/")) == (EVENTS_BUCKET, True)
    world.run(envelope(message, sns_id="another"))
    assert list(world.s3.objects) == [ref]
    assert world.dead_lettered == []


def test_only_a_large_event_is_requeued_while_s3_is_unreachable() -> None:
    world = World()
    world.s3.errors = [refusal("SlowDown")] * 2
    assert world.run(envelope(too_large()), DELIVERY) == ["record-0"]
    assert [event["event_type"] for event in world.details] == ["delivered"]


def test_an_event_too_large_without_sess_json_is_dead_lettered() -> None:
    large = payload("event_click")
    large["click"]["link"] = "https://shop.example.com/?q=" + "x" * 300_000
    world = World()
    body = envelope(json.dumps(large))
    assert world.run(body) == []
    assert world.details == []
    assert world.dead_lettered == [("record-0", "PublishError")]
    assert world.sqs.sent[0]["attributes"]["Code"] == "EntryTooLarge"
    assert world.sqs.sent[0]["body"] == body


def test_only_as_many_events_are_encoded_at_a_time_as_fit_into_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    together: list[int] = []
    publish = EventBus.publish

    def measured(bus: EventBus, entries: Sequence[BusEntry], *, seconds: float) -> Any:
        together.append(sum(len(entry.detail) for entry in entries))
        return publish(bus, entries, seconds=seconds)

    monkeypatch.setattr(EventBus, "publish", measured)
    world = World()
    bodies = [opened(recipients=50, padding=20_000)] * 20
    assert world.run(*bodies) == []
    assert len(world.details) == 1_000
    assert sum(together) > CHUNK_BYTES
    assert max(together) < CHUNK_BYTES
