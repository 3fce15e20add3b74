from __future__ import annotations

from mailbus.ledger.table import LedgerTable
from mailbus.ledger.tracking_health import LATE_SECONDS, read_health
from tests.unit.fakes.dynamodb import TABLE, refused
from tests.unit.tracking.notifications import envelope, text
from tests.unit.tracking.world import NOW, World
from tracking.health import INTERVAL_SECONDS, HealthNotes

DELIVERY = envelope(text("event_delivery"))


def world() -> World:
    made = World()
    made.health = HealthNotes()
    return made


def processed_at(made: World) -> float:
    table = LedgerTable(made.dynamodb, TABLE)  # type: ignore[arg-type] # a fake
    return read_health(table).processed_at


def test_a_process_records_that_reports_are_processed_but_not_for_each_batch() -> None:
    made = world()
    for seconds in (0.0, 1.0, INTERVAL_SECONDS - 1):
        made.now = NOW + seconds
        assert made.run(DELIVERY, seconds=20) == []
        assert processed_at(made) == NOW
    made.now = NOW + INTERVAL_SECONDS
    assert made.run(DELIVERY, seconds=20) == []
    assert processed_at(made) == made.now


def test_a_late_report_is_recorded_at_once() -> None:
    made = world()
    assert made.run(DELIVERY, seconds=20) == []
    made.now = NOW + 1
    assert made.run(DELIVERY, seconds=20, sent_at=made.now - LATE_SECONDS - 1) == []
    assert processed_at(made) == made.now


def test_a_ledger_that_does_not_answer_delays_no_report() -> None:
    made = world()
    made.dynamodb.errors = [refused("InternalServerError", "BatchGetItem")]
    assert made.run(DELIVERY, seconds=20) == []
    assert [event["event_type"] for event in made.details] == ["delivered"]
