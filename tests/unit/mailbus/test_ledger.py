from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError
from hypothesis import given
from hypothesis import strategies as st

from mailbus.ledger.records import JobRecord, RecordKey
from mailbus.ledger.table import TRIES, Claim, Claimed, Found, Ledger, Unreachable, items
from tests.unit.mailbus.fake_dynamodb import TABLE, FakeDynamoDb, refused

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = 1_795_000_000.25
KEEP = int(NOW) + 604_800
MESSAGE = "0100019ab2c3d4e5-3d0f3a5e-0000-4000-8000-000000000000-000000"
NETWORK = [
    EndpointConnectionError(endpoint_url="https://dynamodb.eu-west-1.amazonaws.com"),
    ConnectTimeoutError(endpoint_url="https://dynamodb.eu-west-1.amazonaws.com"),
    ReadTimeoutError(endpoint_url="https://dynamodb.eu-west-1.amazonaws.com"),
    refused("InternalServerError"),
    refused("ThrottlingException"),
    refused("ProvisionedThroughputExceededException"),
    refused("AccessDeniedException"),
]


class World:
    def __init__(self) -> None:
        self.client = FakeDynamoDb()
        self.slept: list[float] = []
        self.ledger = Ledger(self.client, TABLE, sleep=self.slept.append)  # type: ignore[arg-type] # a fake

    def claimed(self, record: JobRecord) -> JobRecord:
        (answer,) = self.ledger.claim([Claim(record=record)], now=NOW)
        assert isinstance(answer, Claimed)
        return answer.record

    def known(self, key: RecordKey) -> JobRecord:
        found = self.ledger.find([key])
        assert isinstance(found, dict)
        return found[key]

    def operations(self) -> list[tuple[str, int]]:
        calls, self.client.calls = self.client.calls, []
        return calls


@pytest.fixture
def world() -> World:
    return World()


def job(number: int = 1001, **more: Any) -> JobRecord:
    record = JobRecord(
        key=RecordKey(job_id=f"order-{number}"),
        fingerprint="9f86d081884c7d659a2feaa0c55ad015",
        sqs_message_id=f"2f0c5e1a-6d3b-4f0e-9b55-{number:012}",
        lease_until=NOW + 60,
        open=(0,),
        called_at=NOW,
        metadata=({"order": number, "shop": "Größe"},),
        tags=("receipt",),
        expires_at=KEEP,
    )
    return msgspec.structs.replace(record, **more)


def part(**more: Any) -> JobRecord:
    whole = job(
        key=RecordKey(job_id="newsletter-47", part=3),
        entries=50,
        open=tuple(range(50)),
        metadata=({"edition": 47},) * 50,
    )
    return msgspec.structs.replace(whole, **more)


def settled(record: JobRecord, **more: Any) -> JobRecord:
    accepted = {**record.accepted, **dict.fromkeys(record.open, MESSAGE)}
    done = msgspec.structs.replace(record, open=(), lease_until=0.0, accepted=accepted, accepted_at=NOW + 1)
    return msgspec.structs.replace(done, **more)


def test_a_batch_of_new_jobs_is_claimed_by_one_call_and_its_results_saved_by_one(world: World) -> None:
    jobs = [job(number) for number in range(1001, 1011)]
    answers = world.ledger.claim([Claim(record=record) for record in jobs], now=NOW)
    claimed = [answer.record for answer in answers if isinstance(answer, Claimed)]
    assert [msgspec.structs.replace(record, version=0) for record in claimed] == jobs
    assert world.operations() == [("TransactWriteItems", 10)]
    assert [world.known(record.key) for record in claimed] == claimed
    world.operations()
    assert world.ledger.save([settled(record) for record in claimed]) == ()
    assert world.operations() == [("BatchWriteItem", 10)]
    found = world.ledger.find([record.key for record in claimed])
    assert isinstance(found, dict)
    assert world.operations() == [("BatchGetItem", 10)]
    assert [record.accepted for record in found.values()] == [{0: MESSAGE}] * 10
    assert all(found[record.key].version > record.version for record in claimed)


