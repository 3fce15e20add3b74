from __future__ import annotations

from typing import Any

import pytest
from hypothesis import strategies as st

from mailbus.errors import SendError
from mailbus.ledger.claims import Claim, Found
from mailbus.ledger.records import JobRecord
from tests.unit.mailbus.ledger.world import (
    KEEP,
    MESSAGE,
    NOW,
    World,
    job,
)


def test_an_unknown_job_is_cancelled_before_it_is_received(world: World) -> None:
    assert world.cancel() == "cancelled"
    # an application that cancels needs no other right
    assert {operation for operation, _ in world.operations()} == {"UpdateItem"}
    assert world.cancel() == "already_cancelled"
    (answer,) = world.claims.claim([Claim(record=job())], now=NOW)
    assert isinstance(answer, Found)
    assert (answer.record.state, answer.record.expires_at) == ("cancelled", KEEP)


def test_a_scheduled_job_is_cancelled_and_remembered_beyond_its_time(world: World) -> None:
    due = NOW + 300 * 86_400
    scheduled = world.claimed(
        job(state="scheduled", due=due, open=(), lease_until=0.0, expires_at=int(due) + 604_800)
    )
    assert world.cancel() == "cancelled"
    assert world.cancel() == "already_cancelled"
    cancelled = world.known(scheduled.key)
    assert (cancelled.state, cancelled.expires_at) == ("cancelled", int(due) + 604_800)
    assert isinstance(world.claims.claim([Claim(record=job(), seen=scheduled)], now=due)[0], Found)


@pytest.mark.parametrize(
    "known",
    [
        {},
        {"open": (), "lease_until": 0.0},
        {"open": (), "lease_until": 0.0, "accepted": {0: MESSAGE}},
        {"open": (), "lease_until": 0.0, "state": "failed"},
        {"state": "scheduled", "due": NOW},
        {"state": "scheduled", "due": NOW, "lease_until": 0.0},
    ],
    ids=["leased", "active", "sent", "failed", "due and in hand", "due and in doubt"],
)
def test_it_is_too_late_to_cancel_a_job_that_may_have_been_sent(world: World, known: dict[str, Any]) -> None:
    claimed = world.claimed(job(**known))
    assert world.cancel() == "too_late"
    assert world.known(claimed.key) == claimed


def test_a_job_that_is_being_scheduled_has_to_be_cancelled_again(world: World) -> None:
    claimed = world.claimed(job(state="scheduled", due=NOW + 9000, open=()))
    with pytest.raises(SendError, match="Busy"):
        world.cancel()
    assert world.known(claimed.key) == claimed


def test_an_expired_job_is_cancelled_as_an_unknown_one(world: World) -> None:
    world.claimed(
        job(accepted={0: MESSAGE}, accepted_at=NOW, attempts={"paused": 1}, due=NOW, expires_at=int(NOW))
    )
    assert world.cancel() == "cancelled"
    cancelled = world.known(job().key)
    blank = JobRecord(key=job().key, state="cancelled", version=cancelled.version, expires_at=KEEP)
    assert cancelled == blank


def test_a_worker_that_claims_during_a_cancellation_wins(world: World) -> None:
    def sneak_in_before_the_second_call() -> None:
        if world.client.calls:
            world.client.before = lambda: None
            world.claimed(job())

    world.client.before = sneak_in_before_the_second_call
    assert world.cancel() == "too_late"


entries = st.integers(0, 49)
scalars = st.text(max_size=9) | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.none()
