from __future__ import annotations

import pytest

from mailbus.ledger.table import LedgerTable
from mailbus.ledger.tracking_health import LATE_SECONDS, TrackingHealth, note_processed, read_health
from mailbus_cdk.settings.doubt import REDELIVERY_SECONDS, REPORT_LOSSES
from tests.unit.fakes.dynamodb import TABLE, FakeDynamoDb

NOW = 1_800_000_000.0


@pytest.fixture
def table() -> LedgerTable:
    return LedgerTable(FakeDynamoDb(), TABLE, sleep=lambda _: None)  # type: ignore[arg-type] # a fake


def test_reports_are_late_until_some_have_been_processed_in_time_for_a_while(table: LedgerTable) -> None:
    assert read_health(table).is_late(NOW)
    note_processed(table, NOW, NOW - 1)
    for seconds in (10, 20, 30, 40, 50):
        assert read_health(table).is_late(NOW + seconds)
        note_processed(table, NOW + seconds, NOW + seconds - 1)
    assert not read_health(table).is_late(NOW + LATE_SECONDS)


def test_reports_are_late_while_none_are_processed_and_for_a_while_after(table: LedgerTable) -> None:
    note_processed(table, NOW - 300, NOW - 300)
    note_processed(table, NOW - 250, NOW - 250)
    assert not read_health(table).is_late(NOW - 200)
    assert read_health(table).is_late(NOW - 100)
    note_processed(table, NOW, NOW)
    assert read_health(table) == TrackingHealth(processed_at=NOW, steady_since=NOW)
    assert read_health(table).is_late(NOW + 50)


def test_a_report_that_waited_long_shows_that_others_may_too(table: LedgerTable) -> None:
    for seconds in range(0, 300, 30):
        note_processed(table, NOW + seconds, NOW + seconds)
    assert not read_health(table).is_late(NOW + 300)
    note_processed(table, NOW + 300, NOW + 300 - LATE_SECONDS - 1)
    assert read_health(table).is_late(NOW + 301)


def test_the_redeliveries_that_a_doubt_waits_for_are_not_late() -> None:
    assert REPORT_LOSSES * REDELIVERY_SECONDS < LATE_SECONDS