def test_a_job_that_is_claimed_is_found_by_the_next_and_holds_up_nobody_else(world: World) -> None:
    first = world.claimed(job(1002))
    world.operations()
    answers = world.ledger.claim([Claim(record=job(number)) for number in (1001, 1002, 1003)], now=NOW + 1)
    assert [type(answer) for answer in answers] == [Claimed, Found, Claimed]
    assert answers[1].record == first  # type: ignore[union-attr] # by the line above
    assert world.operations() == [("TransactWriteItems", 3), ("TransactWriteItems", 2)]
    assert world.slept == []


def test_a_record_is_claimed_again_by_who_saw_it_last(world: World) -> None:
    seen = world.claimed(job())
    again = Claim(record=job(sqs_message_id="again"), seen=seen)
    (answer,) = world.ledger.claim([again], now=NOW + 1)
    assert answer == Claimed(record=msgspec.structs.replace(again.record, version=seen.version + 1))
    (late,) = world.ledger.claim([again], now=NOW + 2)
    assert late == Found(record=answer.record)


@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda world, seen: world.ledger.mark_accepted(seen.key, 0, MESSAGE, NOW),
        lambda world, seen: world.ledger.save([settled(seen)]),
        lambda world, seen: world.ledger.claim([Claim(record=seen, seen=seen)], now=NOW),
    ],
    ids=["marked", "saved", "claimed"],
)
def test_whatever_is_written_in_between_a_claim_is_not_written_over(
    world: World, meanwhile: Callable[[World, JobRecord], object]
) -> None:
    seen = world.claimed(job())
    meanwhile(world, seen)
    now_there = world.known(seen.key)
    (answer,) = world.ledger.claim([Claim(record=job(), seen=seen)], now=NOW)
    assert answer == Found(record=now_there)


def test_a_mark_that_a_save_passes_never_leads_to_the_same_version_twice(world: World) -> None:
    claimed = world.claimed(part())
    for entry in range(50):
        assert world.ledger.mark_accepted(claimed.key, entry, MESSAGE, NOW) is True
    marked = world.known(claimed.key)
    assert world.ledger.save([settled(claimed)]) == ()
    assert world.known(claimed.key).version > marked.version


def test_an_expired_record_is_taken_over_by_a_worker_that_never_saw_it(world: World) -> None:
    old = world.claimed(job(fingerprint="what was sent a year ago", expires_at=int(NOW) + 10))
    assert isinstance(world.ledger.claim([Claim(record=job())], now=NOW + 9)[0], Found)
    (answer,) = world.ledger.claim([Claim(record=job())], now=NOW + 10)
    assert isinstance(answer, Claimed)
    # who still remembers the old one must not take the new one for it
    assert isinstance(world.ledger.claim([Claim(record=job(), seen=old)], now=NOW + 10)[0], Found)


def test_a_record_that_dynamodb_has_deleted_since_can_be_claimed(world: World) -> None:
    seen = world.claimed(job())
    world.client.items.clear()
    (answer,) = world.ledger.claim([Claim(record=job(), seen=seen)], now=NOW)
    assert isinstance(answer, Claimed)


def test_the_same_job_twice_in_one_batch_is_claimed_once(world: World) -> None:
    first, second, other = world.ledger.claim(
        [Claim(record=job(sqs_message_id=name)) for name in ("a", "b")] + [Claim(record=job(2))], now=NOW
    )
    assert isinstance(first, Claimed)
    assert second == Found(record=first.record)
    assert isinstance(other, Claimed)
    assert world.operations() == [("TransactWriteItems", 2)]


def test_parts_of_one_job_are_records_of_their_own(world: World) -> None:
    keys = [RecordKey(job_id="newsletter-47", part=number) for number in (None, 0, 1)]
    answers = world.ledger.claim([Claim(record=job(key=key)) for key in keys], now=NOW)
    assert [type(answer) for answer in answers] == [Claimed] * 3
    found = world.ledger.find([*keys, *keys, RecordKey(job_id="newsletter-47", part=2)])
    assert isinstance(found, dict)
    assert list(found) == keys


