from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from mailbus.jobs.fingerprint import fingerprint
from mailbus.ledger.records import JobRecord, RecordKey
from mailbus_cli.sending.checking import checked, known_as, planned
from mailbus_cli.sending.rows import Jobs, Problem, Row

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailbus.ledger.table import LedgerTable

CONFLICT = "the job j-2 was enqueued before with other content; another --campaign makes new jobs"
NOW = 1_800_000_000.0
JOB = {"job_id": "j-1", "from_email": "shop@example.com", "to": ["ann@example.org"], "text": "Hello"}
ROW = Row(line=2, job=JOB, columns={"$.to": "email", "$.job_id": "code"})


def _record(**fields: Any) -> JobRecord:
    return JobRecord(
        **{
            "key": RecordKey(job_id="j-1"),
            "fingerprint": fingerprint(JOB),
            "expires_at": int(NOW) + 1,
            **fields,
        }
    )


def test_every_invalid_job_is_named_in_the_order_of_the_file() -> None:
    broken = Row(line=3, job={**JOB, "to": ["ann@"]}, columns=ROW.columns)
    unknown = Row(line=4, job={**JOB, "subjct": "x"}, columns=ROW.columns)
    counts: list[int] = []
    jobs = checked(
        Jobs(name="f", rows=(unknown, ROW, broken), problems=(Problem(line=1, reason="is bad"),)),
        counts.append,
    )
    assert sum(counts) == 3
    assert jobs.rows == (ROW,)
    texts = [problem.text("f") for problem in jobs.problems]
    assert texts[0] == "f, line 1: is bad"
    assert texts[1].startswith("f, line 3, column email: has an incomplete domain")
    assert texts[2].startswith("f, line 4: $.subjct: is unknown; did you mean 'subject'?")


@pytest.mark.parametrize(
    ("record", "known"),
    [
        (None, "new"),
        (_record(), "already"),
        (_record(state="scheduled"), "already"),
        (_record(state="failed"), "new"),
        (_record(state="cancelled"), "cancelled"),
        (_record(expires_at=int(NOW)), "new"),
        (_record(fingerprint="other"), "conflict"),
        (_record(fingerprint="other", state="failed"), "new"),
        (_record(fingerprint="other", state="failed", accepted={0: "m"}), "conflict"),
    ],
)
def test_what_the_ledger_knows_decides(record: JobRecord | None, known: str) -> None:
    assert known_as(ROW, record, NOW) == known


class _Ledger:
    def __init__(self, *records: JobRecord) -> None:
        self._records = {record.key: record for record in records}

    def find(self, keys: Iterable[RecordKey]) -> dict[RecordKey, JobRecord]:
        return {key: self._records[key] for key in keys if key in self._records}


def test_a_plan_has_what_is_new_what_was_and_what_cannot_be() -> None:
    rows = [Row(line=n, job={**JOB, "job_id": f"j-{n}"}, columns=ROW.columns) for n in range(1, 5)]
    ledger = _Ledger(
        _record(key=RecordKey(job_id="j-1")),
        _record(key=RecordKey(job_id="j-2"), fingerprint="other"),
        _record(key=RecordKey(job_id="j-3"), state="cancelled"),
    )
    plan = planned(rows, cast("LedgerTable", ledger), now=NOW)
    assert plan.new == (rows[3],)
    assert plan.already == 1
    assert [problem.text("f") for problem in plan.problems] == [
        f"f, line 2, column code: {CONFLICT}",
        "f, line 3, column code: the job j-3 was cancelled",
    ]
