from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from mailbus.ledger import items
from mailbus.ledger.claims import Claim, Claimed, Found
from mailbus.ledger.records import JobRecord, RecordKey
from tests.unit.fakes.dynamodb import refused
from tests.unit.mailbus.ledger.world import MESSAGE, NOW, World, codes, job, largest, settled, size

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailbus.events import MetadataValue


def test_a_batch_of_new_jobs_is_claimed_by_one_call_and_its_results_saved_by_one(world: World) -> None:
    jobs = [job(number) for number in range(1001, 1011)]
    answers = world.claims.claim([Claim(record=record) for record in jobs], now=NOW)
    claimed = [answer.record for answer in answers if isinstance(answer, Claimed)]
    assert [msgspec.structs.replace(record, version=0) for record in claimed] == jobs
    assert world.operations() == [("BatchExecuteStatement", 10)]
    assert [world.known(record.key) for record in claimed] == claimed
    world.operations()
    assert world.claims.save([settled(record) for record in claimed]) == ()
    assert world.operations() == [("BatchWriteItem", 10)]
    found = world.table.find([record.key for record in claimed])
    assert world.operations() == [("BatchGetItem", 10)]
    assert [record.accepted for record in found.values()] == [{0: MESSAGE}] * 10
    assert all(found[record.key].version > record.version for record in claimed)


def test_a_claimed_job_is_found_by_the_next_worker_and_does_not_delay_others(world: World) -> None:
    first = world.claimed(job(1002))
    world.operations()
    jobs = [job(number, called_at=NOW + 1) for number in (1001, 1002, 1003)]
    answers = world.claims.claim([Claim(record=record) for record in jobs], now=NOW + 1)
    assert [type(answer) for answer in answers] == [Claimed, Found, Claimed]
    assert answers[1].record == first  # type: ignore[union-attr] # by the line above
    assert world.operations() == [("BatchExecuteStatement", 3), ("PutItem", 1)]


def test_a_record_is_claimed_again_by_the_worker_that_saw_it_last(world: World) -> None:
    seen = world.claimed(job())
    again = Claim(record=job(sqs_message_id="again"), seen=seen)
    (answer,) = world.claims.claim([again], now=NOW + 1)
    assert answer == Claimed(record=msgspec.structs.replace(again.record, version=seen.version + 1))
    other = msgspec.structs.replace(again, record=job(sqs_message_id="other"))
    (late,) = world.claims.claim([other], now=NOW + 2)
    assert late == Found(record=answer.record)


@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda world, seen: world.acceptances.mark_accepted(seen.key, 0, MESSAGE, NOW),
        lambda world, seen: world.claims.save([settled(seen)]),
        lambda world, seen: world.claims.claim([Claim(record=job(called_at=NOW + 1), seen=seen)], now=NOW),
    ],
    ids=["marked", "saved", "claimed"],
)
def test_a_claim_does_not_overwrite_what_was_written_since_it_was_seen(
    world: World, meanwhile: Callable[[World, JobRecord], object]
) -> None:
    seen = world.claimed(job())
    meanwhile(world, seen)
    now_there = world.known(seen.key)
    (answer,) = world.claims.claim([Claim(record=job(called_at=NOW + 2), seen=seen)], now=NOW + 2)
    assert answer == Found(record=now_there)


def test_an_expired_record_is_replaced_by_a_worker_that_never_saw_it(world: World) -> None:
    old = world.claimed(job(fingerprint="what was sent a year ago", expires_at=int(NOW) + 10))
    assert isinstance(world.claims.claim([Claim(record=job(called_at=NOW + 9))], now=NOW + 9)[0], Found)
    (answer,) = world.claims.claim([Claim(record=job())], now=NOW + 10)
    assert isinstance(answer, Claimed)
    # who still remembers the old one must not take the new one for it
    late = Claim(record=job(called_at=NOW + 11), seen=old)
    assert isinstance(world.claims.claim([late], now=NOW + 11)[0], Found)


def test_a_record_that_dynamodb_has_deleted_since_can_be_claimed(world: World) -> None:
    seen = world.claimed(job())
    world.client.items.clear()
    (answer,) = world.claims.claim([Claim(record=job(), seen=seen)], now=NOW)
    assert isinstance(answer, Claimed)