def test_a_conflict_with_another_transaction_is_waited_for(world: World) -> None:
    world.client.reasons = [["None", "TransactionConflict", "None"]]
    answers = world.ledger.claim([Claim(record=job(number)) for number in range(3)], now=NOW)
    assert [type(answer) for answer in answers] == [Claimed] * 3
    # the others do not wait for it
    assert world.operations() == [("TransactWriteItems", size) for size in (3, 2, 1)]
    assert len(world.slept) == 1


@pytest.mark.parametrize(
    "reason", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded", "SomethingNew"]
)
def test_what_stays_held_up_is_said_after_a_few_tries(world: World, reason: str) -> None:
    world.client.reasons = [[reason, "None"], ["None"], *([[reason]] * 9)]
    answers = world.ledger.claim([Claim(record=job(1)), Claim(record=job(2))], now=NOW)
    assert answers[0] == Unreachable(code="Busy")
    assert isinstance(answers[1], Claimed)
    assert len(world.slept) == TRIES - 1
    assert sum(world.slept) < 1


def test_a_transaction_cancelled_for_no_reason_is_not_tried_for_ever(world: World) -> None:
    nameless = [{"Code": "None"}, {"Code": "None"}]
    world.client.troubles = [
        refused("TransactionCanceledException", CancellationReasons=nameless) for _ in range(99)
    ]
    answers = world.ledger.claim([Claim(record=job(1)), Claim(record=job(2))], now=NOW)
    assert answers == [Unreachable(code="Busy")] * 2
    assert len(world.client.calls) == TRIES


def test_one_bad_item_costs_no_other_its_claim_or_its_save(world: World) -> None:
    bad = refused("ValidationException")
    world.client.troubles = [bad, None, bad, None]
    answers = world.ledger.claim([Claim(record=job(number)) for number in range(3)], now=NOW)
    assert [type(answer) for answer in answers] == [Claimed, Unreachable, Claimed]
    world.client.troubles = [bad, None, bad, None]
    assert world.ledger.save([job(number, open=()) for number in range(3)]) == (job(1).key,)


@pytest.mark.parametrize("trouble", NETWORK, ids=lambda error: type(error).__name__)
def test_a_ledger_that_does_not_answer_is_said_not_raised(world: World, trouble: Exception) -> None:
    refusal = isinstance(trouble, ClientError)
    away = Unreachable(code=trouble.response["Error"]["Code"] if refusal else type(trouble).__name__)
    records = [job(1), job(2)]
    world.client.troubles = [trouble] * 20
    assert world.ledger.claim([Claim(record=record) for record in records], now=NOW) == [away, away]
    assert world.ledger.find([record.key for record in records]) == away
    assert world.ledger.mark_accepted(job().key, 0, MESSAGE, NOW) == away
    assert world.ledger.cancel("order-1", now=NOW, expires_at=KEEP) == away
    in_doubt = job(3, open=(0,))
    assert world.ledger.save([*map(settled, records), in_doubt]) == (job(1).key, job(2).key, in_doubt.key)
    world.ledger.let_go(in_doubt)
    assert world.client.items == {}
    # the client has tried each again already
    assert len(world.client.calls) == 7


def test_what_a_batch_write_leaves_over_is_written_in_the_next_try(world: World) -> None:
    world.client.leaves_over = [7, 3]
    assert world.ledger.save([settled(job(number)) for number in range(10)]) == ()
    assert world.operations() == [("BatchWriteItem", size) for size in (10, 7, 3)]
    assert len(world.client.items) == 10


def test_what_is_left_over_for_ever_is_named(world: World) -> None:
    world.client.leaves_over = [2] * 9
    assert world.ledger.save([settled(job(number)) for number in range(5)]) == (job(3).key, job(4).key)
    assert len(world.client.calls) == TRIES


