from __future__ import annotations

from mailbus_cli.room import doubt
from mailbus_cli.room.doubt import Rule
from mailbus_cli.room.ledger_jobs import LedgerJob

NOW = 1_000_000.0


def job(job_id: str, called_at: float | None = NOW - 30, **counts: int) -> LedgerJob:
    return LedgerJob(job_id=job_id, counts=counts or {"in_doubt": 1}, since=NOW - 60, called_at=called_at)  # type: ignore[arg-type] # statuses


def test_mails_in_doubt_are_counted_the_longest_first() -> None:
    found = doubt.of_jobs(
        [
            job("new", called_at=NOW - 6),
            job("merge", called_at=NOW - 20, in_doubt=2, queued=1),
            job("calling", called_at=None, sending=1),
        ]
    )
    assert (found.mails, found.oldest, found.jobs) == (3, NOW - 20, ("merge", "new"))


def test_only_some_jobs_are_named() -> None:
    found = doubt.of_jobs(job(f"job-{number}") for number in range(20))
    assert (found.mails, len(found.jobs)) == (20, doubt.JOBS_NAMED)


def test_nothing_in_doubt() -> None:
    assert doubt.of_jobs(()) == doubt.Doubt(mails=0)


def test_the_rule_is_the_senders_own() -> None:
    resend = doubt.rule({"DOUBT_SECONDS": "120.0", "ON_UNKNOWN": "resend"})
    assert resend == Rule(seconds=120.0, on_unknown="resend")
    assert resend.words.startswith("Sent again after 120 s without SES's event, 3 times at most")
    fail = doubt.rule({"DOUBT_SECONDS": "20", "ON_UNKNOWN": "fail"})
    assert fail is not None
    assert fail.words == "Given up after 20 s without SES's event, as a dead letter."
    assert doubt.rule({}) is None
