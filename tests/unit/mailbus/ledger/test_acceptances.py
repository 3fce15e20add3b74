from __future__ import annotations

import msgspec
import pytest

from mailbus.errors import SendError
from mailbus.ledger.claims import Claims
from mailbus.ledger.records import RecordKey, SentEntry
from tests.unit.fakes.dynamodb import refused
from tests.unit.mailbus.ledger.world import (
    KEEP,
    MESSAGE,
    NOW,
    World,
    job,
    part,
    settled,
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


def test_a_message_that_cannot_be_indexed_is_reported_as_unsaved(world: World) -> None:
    claims = Claims(world.table, index_messages=True)
    record = settled(job())
    world.client.errors = [refused("InternalServerError", "BatchWriteItem")]
    assert claims.save([record]) == (record.key,)
    assert world.client.items == {}
    world.client.errors = [None, refused("InternalServerError", "BatchWriteItem")]
    assert claims.save([record]) == (record.key,)
    assert list(world.client.items) == [("job#order-1001", "job")]
    world.client.errors = [refused("InternalServerError", "BatchGetItem")]
    with pytest.raises(SendError, match="InternalServerError"):
        world.acceptances.find_messages([MESSAGE])


def test_more_messages_than_one_call_takes_are_indexed_and_found(world: World) -> None:
    claims = Claims(world.table, index_messages=True)
    accepted = {entry: f"ses-{entry}" for entry in range(130)}
    record = part(entries=130, open=(), lease_until=0.0, accepted=accepted)
    assert claims.save([record]) == ()
    found = world.acceptances.find_messages(f"ses-{entry}" for entry in range(131))
    assert found == {f"ses-{entry}": SentEntry(key=record.key, entry=entry) for entry in range(130)}
    expiries = {item["expires_at"]["N"] for key, item in world.client.items.items() if key[1] == "message"}
    assert expiries == {str(KEEP)}