def test_keys_that_are_left_over_are_read_in_the_next_try(world: World) -> None:
    records = [world.claimed(job(number)) for number in range(10)]
    world.operations()
    world.client.leaves_over = [8, 6, 6, 6, 4, 0]
    found = world.ledger.find([record.key for record in records])
    assert found == {record.key: record for record in records}
    world.client.leaves_over = [10] * 9
    assert world.ledger.find([record.key for record in records]) == Unreachable(code="Busy")


def test_calls_keep_within_dynamodbs_counts(world: World) -> None:
    jobs = [job(number) for number in range(130)]
    world.ledger.claim([Claim(record=record) for record in jobs], now=NOW)
    assert world.operations() == [("TransactWriteItems", 100), ("TransactWriteItems", 30)]
    world.ledger.save([settled(record) for record in jobs])
    assert world.operations() == [("BatchWriteItem", size) for size in (25, 25, 25, 25, 25, 5)]
    world.ledger.find([record.key for record in jobs])
    assert world.operations() == [("BatchGetItem", 100), ("BatchGetItem", 30)]
    assert world.ledger.claim([], now=NOW) == []
    assert world.ledger.save([]) == ()
    assert world.ledger.find([]) == {}
    assert world.operations() == []


def largest(number: int = 0) -> JobRecord:
    """The largest record that a job may make: 50 recipients with 4 KiB of metadata each."""
    padding = "ü" * 2000
    return part(
        key=RecordKey(job_id="n" * 120 + str(number), part=999_999),
        metadata=tuple({"recipient": n, "padding": padding} for n in range(50)),
        tags=("t" * 250,) * 40,
        unknown=tuple(range(50)),
        accepted=dict.fromkeys(range(50), MESSAGE),
        failed=dict.fromkeys(range(50), "MailFromDomainNotVerifiedException"),
        tries=dict.fromkeys(range(50), 20),
        parts=2000,
        attempts={"paused": 9, "throttled": 9, "unknown": 3},
        due=NOW,
    )


