"""The sender's and the tracker's protocol, in schedules of faults: `make fuzz` runs many more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bench.protocol import faults
from bench.protocol.outcome import problems
from bench.protocol.world import World
from mailbus.ledger.claims import Claimed, Claims, _Put
from mailbus.ledger.records import Free, JobRecord
from sender import events, verdicts
from sender.rate import table
from tracking import ledger_updates

if TYPE_CHECKING:
    from collections.abc import Iterator

# 20 s of one processor
SCHEDULES = 1800
CHUNK = 100


@pytest.mark.parametrize("first", range(0, SCHEDULES, CHUNK))
def test_nothing_is_lost_or_sent_twice_or_left_open(first: int) -> None:
    for seed in range(first, first + CHUNK):
        world = World(seed)
        assert world.run(), seed
        assert problems(world) == [], seed


def test_a_schedule_can_be_repeated() -> None:
    first, second = World(47), World(47)
    assert first.run()
    assert second.run()
    assert first.events == second.events
    assert first.clock.now == second.clock.now


def test_the_schedules_have_each_fault() -> None:
    worlds = [World(seed) for seed in range(100)]
    for name in faults.CHOICES:
        assert any(getattr(world.faults, name) for world in worlds), name
    kinds = {
        (job.is_valid, job.stored is not None, job.cancelled_at is not None, len(job.enqueued_at))
        for world in worlds
        for job in world.jobs
    }
    assert len(kinds) > 6
    assert any(world.held for world in worlds)
    assert sum(world.run() and world.died for world in worlds[:20]) > 10


def first_problems(limit: int = 300) -> list[str]:
    """Return the problems of the first schedule that has some."""
    found: Iterator[list[str]] = (
        problems(world) if world.run() else ["never settled"] for world in map(World, range(limit))
    )
    return next(filter(None, found), [])


def test_a_sender_that_does_not_ask_the_ledger_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def claim(_: Claims, claims: Any, *, now: float) -> list[Claimed]:
        return [Claimed(record=_Put.of(one, now).record) for one in claims]

    monkeypatch.setattr(Claims, "claim", claim)
    assert any("times" in problem for problem in first_problems())


def test_a_sender_that_does_not_wait_for_reports_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def judge(record: JobRecord, **_: object) -> Free:
        return Free(entries=record.unsettled, fresh=False)

    monkeypatch.setattr(verdicts, "judge", judge)
    assert first_problems()


def test_a_tracker_that_records_nothing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_updates, "_record_acceptance", lambda *_: None)
    assert first_problems()


def test_a_sender_without_events_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "queued", lambda *_: ())
    assert any("queued by 0 ids" in problem for problem in first_problems())


def test_a_lane_that_is_not_paused_for_all_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "paused_lanes", lambda _: frozenset())
    monkeypatch.setattr(table, "paused_mark", lambda _: "no_mark")
    assert any("lane was paused" in problem for problem in first_problems())
