"""What the other tests assume of DynamoDB, checked against a real API by the real client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import msgspec
import pytest
from botocore.config import Config

from mailbus.ledger.acceptances import Acceptances
from mailbus.ledger.cancellation import cancel
from mailbus.ledger.claims import Claim, Claimed, Claims, Found
from mailbus.ledger.records import JobRecord, RecordKey, SentEntry
from mailbus.ledger.table import LedgerTable
from mailbus_local.ministack import REGION, MiniStack
from mailbus_local.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = 1_795_000_000.25
TABLE = "mailbus-dev-ledger"
KEYS = {"pk": "HASH", "sk": "RANGE"}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LedgerTable]:
    scratch = tmp_path_factory.mktemp("ministack")
    embedded = MiniStack(
        port=free_port(), log=scratch / "ministack.log", scratch=scratch, function_environment={}
    )
    embedded.start()
    try:
        embedded.wait()
        client = boto3.client(
            "dynamodb",
            endpoint_url=embedded.url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}),
        )
        client.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in KEYS.items()],  # type: ignore[misc,typeddict-item,unused-ignore] # two of the literals
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in KEYS],
            BillingMode="PAY_PER_REQUEST",
        )
        yield LedgerTable(client, TABLE)
        client.close()
    finally:
        embedded.stop()


def job(name: str, **more: Any) -> JobRecord:
    record = JobRecord(
        key=RecordKey(job_id=name),
        fingerprint="9f86d081884c7d659a2feaa0c55ad015",
        sqs_message_id="2f0c5e1a-6d3b-4f0e-9b55-0d8a4c1f7e21",
        lease_until=NOW + 60.125,
        open=(0,),
        called_at=NOW + 0.1 + 0.2,
        metadata=({"order": 1001, "shop": "Größe", "paid": True, "total": 0.1},),
        tags=("receipt", "größe"),
        expires_at=int(NOW) + 604_800,
    )
    return msgspec.structs.replace(record, **more)


def claimed(table: LedgerTable, record: JobRecord) -> JobRecord:
    (answer,) = Claims(table).claim([Claim(record=record)], now=NOW)
    assert isinstance(answer, Claimed)
    return answer.record


def known(table: LedgerTable, record: JobRecord) -> JobRecord:
    found = table.find([record.key])
    return found[record.key]


def test_a_refused_claim_is_answered_with_the_record_and_the_rest_is_claimed(
    table: LedgerTable,
) -> None:
    first = claimed(table, job("order-1002"))
    names = ("order-1001", "order-1002", "order-1003")
    answers = Claims(table).claim([Claim(record=job(name, called_at=NOW + 1)) for name in names], now=NOW + 1)
    assert [type(answer) for answer in answers] == [Claimed, Found, Claimed]
    assert answers[1] == Found(record=first)
    assert known(table, first) == first


def test_a_record_is_replaced_only_as_it_was_seen_or_once_expired(table: LedgerTable) -> None:
    seen = claimed(table, job("order-2001"))
    (answer,) = Claims(table).claim([Claim(record=seen, seen=seen)], now=NOW)
    assert isinstance(answer, Claimed)
    other = msgspec.structs.replace(seen, sqs_message_id="other")
    assert isinstance(Claims(table).claim([Claim(record=other, seen=seen)], now=NOW)[0], Found)
    (late,) = Claims(table).claim([Claim(record=seen)], now=float(seen.expires_at))
    assert isinstance(late, Claimed)


def test_a_mark_and_a_result_in_doubt_are_merged_in_one_record(table: LedgerTable) -> None:
    part = job("news-47", key=RecordKey(job_id="news-47", part=3), entries=50, open=tuple(range(50)))
    claim = claimed(table, part)
    assert Acceptances(table).mark_accepted(part.key, 49, "reported", NOW) is True
    assert Acceptances(table).mark_accepted(part.key, 49, "reported again", NOW) is False
    assert Acceptances(table).mark_accepted(RecordKey(job_id="unknown"), 0, "reported", NOW) is False
    answered = {entry: f"answered {entry}" for entry in range(48)}
    result = msgspec.structs.replace(
        claim, open=(48, 49), lease_until=0.0, accepted=answered, attempts={"unanswered": 1}
    )
    assert Claims(table).save([result]) == ()
    after = known(table, part)
    assert after.accepted == {**answered, 49: "reported"}
    assert (after.open, after.lease_until, after.attempts) == ((48, 49), 0.0, {"unanswered": 1})


def test_results_are_saved_and_leases_released(table: LedgerTable) -> None:
    jobs = [claimed(table, job(f"order-{number}")) for number in range(3001, 3031)]
    done = [msgspec.structs.replace(claim, open=(), lease_until=0.0, accepted={0: "id"}) for claim in jobs]
    assert Claims(table).save(done[:-1]) == ()
    Claims(table).release_lease(jobs[-1])
    found = table.find([claim.key for claim in jobs])
    ends = [(found[claim.key].accepted, found[claim.key].lease_until) for claim in jobs]
    assert ends == [({0: "id"}, 0.0)] * 29 + [({}, 0.0)]


def test_scheduled_and_unknown_jobs_are_cancelled_and_no_others(table: LedgerTable) -> None:
    keep = int(NOW) + 604_800
    claimed(table, job("later", state="scheduled", due=NOW + 900, open=(), lease_until=0.0))
    claimed(table, job("now"))
    names = ("later", "later", "never heard of", "never heard of", "now")
    answers = [cancel(table, name.replace(" ", "-"), now=NOW, expires_at=keep) for name in names]
    assert answers == ["cancelled", "already_cancelled", "cancelled", "already_cancelled", "too_late"]


def test_a_message_may_be_indexed_again(table: LedgerTable) -> None:
    sent = SentEntry(key=RecordKey(job_id="reported-twice"), entry=0)

    for _ in range(2):
        Acceptances(table).index_message("0100019370b7a1f2", sent, int(NOW) + 604_800)

    assert Acceptances(table).find_messages(["0100019370b7a1f2"]) == {"0100019370b7a1f2": sent}
