from __future__ import annotations

from typing import Any

import pytest

from mailbus.events import InboundEvent, InboundMessage
from mailbus_cli.erasing.timeline import TRIES, Removed, Timeline
from mailbus_cli.errors import CommandError
from tests.unit.mailbus.timeline.timelines import NINE, event, message, unsent
from tests.unit.timeline.recording import TABLE, Function

ANN = "ann@example.com"
BOTH = {"mail": {"destination": [ANN, "bob@example.com"]}}


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> Function:
    monkeypatch.setattr("mailbus_cli.erasing.timeline.TimelineTable.back_off", lambda *_: None)
    made = Function()
    made.now = 4_000_000_000
    made.record(
        event("queued"),
        event("delivered", 1, esp_event=BOTH),
        event("delivered", 2, recipient="bob@example.com", esp_event=BOTH),
        event("sent", message_id=message(2), recipient="eve@example.com"),
    )
    return made


def timeline(function: Function) -> Timeline:
    client: Any = function.dynamodb
    return Timeline(client, TABLE)


def test_mails_and_events_of_a_recipient_are_removed_and_the_address_from_those_of_others(
    function: Function,
) -> None:
    assert [mail.recipient for mail in timeline(function).mails("ann@EXAMPLE.com")] == [ANN]
    assert timeline(function).remove(ANN) == Removed(mails=1, events=2, rewritten=1)
    assert ANN not in function.stored()
    left = function.table.by_message(message(1))
    assert [(mail.recipient, mail.status) for mail in left] == [("bob@example.com", "delivered")]
    (kept,) = function.table.group_events(f"message#{message(1)}")
    assert kept.entry["detail"]["esp_event"] == {"mail": {"destination": ["erased", "bob@example.com"]}}
    assert len(function.table.by_recipient("eve@example.com")) == 1


def test_a_second_run_finds_nothing(function: Function) -> None:
    timeline(function).remove(ANN)
    assert timeline(function).remove(ANN) == Removed()
    assert timeline(function).mails(ANN) == ()


def test_an_interrupted_run_is_repeated(function: Function) -> None:
    function.dynamodb.unprocessed = [0, 1] + [2] * TRIES
    with pytest.raises(CommandError, match="not everything is removed"):
        timeline(function).remove(ANN)
    assert len(timeline(function).mails(ANN)) == 1
    function.dynamodb.unprocessed = []
    timeline(function).remove(ANN)
    assert ANN not in function.stored()


def test_the_events_of_no_recipient_go_with_the_only_one(function: Function) -> None:
    function.record(event("unknown", 3, message_id=message(2), recipient=None))
    timeline(function).remove("eve@example.com")
    assert function.table.group_events(f"message#{message(2)}") == ()


def test_what_failed_before_acceptance_is_removed_and_the_event_of_a_job_that_was_refused(
    function: Function,
) -> None:
    function.record(unsent(job_id="order-7", recipient=ANN))
    function.record(unsent(job_id="order-8", recipient=ANN, error_code="JobIdConflict"))
    timeline(function).remove(ANN)
    assert ANN not in function.stored()
    assert function.table.group_events("job#order-8") == ()


def test_mail_received_from_the_address_is_removed(function: Function) -> None:
    received = InboundEvent(
        event_type="inbound",
        event_id="o3vrnil0e2ic28tr",
        message_id="o3vrnil0e2ic28tr",
        timestamp=NINE,
        message=InboundMessage(envelope_sender=ANN, envelope_recipients=("help@shop.example.com",)),
    )
    function.record(received)
    assert timeline(function).remove(ANN).received == 1
    assert function.table.received().mails == ()


def test_events_that_arrive_meanwhile_are_removed_too(function: Function) -> None:
    def arrive() -> None:
        function.dynamodb.before = lambda: None
        function.record(event("complained", 5))

    function.dynamodb.before = arrive
    timeline(function).remove(ANN)
    assert ANN not in function.stored()
