from __future__ import annotations

from typing import Any

from mailbus.ledger import items
from mailbus.ledger.records import JobRecord, RecordKey
from mailbus_cli import doubt
from mailbus_cli.doubt import Rule

NOW = 1_000_000.0


def record(job_id: str, *, called_at: float = NOW - 30, lease_until: float = 0.0, **more: Any) -> JobRecord:
    defaults: dict[str, Any] = {"open": (0,), "expires_at": int(NOW) + 100}
    return JobRecord(
        key=RecordKey(job_id=job_id), called_at=called_at, lease_until=lease_until, **(defaults | more)
    )


class Ledger:
    """A deployment whose ledger has these records, one a page."""

    def __init__(self, *records: JobRecord) -> None:
        self._pages = [items.item(record) for record in records]

    def client(self, _service: str) -> Ledger:
        return self

    def output(self, _name: str) -> str:
        return "ledger"

    def scan(self, *, ExclusiveStartKey: int = 0, **_: Any) -> Any:  # noqa: N803 - as boto3
        rest = {"LastEvaluatedKey": ExclusiveStartKey + 1} if ExclusiveStartKey + 1 < len(self._pages) else {}
        return {"Items": self._pages[ExclusiveStartKey : ExclusiveStartKey + 1], **rest}


def read(*records: JobRecord) -> doubt.Doubt:
    return doubt.read(Ledger(*records), now=NOW)  # type: ignore[arg-type]


def test_mails_in_doubt_are_counted_the_longest_first() -> None:
    found = read(
        record("new", called_at=NOW - 6),
        record("merge", called_at=NOW - 20, entries=3, open=(0, 2)),
        record("calling", lease_until=NOW + 5),
        record("forgotten", expires_at=int(NOW) - 1),
    )
    assert (found.mails, found.oldest, found.jobs) == (3, NOW - 20, ("merge", "new"))
    assert found.is_whole


def test_a_ledger_that_is_too_large_is_not_read_to_its_end() -> None:
    found = read(*(record(f"job-{number}") for number in range(doubt.PAGES + 1)))
    assert (found.mails, found.is_whole, len(found.jobs)) == (doubt.PAGES, False, doubt.JOBS_NAMED)


def test_nothing_in_doubt() -> None:
    assert read() == doubt.Doubt(mails=0)


def test_the_rule_is_the_senders_own() -> None:
    resend = doubt.rule({"DOUBT_SECONDS": "120.0", "ON_UNKNOWN": "resend"})
    assert resend == Rule(seconds=120.0, on_unknown="resend")
    assert resend.words.startswith("Sent again after 120 s without SES's event, 3 times at most")
    fail = doubt.rule({"DOUBT_SECONDS": "20", "ON_UNKNOWN": "fail"})
    assert fail is not None
    assert fail.words == "Given up after 20 s without SES's event, as a dead letter."
    assert doubt.rule({}) is None
