from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ClientError

from mailbus_cli import lanes
from mailbus_cli.errors import CommandError, UsageError
from tests.unit.fakes.clients import FakeEvents
from tests.unit.sender.rate.shared_item import SharedItem

if TYPE_CHECKING:
    from mailbus_cli.deployment import Deployment

DENIED = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "PutEvents")


class Stage:
    def __init__(self) -> None:
        self.item, self.events = SharedItem(), FakeEvents()
        clients: dict[str, Any] = {"dynamodb": self.item, "events": self.events}
        outputs = {"LedgerTableName": "ledger", "EventBusName": "mailbus-prod"}
        self.deployment = cast(
            "Deployment",
            SimpleNamespace(client=clients.__getitem__, output=outputs.__getitem__, outputs=outputs),
        )

    @property
    def published(self) -> list[tuple[str, dict[str, Any]]]:
        return [(entry["DetailType"], json.loads(entry["Detail"])) for entry in self.events.taken]


def test_a_pause_and_its_resumption_are_events() -> None:
    stage = Stage()
    paused = lanes.pause(stage.deployment, "bulk", "wrong campaign")
    resumed = lanes.resume(stage.deployment, "bulk", None)
    assert (paused.paused, paused.changed, resumed.paused, resumed.changed) == (True, True, False, True)
    (first, pause), (second, resumption) = stage.published
    assert (first, pause["by"], pause["reason"]) == ("mailbus.lane_paused", "operator", "wrong campaign")
    assert (second, resumption["paused_at"]) == ("mailbus.lane_resumed", pause["timestamp"])


def test_an_event_that_did_not_come_on_the_bus_is_published_by_the_same_command_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    stage = Stage()
    stage.events.outages = [DENIED] * 4
    with pytest.raises(
        CommandError, match="the bulk lane is paused, but its event is not on the bus"
    ) as failed:
        lanes.pause(stage.deployment, "bulk", None)
    assert failed.value.hint == "the same command again puts it there"
    again = lanes.pause(stage.deployment, "bulk", None)
    assert not again.changed
    stage.events.outages = [DENIED] * 4
    with pytest.raises(CommandError, match="the bulk lane is resumed, but its event is not on the bus"):
        lanes.resume(stage.deployment, "bulk", None)
    assert not lanes.resume(stage.deployment, "bulk", None).changed
    assert [detail_type for detail_type, _ in stage.published] == [
        "mailbus.lane_paused",
        "mailbus.lane_resumed",
    ]


def test_a_lane_that_was_never_paused_has_no_event() -> None:
    stage = Stage()
    assert lanes.resume(stage.deployment, "bulk", None).event is None
    assert stage.published == []


def test_a_reason_that_would_not_fit_is_refused_before_any_call() -> None:
    stage = Stage()
    with pytest.raises(UsageError, match="the reason has 142 bytes"):
        lanes.pause(stage.deployment, "bulk", "ä" * 71)
    assert stage.item.calls == []


def test_the_pause_of_a_table_that_cannot_be_read_is_no_error() -> None:
    def denied(**_: Any) -> None:
        raise DENIED

    client = SimpleNamespace(batch_get_item=denied)
    outputs = {"LedgerTableName": "ledger"}
    stage = cast("Deployment", SimpleNamespace(client=lambda _: client, outputs=outputs))
    assert lanes.paused(stage) == ()
    assert lanes.paused(cast("Deployment", SimpleNamespace(client=lambda _: client, outputs={}))) == ()
