from __future__ import annotations

import msgspec
import pytest

from mailbus.errors import SendError
from mailbus.ledger.records import RecordKey
from tests.unit.fakes.dynamodb import refused
from tests.unit.mailbus.ledger.world import (
    MESSAGE,
    NOW,
    World,
    job,
    part,
)


def test_an_entry_is_marked_once_and_only_of_a_job_that_is_known(world: World) -> None:
    claimed = world.claimed(part())
    assert world.acceptances.mark_accepted(claimed.key, 7, MESSAGE, NOW + 2) is True
    assert world.acceptances.mark_accepted(claimed.key, 7, "another id", NOW + 3) is False
    assert world.acceptances.mark_accepted(RecordKey(job_id="newsletter-47"), 7, MESSAGE, NOW) is False
    assert len(world.client.items) == 1
    marked = msgspec.structs.replace(
        claimed, accepted={7: MESSAGE}, accepted_at=NOW + 2, version=claimed.version + 1
    )
    assert world.known(claimed.key) == marked


def test_a_mark_waits_for_a_transaction_on_the_same_item(world: World) -> None:
    claimed = world.claimed(job())
    conflict = refused("TransactionConflictException")
    world.client.troubles = [conflict, conflict]
    assert world.acceptances.mark_accepted(claimed.key, 0, MESSAGE, NOW) is True
    world.client.troubles = [conflict] * 9
    with pytest.raises(SendError, match="TransactionConflictException"):
        world.acceptances.mark_accepted(claimed.key, 0, MESSAGE, NOW)