def test_the_same_job_twice_in_one_batch_is_claimed_once(world: World) -> None:
    first, second, other = world.claims.claim(
        [Claim(record=job(sqs_message_id=name)) for name in ("a", "b")] + [Claim(record=job(2))], now=NOW
    )
    assert isinstance(first, Claimed)
    assert second == Found(record=first.record)
    assert isinstance(other, Claimed)
    assert world.operations() == [("BatchExecuteStatement", 2)]


def test_parts_of_one_job_are_records_of_their_own(world: World) -> None:
    keys = [RecordKey(job_id="newsletter-47", part=number) for number in (None, 0, 1)]
    answers = world.claims.claim([Claim(record=job(key=key)) for key in keys], now=NOW)
    assert [type(answer) for answer in answers] == [Claimed] * 3
    found = world.table.find([*keys, *keys, RecordKey(job_id="newsletter-47", part=2)])
    assert list(found) == keys


@pytest.mark.parametrize(
    "code",
    ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded", "InternalServerError", "New"],
)
def test_what_a_batch_does_not_insert_is_put_by_a_call_of_its_own(world: World, code: str) -> None:
    world.client.statement_errors = [{1: code}]
    answers = world.claims.claim([Claim(record=job(number)) for number in range(3)], now=NOW)
    assert [type(answer) for answer in answers] == [Claimed] * 3
    assert world.operations() == [("BatchExecuteStatement", 3), ("PutItem", 1)]
    assert [world.known(job(number).key) for number in range(3)] == [answer.record for answer in answers]  # type: ignore[union-attr] # by the line above


def test_a_claim_that_dynamodb_keeps_refusing_fails_no_other(world: World) -> None:
    world.client.statement_errors = [{0: "ThrottlingError"}]
    world.client.errors = [None, refused("ThrottlingException")]
    answers = world.claims.claim([Claim(record=job(1)), Claim(record=job(2))], now=NOW)
    assert codes(answers) == ["ThrottlingException", "Claimed"]
    assert world.client.items.keys() == {("job#order-2", "job")}


@pytest.mark.parametrize("metadata", [({"order": 1001},), ({},)])
@pytest.mark.parametrize("code", ["InternalServerError", "DuplicateItem"])
def test_a_claim_that_was_written_by_a_lost_try_is_claimed(
    world: World, code: str, metadata: tuple[dict[str, MetadataValue], ...]
) -> None:
    """The client tried again, or DynamoDB failed after it had written."""
    before = world.claimed(job(metadata=metadata))
    world.client.statement_errors = [{0: code}]
    assert world.claims.claim([Claim(record=job(metadata=metadata))], now=NOW) == [Claimed(record=before)]
    again = Claim(record=job(called_at=NOW + 1, metadata=metadata), seen=before)
    answers = [world.claims.claim([again], now=NOW + 1) for _ in range(2)]
    assert (
        answers == [[Claimed(record=msgspec.structs.replace(again.record, version=before.version + 1))]] * 2
    )


def test_a_claim_of_a_lost_try_is_no_claim_once_an_event_is_recorded(world: World) -> None:
    claim = world.claimed(job())
    world.acceptances.mark_accepted(claim.key, 0, MESSAGE, NOW)
    assert codes(world.claims.claim([Claim(record=job())], now=NOW)) == ["Busy"]
    # the caller reverts it, and then finds what was recorded
    world.claims.revert_claim(claim)
    (answer,) = world.claims.claim([Claim(record=job())], now=NOW)
    assert isinstance(answer, Found)
    assert (answer.record.accepted, answer.record.open, answer.record.lease_until) == ({0: MESSAGE}, (), 0.0)


def test_a_record_without_a_lease_is_nobodys_claim(world: World) -> None:
    """Two workers may write the same one, such as that of a job that both give up."""
    seen = world.claimed(job())
    given_up = msgspec.structs.replace(seen, open=(), unknown=(0,), lease_until=0.0)
    answers = [world.claims.claim([Claim(record=given_up, seen=seen)], now=NOW) for _ in range(2)]
    assert [codes(answer) for answer in answers] == [["Claimed"], ["Found"]]


