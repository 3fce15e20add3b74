from __future__ import annotations

from typing import Any

import msgspec
import pytest

from mailbus.ledger.records import JobRecord, RecordKey
from mailbus.timeline.mails import TimelineMail, mail_of
from mailbus_cli.erasing.ledger import Cleared, clear
from tests.unit.fakes.dynamodb import TABLE
from tests.unit.mailbus.ledger.world import NOW, World, job
from tests.unit.mailbus.timeline.timelines import event, message


@pytest.fixture
def world() -> World:
    return World()


def mail(number: int = 1) -> TimelineMail:
    made = mail_of(event("sent", message_id=message(number)))
    assert made is not None
    return made


def sent(**more: Any) -> JobRecord:
    values: dict[str, Any] = {
        "lease_until": 0.0,
        "open": (),
        "accepted": {0: message(1)},
        "metadata": ({"order": 1001},),
        "tags": ("receipt",),
    }
    return job(**(values | more))


def cleared(world: World, *mails: TimelineMail) -> Cleared:
    client: Any = world.client
    return clear(client, TABLE, mails, now=NOW)


def test_metadata_and_tags_are_removed_and_nothing_that_keeps_the_job_from_being_sent_twice(
    world: World,
) -> None:
    before = world.claimed(sent())
    assert cleared(world, mail()) == Cleared(jobs=1)
    after = world.known(before.key)
    assert after == msgspec.structs.replace(before, metadata=(), tags=(), version=before.version + 1)


def test_of_a_merge_only_the_recipients_own_entry_is_cleared(world: World) -> None:
    metadata = ({"n": 0}, {"n": 1}, {"n": 2})
    accepted = {0: message(1), 1: message(2)}
    before = world.claimed(sent(entries=3, accepted=accepted, metadata=metadata))
    assert cleared(world, mail(2)) == Cleared(jobs=1)
    after = world.known(before.key)
    assert (after.metadata, after.tags) == (({"n": 0}, {}, {"n": 2}), ("receipt",))


def test_the_parts_of_a_large_merge_are_cleared(world: World) -> None:
    whole = world.claimed(sent(accepted={}, metadata=(), tags=(), parts=2))
    part = RecordKey(job_id=whole.key.job_id, part=1)
    world.claimed(sent(key=part, entries=2, accepted={1: message(7)}, metadata=({"n": 0}, {"n": 1})))
    assert cleared(world, mail(7)) == Cleared(jobs=1)
    assert world.known(part).metadata == ({"n": 0}, {})


def test_a_job_that_is_being_sent_is_left_for_a_second_run(world: World) -> None:
    before = world.claimed(sent(lease_until=NOW + 60))
    assert cleared(world, mail()) == Cleared(busy=(before.key.job_id,))
    assert world.known(before.key).metadata == before.metadata


def test_what_the_ledger_has_forgotten_or_never_had_is_nothing(world: World) -> None:
    assert cleared(world, mail()) == Cleared()
    world.claimed(sent(metadata=(), tags=()))
    assert cleared(world, mail()) == Cleared()


def test_a_record_that_changes_meanwhile_is_read_again(world: World) -> None:
    before = world.claimed(sent())

    def change() -> None:
        if world.client.calls and world.client.calls[-1][0] == "BatchGetItem":
            world.client.before = lambda: None
            world.acceptances.mark_accepted(before.key, 1, message(9), NOW)

    world.client.before = change
    assert cleared(world, mail()) == Cleared(jobs=1)
    after = world.known(before.key)
    assert (after.accepted, after.metadata) == ({0: message(1), 1: message(9)}, ())
