from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from mailbus.ledger import items
from mailbus.ledger.claims import Claim, Claimed, Found
from mailbus.ledger.records import JobRecord, RecordKey
from mailbus.ledger.table import TRIES
from tests.unit.fakes.dynamodb import refused
from tests.unit.mailbus.ledger.world import MESSAGE, NOW, World, codes, job, largest, settled, size

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_batch_of_new_jobs_is_claimed_by_one_call_and_its_results_saved_by_one(world: World) -> None:
    jobs = [job(number) for number in range(1001, 1011)]
    answers = world.claims.claim([Claim(record=record) for record in jobs], now=NOW)
    claimed = [answer.record for answer in answers if isinstance(answer, Claimed)]
    assert [msgspec.structs.replace(record, version=0) for record in claimed] == jobs
    assert world.operations() == [("TransactWriteItems", 10)]
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
    answers = world.claims.claim([Claim(record=job(number)) for number in (1001, 1002, 1003)], now=NOW + 1)
    assert [type(answer) for answer in answers] == [Claimed, Found, Claimed]
    assert answers[1].record == first  # type: ignore[union-attr] # by the line above
    assert world.operations() == [("TransactWriteItems", 3), ("TransactWriteItems", 2)]
    assert world.slept == []


def test_a_record_is_claimed_again_by_the_worker_that_saw_it_last(world: World) -> None:
    seen = world.claimed(job())
    again = Claim(record=job(sqs_message_id="again"), seen=seen)
    (answer,) = world.claims.claim([again], now=NOW + 1)
    assert answer == Claimed(record=msgspec.structs.replace(again.record, version=seen.version + 1))
    (late,) = world.claims.claim([again], now=NOW + 2)
    assert late == Found(record=answer.record)


@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda world, seen: world.acceptances.mark_accepted(seen.key, 0, MESSAGE, NOW),
        lambda world, seen: world.claims.save([settled(seen)]),
        lambda world, seen: world.claims.claim([Claim(record=seen, seen=seen)], now=NOW),
    ],
    ids=["marked", "saved", "claimed"],
)
def test_a_claim_does_not_overwrite_what_was_written_since_it_was_seen(
    world: World, meanwhile: Callable[[World, JobRecord], object]
) -> None:
    seen = world.claimed(job())
    meanwhile(world, seen)
    now_there = world.known(seen.key)
    (answer,) = world.claims.claim([Claim(record=job(), seen=seen)], now=NOW)
    assert answer == Found(record=now_there)


def test_an_expired_record_is_replaced_by_a_worker_that_never_saw_it(world: World) -> None:
    old = world.claimed(job(fingerprint="what was sent a year ago", expires_at=int(NOW) + 10))
    assert isinstance(world.claims.claim([Claim(record=job())], now=NOW + 9)[0], Found)
    (answer,) = world.claims.claim([Claim(record=job())], now=NOW + 10)
    assert isinstance(answer, Claimed)
    # who still remembers the old one must not take the new one for it
    assert isinstance(world.claims.claim([Claim(record=job(), seen=old)], now=NOW + 10)[0], Found)


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
    assert world.operations() == [("TransactWriteItems", 2)]


def test_parts_of_one_job_are_records_of_their_own(world: World) -> None:
    keys = [RecordKey(job_id="newsletter-47", part=number) for number in (None, 0, 1)]
    answers = world.claims.claim([Claim(record=job(key=key)) for key in keys], now=NOW)
    assert [type(answer) for answer in answers] == [Claimed] * 3
    found = world.table.find([*keys, *keys, RecordKey(job_id="newsletter-47", part=2)])
    assert list(found) == keys


def test_a_claim_waits_for_another_transaction(world: World) -> None:
    world.client.cancellation_reasons = [["None", "TransactionConflict", "None"]]
    answers = world.claims.claim([Claim(record=job(number)) for number in range(3)], now=NOW)
    assert [type(answer) for answer in answers] == [Claimed] * 3
    # the others do not wait for it
    assert world.operations() == [("TransactWriteItems", size) for size in (3, 2, 1)]
    assert len(world.slept) == 1


@pytest.mark.parametrize(
    "reason", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded", "SomethingNew"]
)
def test_a_claim_that_others_keep_holding_is_busy_after_a_few_tries(world: World, reason: str) -> None:
    world.client.cancellation_reasons = [[reason, "None"], ["None"], *([[reason]] * 9)]
    answers = world.claims.claim([Claim(record=job(1)), Claim(record=job(2))], now=NOW)
    assert codes(answers) == ["Busy", "Claimed"]
    assert len(world.slept) == TRIES - 1
    assert sum(world.slept) < 1


def test_a_transaction_cancelled_without_a_reason_is_not_retried_forever(world: World) -> None:
    nameless = [{"Code": "None"}, {"Code": "None"}]
    world.client.errors = [
        refused("TransactionCanceledException", CancellationReasons=nameless) for _ in range(99)
    ]
    answers = world.claims.claim([Claim(record=job(1)), Claim(record=job(2))], now=NOW)
    assert codes(answers) == ["Busy", "Busy"]
    assert len(world.client.calls) == TRIES


def test_one_invalid_item_fails_no_other_claim_or_save(world: World) -> None:
    bad = refused("ValidationException")
    world.client.errors = [bad, None, bad, None]
    answers = world.claims.claim([Claim(record=job(number)) for number in range(3)], now=NOW)
    assert codes(answers) == ["Claimed", "ValidationException", "Claimed"]
    world.client.errors = [bad, None, bad, None]
    assert world.claims.save([job(number, open=()) for number in range(3)]) == (job(1).key,)


def test_large_records_are_claimed_within_the_limits_of_an_item_and_of_a_transaction(world: World) -> None:
    records = [largest(number) for number in range(40)]
    assert size(items.item(records[0])) < 400 * 1024
    assert size(items.item(records[0])) <= items.size(items.item(records[0]))
    world.claims.claim([Claim(record=record) for record in records], now=NOW)
    sizes = [count for _, count in world.operations()]
    assert sum(sizes) == 40
    assert max(sizes) * size(items.item(records[0])) < 4 * 1024 * 1024
