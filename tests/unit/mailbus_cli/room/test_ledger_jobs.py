from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from mailbus.ledger.records import JobRecord, RecordKey
from mailbus_cli.room.ledger_jobs import LedgerJob, jobs, ledger_job, reason

# ten in the morning, wherever the tests run
NOW = datetime(2026, 11, 28, 10, 0).astimezone().timestamp()
HOUR = 3600


def _record(job_id: str = "trial-88", part: int | None = None, **fields: Any) -> JobRecord:
    values = {"version": int((NOW - 60) * 1000), "expires_at": int(NOW + HOUR)}
    return JobRecord(key=RecordKey(job_id=job_id, part=part), **values | fields)


def _job(*records: JobRecord) -> LedgerJob:
    found = ledger_job(records, now=NOW)
    assert found is not None
    return found


def _reason(job: LedgerJob, doubt_seconds: float | None = 90) -> str:
    return reason(job, option="--local", doubt_seconds=doubt_seconds, now=NOW)


@pytest.mark.parametrize(
    ("hours", "said"),
    [(8, "at 18:00 today"), (22, "at 08:00 tomorrow"), (24 * 5, "at 10:00 on 3 December 2026")],
)
def test_a_scheduled_job_says_when_and_how_it_is_cancelled(hours: int, said: str) -> None:
    job = _job(_record(state="scheduled", due=NOW + hours * HOUR, tags=("trial",)))
    assert (job.counts, job.since, job.tags) == ({"scheduled": 1}, NOW - 60, ("trial",))
    assert _reason(job) == f"{said}; mailbus cancel --local trial-88"


def test_a_job_in_doubt_says_how_long_its_event_is_looked_for() -> None:
    job = _job(_record(open=(0,), called_at=NOW - 76, lease_until=NOW - 1))
    assert _reason(job) == "no answer from SES; looking for its Send event, 14 s left"
    assert _reason(job, 10) == _reason(job, None) == "no answer from SES; looking for its Send event"


def test_a_call_that_still_runs_is_not_in_doubt() -> None:
    assert _job(_record(open=(0,), lease_until=NOW + 5)).counts == {"waiting": 1}


@pytest.mark.parametrize(("kind", "said"), [("paused", "sending is paused"), ("quota", "quota is used up")])
def test_a_held_job_says_what_holds_it(kind: str, said: str) -> None:
    job = _job(_record(attempts={kind: 2}))
    assert job.counts == {"held": 1}
    assert said in _reason(job)


def test_the_parts_of_a_large_merge_are_one_job() -> None:
    parts = [_record(part=0, entries=2, accepted={0: "m0", 1: "m1"}), _record(part=1, entries=2)]
    job = _job(_record(entries=0, parts=4), *parts)
    assert (job.counts, job.waiting_parts, job.is_waiting) == ({"waiting": 2, "queued": 2}, 2, True)
    assert _reason(job) == "2 parts wait for a turn"


def test_only_what_waits_is_listed_newest_first() -> None:
    records = [
        _record("sent", accepted={0: "m0"}),
        _record("old", version=int((NOW - 600) * 1000)),
        _record("new"),
        _record("cancelled", state="cancelled"),
        _record("forgotten", expires_at=int(NOW - 1)),
    ]
    assert [job.job_id for job in jobs(records, now=NOW)] == ["new", "old"]
    assert ledger_job([records[-1]], now=NOW) is None
