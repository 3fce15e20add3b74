"""A ledger on a fake DynamoDB, as its three users see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from mailbus.errors import SendError
from mailbus.ledger.acceptances import Acceptances
from mailbus.ledger.cancellation import cancel
from mailbus.ledger.claims import Claim, Claimed, Claims
from mailbus.ledger.records import JobRecord, RecordKey
from mailbus.ledger.table import LedgerTable
from tests.unit.fakes.dynamodb import TABLE, FakeDynamoDb
from tests.unit.fakes.side_by_side import in_turn

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailbus.ledger.cancellation import Cancellation

NOW = 1_795_000_000.25
KEEP = int(NOW) + 604_800
MESSAGE = "0100019ab2c3d4e5-3d0f3a5e-0000-4000-8000-000000000000-000000"


class World:
    def __init__(self) -> None:
        self.client = FakeDynamoDb()
        self.slept: list[float] = []
        self.table = LedgerTable(self.client, TABLE, sleep=self.slept.append)  # type: ignore[arg-type] # a fake
        self.claims, self.acceptances = Claims(self.table, side_by_side=in_turn), Acceptances(self.table)

    def claimed(self, record: JobRecord) -> JobRecord:
        (answer,) = self.claims.claim([Claim(record=record)], now=NOW)
        assert isinstance(answer, Claimed)
        return answer.record

    def known(self, key: RecordKey) -> JobRecord:
        return self.table.find([key])[key]

    def cancel(self, job_id: str = "order-1001") -> Cancellation:
        return cancel(self.table, job_id, now=NOW, expires_at=KEEP)

    def operations(self) -> list[tuple[str, int]]:
        calls, self.client.calls = self.client.calls, []
        return calls


def codes(answers: Iterable[object]) -> list[str]:
    """Return each answer's type, or the code of an error that may pass."""
    return [
        answer.code if isinstance(answer, SendError) and answer.retryable else type(answer).__name__
        for answer in answers
    ]


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