@pytest.mark.parametrize("rival", ["claims", "marks", "cancels"])
def test_what_others_write_between_the_calls_of_a_claim_is_found(world: World, rival: str) -> None:
    """DynamoDB throttled the statement, so the claim is put on its own; meanwhile others come first."""
    other = World()
    other.client.items = world.client.items
    mine = job(sqs_message_id="mine")

    def come_first() -> None:
        if not world.client.calls:
            return
        world.client.before = lambda: None
        first = other.claimed(job(sqs_message_id="other")) if rival != "cancels" else None
        if rival == "marks":
            assert other.acceptances.mark_accepted(mine.key, 0, MESSAGE, NOW)
        assert rival != "cancels" or other.cancel() == "cancelled"
        assert first is None or first.open == (0,)

    world.client.statement_errors = [{0: "ThrottlingError"}]
    world.client.before = come_first
    (answer,) = world.claims.claim([Claim(record=mine)], now=NOW)
    assert answer == Found(record=other.known(mine.key))
    assert answer.record.sqs_message_id != "mine"


def test_of_workers_that_claim_the_same_jobs_at_once_each_job_has_one(world: World) -> None:
    """The second begins between the first one's batches."""
    other = World()
    other.client.items = world.client.items
    theirs: list[object] = []

    def begin() -> None:
        if len(world.client.calls) == 1:
            world.client.before = lambda: None
            claims = [Claim(record=job(number, sqs_message_id="other")) for number in range(20, 45)]
            theirs.extend(other.claims.claim(claims, now=NOW))

    world.client.before = begin
    mine = world.claims.claim([Claim(record=job(number)) for number in range(50)], now=NOW)
    assert codes(mine) == ["Claimed"] * 25 + ["Found"] * 20 + ["Claimed"] * 5
    assert codes(theirs) == ["Found"] * 5 + ["Claimed"] * 20


def test_a_worker_that_dies_between_its_batches_has_claimed_the_first(world: World) -> None:
    class Killed(BaseException):
        """The process has ended."""

    def die() -> None:
        if world.client.calls:
            raise Killed

    world.client.before = die
    with pytest.raises(Killed):
        world.claims.claim([Claim(record=job(number)) for number in range(50)], now=NOW)
    world.client.before = lambda: None
    later = [Claim(record=job(number, sqs_message_id="again")) for number in range(50)]
    assert codes(world.claims.claim(later, now=NOW)) == ["Found"] * 25 + ["Claimed"] * 25


def test_a_batch_whose_answer_is_lost_fails_no_other_batch(world: World) -> None:
    world.client.errors = [refused("InternalServerError")]
    answers = world.claims.claim([Claim(record=job(number)) for number in range(30)], now=NOW)
    assert codes(answers) == ["InternalServerError"] * 25 + ["Claimed"] * 5


def test_one_invalid_item_fails_no_other_claim_or_save(world: World) -> None:
    bad = refused("ValidationException")
    world.client.errors = [bad, None, bad, None]
    answers = world.claims.claim([Claim(record=job(number)) for number in range(3)], now=NOW)
    assert codes(answers) == ["Claimed", "ValidationException", "Claimed"]
    world.client.statement_errors = [{1: "ValidationError"}]
    world.client.errors = [None, bad]
    answers = world.claims.claim([Claim(record=job(number)) for number in range(3, 6)], now=NOW)
    assert codes(answers) == ["Claimed", "ValidationException", "Claimed"]
    world.client.errors = [bad, None, bad, None]
    assert world.claims.save([job(number, open=()) for number in range(3)]) == (job(1).key,)


def test_large_records_are_claimed_within_the_limits_of_an_item_and_of_a_call(world: World) -> None:
    records = [largest(number) for number in range(40)]
    assert size(items.item(records[0])) < 400 * 1024
    assert size(items.item(records[0])) <= items.size(items.item(records[0]))
    world.claims.claim([Claim(record=record) for record in records], now=NOW)
    sizes = [count for _, count in world.operations()]
    assert sum(sizes) == 40
    assert max(sizes) * size(items.item(records[0])) < 4 * 1024 * 1024