def size(value: Any) -> int:
    """Count as DynamoDB does, with what it adds for lists and maps.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    if isinstance(value, dict):
        return 3 + sum(1 + len(name.encode()) + size(member) for name, member in value.items())
    return len(value.encode()) if isinstance(value, str) else 3 + sum(1 + size(member) for member in value)


def test_large_records_are_claimed_within_the_bytes_of_an_item_and_of_a_transaction(world: World) -> None:
    records = [largest(number) for number in range(40)]
    assert size(items.item(records[0])) < 400 * 1024
    assert size(items.item(records[0])) <= items.size(items.item(records[0]))
    world.ledger.claim([Claim(record=record) for record in records], now=NOW)
    sizes = [count for _, count in world.operations()]
    assert sum(sizes) == 40
    assert max(sizes) * size(items.item(records[0])) < 4 * 1024 * 1024


def test_a_small_record_is_no_larger_than_its_estimate() -> None:
    for record in (job(), part()):
        assert size(items.item(record)) <= items.size(items.item(record))


def test_an_entry_is_marked_once_and_only_of_a_job_that_is_known(world: World) -> None:
    claimed = world.claimed(part())
    assert world.ledger.mark_accepted(claimed.key, 7, MESSAGE, NOW + 2) is True
    assert world.ledger.mark_accepted(claimed.key, 7, "another id", NOW + 3) is False
    assert world.ledger.mark_accepted(RecordKey(job_id="newsletter-47"), 7, MESSAGE, NOW) is False
    assert len(world.client.items) == 1
    marked = msgspec.structs.replace(
        claimed, accepted={7: MESSAGE}, accepted_at=NOW + 2, version=claimed.version + 1
    )
    assert world.known(claimed.key) == marked


def test_a_mark_waits_for_a_transaction_on_the_same_item(world: World) -> None:
    claimed = world.claimed(job())
    conflict = refused("TransactionConflictException")
    world.client.troubles = [conflict, conflict]
    assert world.ledger.mark_accepted(claimed.key, 0, MESSAGE, NOW) is True
    world.client.troubles = [conflict] * 9
    assert world.ledger.mark_accepted(claimed.key, 0, MESSAGE, NOW) == Unreachable(
        code="TransactionConflictException"
    )


def test_what_tracking_has_marked_survives_the_result_of_a_worker_that_does_not_know_it(world: World) -> None:
    claimed = world.claimed(part())
    for entry in (3, 48):
        world.ledger.mark_accepted(claimed.key, entry, f"told of {entry}", NOW)
    answered = {entry: f"answered {entry}" for entry in range(40)}
    in_doubt = msgspec.structs.replace(
        claimed,
        open=tuple(range(40, 50)),
        lease_until=0.0,
        accepted=answered,
        accepted_at=NOW + 1,
        attempts={"unanswered": 1},
    )
    assert world.ledger.save([in_doubt, settled(job())]) == ()
    known = world.known(claimed.key)
    assert known.accepted == {**answered, 48: "told of 48"}
    assert (known.open, known.lease_until, known.attempts) == (
        in_doubt.open,
        0.0,
        {"unanswered": 1},
    )
    assert known.version > claimed.version


@pytest.mark.parametrize(
    "known",
    [{"attempts": {"unknown": 1}}, {"unknown": (0,)}],
    ids=["resent after doubt", "given up before"],
)
def test_a_late_event_of_an_earlier_call_survives_a_result_that_leaves_nothing_open(
    world: World, known: dict[str, Any]
) -> None:
    claimed = world.claimed(part(**known))
    world.ledger.mark_accepted(claimed.key, 5, "told late", NOW)
    refused_by_ses = msgspec.structs.replace(claimed, open=(), lease_until=0.0, attempts={"unknown": 1})
    assert world.ledger.save([refused_by_ses]) == ()
    after = world.known(claimed.key)
    assert (after.accepted, after.open) == ({5: "told late"}, ())


def test_a_result_in_doubt_is_not_written_over_another_workers_claim(world: World) -> None:
    claimed = world.claimed(job())
    other = job(called_at=NOW + 2000, lease_until=NOW + 2060)
    world.ledger.claim([Claim(record=other, seen=claimed)], now=NOW + 2000)
    there = world.known(claimed.key)
    late = msgspec.structs.replace(claimed, lease_until=0.0)
    assert world.ledger.save([late]) == (claimed.key,)
    world.ledger.let_go(claimed)
    assert world.known(claimed.key) == there


def test_a_lease_that_is_let_go_leaves_all_else(world: World) -> None:
    claimed = world.claimed(part())
    world.ledger.mark_accepted(claimed.key, 5, MESSAGE, NOW)
    marked = world.known(claimed.key)
    world.ledger.let_go(claimed)
    assert world.known(claimed.key) == msgspec.structs.replace(marked, lease_until=0.0)


def test_an_unknown_job_is_cancelled_before_it_comes(world: World) -> None:
    assert world.ledger.cancel("order-1001", now=NOW, expires_at=KEEP) == "cancelled"
    # an application that cancels needs no other right
    assert {operation for operation, _ in world.operations()} == {"UpdateItem"}
    assert world.ledger.cancel("order-1001", now=NOW, expires_at=KEEP) == "already_cancelled"
    (answer,) = world.ledger.claim([Claim(record=job())], now=NOW)
    assert isinstance(answer, Found)
    assert (answer.record.state, answer.record.expires_at) == ("cancelled", KEEP)


def test_a_scheduled_job_is_cancelled_and_remembered_beyond_its_time(world: World) -> None:
    due = NOW + 300 * 86_400
    scheduled = world.claimed(
        job(state="scheduled", due=due, open=(), lease_until=0.0, expires_at=int(due) + 604_800)
    )
    assert world.ledger.cancel("order-1001", now=NOW, expires_at=KEEP) == "cancelled"
    assert world.ledger.cancel("order-1001", now=NOW, expires_at=KEEP) == "already_cancelled"
    cancelled = world.known(scheduled.key)
    assert (cancelled.state, cancelled.expires_at) == ("cancelled", int(due) + 604_800)
    assert isinstance(world.ledger.claim([Claim(record=job(), seen=scheduled)], now=due)[0], Found)


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
def test_what_is_sent_or_may_be_is_too_late_to_cancel(world: World, known: dict[str, Any]) -> None:
    claimed = world.claimed(job(**known))
    assert world.ledger.cancel("order-1001", now=NOW, expires_at=KEEP) == "too_late"
    assert world.known(claimed.key) == claimed


def test_a_job_that_is_just_being_scheduled_has_to_be_cancelled_again(world: World) -> None:
    claimed = world.claimed(job(state="scheduled", due=NOW + 9000, open=()))
    busy = world.ledger.cancel("order-1001", now=NOW, expires_at=KEEP)
    assert busy == Unreachable(code="Busy")
    assert world.known(claimed.key) == claimed


def test_an_expired_job_is_cancelled_as_an_unknown_one(world: World) -> None:
    world.claimed(
        job(accepted={0: MESSAGE}, accepted_at=NOW, attempts={"paused": 1}, due=NOW, expires_at=int(NOW))
    )
    assert world.ledger.cancel("order-1001", now=NOW, expires_at=KEEP) == "cancelled"
    cancelled = world.known(job().key)
    blank = JobRecord(key=job().key, state="cancelled", version=cancelled.version, expires_at=KEEP)
    assert cancelled == blank


def test_a_worker_that_claims_in_the_middle_of_a_cancel_has_won(world: World) -> None:
    def sneak_in_before_the_second_call() -> None:
        if world.client.calls:
            world.client.before = lambda: None
            world.claimed(job())

    world.client.before = sneak_in_before_the_second_call
    assert world.ledger.cancel("order-1001", now=NOW, expires_at=KEEP) == "too_late"


entries = st.integers(0, 49)
scalars = st.text(max_size=9) | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.none()


@given(
    st.builds(
        JobRecord,
        key=st.builds(
            RecordKey,
            job_id=st.from_regex(r"[A-Za-z0-9_-]{1,128}", fullmatch=True),
            part=st.none() | st.integers(0, 10**6),
        ),
        fingerprint=st.text(max_size=9),
        state=st.sampled_from(["active", "scheduled", "failed", "cancelled"]),
        entries=st.integers(1, 50),
        sqs_message_id=st.text(max_size=9),
        version=st.integers(0, 2**60),
        lease_until=st.floats(0, 1e10),
        open=st.lists(entries).map(tuple),
        called_at=st.floats(0, 1e10),
        accepted=st.dictionaries(entries, st.text(max_size=9)),
        accepted_at=st.floats(0, 1e10),
        unknown=st.lists(entries).map(tuple),
        failed=st.dictionaries(entries, st.text(max_size=9)),
        tries=st.dictionaries(entries, st.integers(0, 99)),
        parts=st.integers(0, 9999),
        attempts=st.dictionaries(st.text(max_size=9), st.integers(0, 99)),
        due=st.none() | st.floats(0, 1e10),
        metadata=st.lists(st.dictionaries(st.text(max_size=9), scalars), max_size=3).map(tuple).filter(any)
        | st.just(()),
        tags=st.lists(st.text(max_size=9), max_size=3).map(tuple),
        expires_at=st.integers(0, 2**40),
    )
)
def test_a_record_is_read_as_it_was_written(record: JobRecord) -> None:
    assert items.read(items.item(record)) == record


def test_what_a_record_need_not_have_is_exactly_what_is_optional() -> None:
    whole = largest()
    bare = JobRecord(key=RecordKey(job_id="order-1001"))
    present = items.fields(msgspec.structs.replace(whole, accepted_at=NOW)).keys()
    assert present - items.fields(bare).keys() == items.OPTIONAL
    assert present | {"key"} == set(JobRecord.__struct_fields__)
