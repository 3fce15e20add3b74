"""Checks jobs before any is enqueued: as the sender will, and against what the ledger knows of their ids."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from mailbus.errors import InvalidJob
from mailbus.jobs.fingerprint import fingerprint
from mailbus.jobs.queue_message import to_message
from mailbus.ledger.records import RecordKey
from mailbus_cli.sending.rows import Jobs, Problem, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mailbus.ledger.records import JobRecord
    from mailbus.ledger.table import LedgerTable

Known = Literal["new", "already", "cancelled", "conflict"]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be enqueued, and what is there already."""

    new: tuple[Row, ...]
    already: int = 0
    problems: tuple[Problem, ...] = ()


def checked(jobs: Jobs, advance: Callable[[int], None]) -> Jobs:
    """Return the jobs that are valid, with what is wrong with the others."""
    valid: list[Row] = []
    problems = list(jobs.problems)
    for row in jobs.rows:
        try:
            to_message(row.job)
        except InvalidJob as error:
            problems.append(_problem(row, error))
        else:
            valid.append(row)
        finally:
            advance(1)
    problems.sort(key=lambda problem: problem.line)
    return Jobs(name=jobs.name, rows=tuple(valid), problems=tuple(problems))


def planned(rows: Sequence[Row], ledger: LedgerTable, *, now: float | None = None) -> Plan:
    """Return which jobs are new to the ledger. Raises a retryable `SendError` if it cannot be read."""
    now = time.time() if now is None else now
    keys = {str(row.job["job_id"]): RecordKey(job_id=str(row.job["job_id"])) for row in rows}
    records = ledger.find(keys.values())
    new: list[Row] = []
    problems: list[Problem] = []
    already = 0
    for row in rows:
        known = known_as(row, records.get(keys[str(row.job["job_id"])]), now)
        if known == "new":
            new.append(row)
        elif known == "already":
            already += 1
        else:
            column, reason = row.columns.get("$.job_id"), _REASONS[known].format(row.job["job_id"])
            problems.append(Problem(line=row.line, column=column, reason=reason))
    return Plan(new=tuple(new), already=already, problems=tuple(problems))


def known_as(row: Row, record: JobRecord | None, now: float) -> Known:
    """Return what the ledger says of a job; one that failed as a whole is tried again."""
    if record is None or record.expires_at <= now:
        return "new"
    if record.state == "cancelled":
        return "cancelled"
    touched = record.accepted or record.unknown or record.open
    if record.fingerprint != fingerprint(row.job):
        return "new" if record.state == "failed" and not touched else "conflict"
    return "new" if record.state == "failed" else "already"


def _problem(row: Row, error: InvalidJob) -> Problem:
    path = error.path.partition("[")[0]
    column = row.columns.get(path)
    return Problem(line=row.line, column=column, reason=error.reason if column else str(error))


_REASONS: Final[Mapping[Known, str]] = {
    "cancelled": "the job {} was cancelled",
    "conflict": "the job {} was enqueued before with other content; another --campaign makes new jobs",
}
