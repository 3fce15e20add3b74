"""Jobs by the ledger, as the list of sent mail shows what is not on the timeline yet. Pure."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from mailbus.ledger.records import DUE_SLACK_SECONDS, JobRecord
from mailbus_cli.job_states import statuses
from mailbus_cli.status_words import LEDGER_STATUSES, STATUS_WORDS, AnyStatus, by_status

if TYPE_CHECKING:
    from collections.abc import Iterable

#: A version is the time of the first write in milliseconds, and one more for each further write.
_VERSIONS_PER_SECOND: Final = 1000
_HELD: Final = {
    "paused": "sending is paused for the account or the configuration set; it waits until it is resumed",
    "quota": "the account's 24-hour quota is used up; it waits until some of it is free again",
}


class LedgerJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job by its records. Times are epoch seconds.

    `counts` are of its mails by status, problems first; those in parts that no worker has taken yet are not
    among them, `waiting_parts` is how many such parts there are. `since` is when the ledger first knew it,
    `due` when it is sent if it is scheduled, `called_at` when SES was called for what is in doubt, `held_by`
    what prevents that it is sent: `paused`, `quota`. Recipients and subject are known where its content is.
    """

    job_id: str
    counts: dict[AnyStatus, int]
    since: float
    due: float | None = None
    called_at: float | None = None
    held_by: str | None = None
    waiting_parts: int = 0
    tags: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    subject: str | None = None

    @property
    def waiting(self) -> list[AnyStatus]:
        """The statuses of those mails that SES has not accepted, and still may."""
        return [
            status for status, count in self.counts.items() if status in LEDGER_STATUSES for _ in range(count)
        ]

    @property
    def all(self) -> list[AnyStatus]:
        """The statuses of all its mails."""
        return [status for status, count in self.counts.items() for _ in range(count)]

    @property
    def is_waiting(self) -> bool:
        """True if SES still may accept some of it."""
        return bool(self.waiting or self.waiting_parts)


def ledger_job(records: Iterable[JobRecord], *, now: float) -> LedgerJob | None:
    """Return a job by its records, of the whole and of its parts; None if all have expired."""
    kept = [record for record in records if record.expires_at > now]
    if not kept:
        return None
    found: Counter[AnyStatus] = Counter()
    for record in kept:
        found.update(statuses(record, now))
    begun = sum(record.key.part is not None for record in kept)
    waiting_parts = max(sum(record.parts for record in kept) - begun, 0)
    if not found:
        found["waiting"] = waiting_parts
    doubted = [record.called_at for record in kept if record.open and record.lease_until <= now]
    due = [record.due for record in kept if record.due is not None and record.state == "scheduled"]
    attempts = {kind for record in kept for kind in record.attempts}
    return LedgerJob(
        job_id=kept[0].key.job_id,
        counts=by_status(found.elements()),
        since=min(record.version for record in kept) / _VERSIONS_PER_SECOND,
        due=min(due, default=None),
        called_at=min(doubted, default=None),
        held_by=next((kind for kind in _HELD if kind in attempts), None),
        waiting_parts=waiting_parts,
        tags=next((record.tags for record in kept if record.tags), ()),
    )


def jobs(records: Iterable[JobRecord], *, now: float) -> tuple[LedgerJob, ...]:
    """Return the jobs of these records that still wait, newest first."""
    by_id: dict[str, list[JobRecord]] = {}
    for record in records:
        by_id.setdefault(record.key.job_id, []).append(record)
    found = (ledger_job(each, now=now) for each in by_id.values())
    return tuple(
        sorted((job for job in found if job and job.is_waiting), key=lambda job: job.since, reverse=True)
    )


def reason(job: LedgerJob, *, option: str, doubt_seconds: float | None, now: float) -> str:
    """Return why a job is not sent yet, and what can be done."""
    status: AnyStatus = next(iter(job.counts), "waiting")
    if status == "scheduled" and job.due is not None and job.due > now + DUE_SLACK_SECONDS:
        return f"{_at(job.due, now)}; mailbus cancel {option} {job.job_id}"
    if status == "in_doubt":
        return _doubt(job, doubt_seconds, now)
    if status == "held" and job.held_by:
        return _HELD[job.held_by]
    if job.waiting_parts:
        return f"{job.waiting_parts:,} {'part waits' if job.waiting_parts == 1 else 'parts wait'} for a turn"
    sentence = STATUS_WORDS[status].sentence
    return f"{sentence[0].lower()}{sentence[1:]}".rstrip(".")


def _doubt(job: LedgerJob, doubt_seconds: float | None, now: float) -> str:
    left = None if doubt_seconds is None or job.called_at is None else job.called_at + doubt_seconds - now
    looking = "no answer from SES; looking for its Send event"
    return looking if left is None or left < 1 else f"{looking}, {left:.0f} s left"


def _at(due: float, now: float) -> str:
    """Return a time of sending: `at 18:00 today`."""
    at, today = datetime.fromtimestamp(due, UTC).astimezone(), datetime.fromtimestamp(now, UTC).astimezone()
    day = {today.date(): "today", (today + timedelta(days=1)).date(): "tomorrow"}.get(at.date())
    return f"at {at:%H:%M} {day or f'on {at.day} {at:%B %Y}'}"
