from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from mailbus.events import InboundEvent, InboundMessage
from mailbus_cli import frame
from tests.unit.fakes.dynamodb import TABLE as LEDGER
from tests.unit.mailbus.ledger.world import World, job
from tests.unit.mailbus.timeline.timelines import NINE, event, message
from tests.unit.timeline.recording import TABLE, Function

if TYPE_CHECKING:
    from collections.abc import Iterator

ANN = "ann@example.com"


class Stage:
    """A deployed stage with a mail to Ann; both tables are behind one client."""

    name = "stage prod in eu-west-1"

    def __init__(self) -> None:
        self.outputs = {"TimelineTableName": TABLE, "LedgerTableName": LEDGER}
        self.timeline = Function()
        self.timeline.now = 4_000_000_000
        self.timeline.record(event("queued"), event("delivered", 1))
        self.ledger = World()
        sent = job(lease_until=0.0, open=(), accepted={0: message(1)}, tags=("receipt",))
        self.record = self.ledger.claimed(sent)

    def output(self, name: str) -> str:
        return self.outputs[name]

    def client(self, service: str) -> Any:
        if service == "dynamodb":
            return self
        return SimpleNamespace(get_suppressed_destination=lambda **_: {})

    def __getattr__(self, operation: str) -> Any:
        def call(**request: Any) -> Any:
            name = request.get("TableName") or next(iter(request["RequestItems"]))
            fake = self.timeline.dynamodb if name == TABLE else self.ledger.client
            return getattr(fake, operation)(**request)

        return call


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    made = Stage()
    monkeypatch.setattr("mailbus_cli.deployment.find", lambda **_: made)
    return made


def test_it_asks_for_an_answer_where_there_is_no_terminal(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    assert frame.run(["erase", ANN, "--stage", "prod"]) == 2
    assert "ann@example.com would be removed from stage prod in eu-west-1: 1" in capsys.readouterr().err
    assert len(stage.timeline.table.by_recipient(ANN)) == 1


def test_it_asks_for_received_mail_too(stage: Stage) -> None:
    received = InboundEvent(
        event_type="inbound",
        event_id="o3vrnil0e2ic28tr",
        message_id="o3vrnil0e2ic28tr",
        timestamp=NINE,
        message=InboundMessage(envelope_sender="bob@example.com"),
    )
    stage.timeline.record(received)
    assert frame.run(["erase", "bob@example.com", "--stage", "prod"]) == 2
    assert len(stage.timeline.table.received().mails) == 1


def test_it_removes_the_recipient_and_names_what_else_may_have_the_address(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    assert frame.run(["erase", ANN, "--stage", "prod", "--yes"]) == 0
    written = capsys.readouterr().out
    assert "mails\t1" in written
    assert "The address may still be in:" in written
    assert "SES's suppression list" in written
    assert stage.timeline.dynamodb.items == {}
    after = stage.ledger.known(stage.record.key)
    assert (after.tags, after.fingerprint) == ((), stage.record.fingerprint)


@pytest.mark.usefixtures("stage")
def test_json_has_the_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    assert frame.run(["erase", ANN, "--stage", "prod", "--yes", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["removed"] == {"mails": 1, "events": 2, "received": 0, "rewritten": 0}
    assert report["ledger"] == {"jobs": 1, "busy": []}


def test_a_job_that_is_being_sent_is_left_with_all_that_leads_to_it(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = stage.ledger.known(stage.record.key)
    client: Any = stage.ledger.client
    client.items[("job#order-1001", "job")]["lease_until"] = {"N": "9000000000.0"}
    assert frame.run(["erase", ANN, "--stage", "prod", "--yes"]) == 1
    assert "a worker is sending order-1001. Run this again." in capsys.readouterr().out
    assert len(stage.timeline.table.by_recipient(ANN)) == 1
    after = stage.ledger.known(stage.record.key)
    assert msgspec.structs.replace(after, lease_until=0.0) == seen


def test_without_a_timeline_it_says_what_it_cannot_search(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    del stage.outputs["TimelineTableName"]
    assert frame.run(["erase", ANN, "--stage", "prod"]) == 1
    written = capsys.readouterr().out
    assert written.startswith("This stage keeps no timeline, by which alone mails are found")
    assert "SES's suppression list" in written


@pytest.mark.parametrize("wrong", ["ann", "@", "@example.com"])
def test_an_address_has_an_at(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert frame.run(["erase", wrong, "--local"]) == 2
    assert "is no address" in capsys.readouterr().err
