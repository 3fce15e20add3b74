"""The mails in doubt: SES was called, did not answer, and may have accepted them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from mailbus.ledger.records import UNKNOWN_RESENDS, OnUnknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mailbus_cli.room.ledger_jobs import LedgerJob

JOBS_NAMED: Final = 5
_ON_UNKNOWN: Final = ("resend", "fail")


class Doubt(msgspec.Struct, frozen=True, kw_only=True):
    """How many mails are in doubt, since when the first is (epoch seconds), and the jobs that are longest."""

    mails: int
    oldest: float | None = None
    jobs: tuple[str, ...] = ()


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """What the sender does with a mail in doubt, by its settings."""

    seconds: float
    on_unknown: OnUnknown

    @property
    def words(self) -> str:
        """The rule as a sentence."""
        if self.on_unknown == "fail":
            return f"Given up after {self.seconds:g} s without SES's event, as a dead letter."
        return (
            f"Sent again after {self.seconds:g} s without SES's event, {UNKNOWN_RESENDS} times at most; "
            "then a dead letter."
        )


def of_jobs(jobs: Iterable[LedgerJob]) -> Doubt:
    """Return the mails in doubt of jobs that wait."""
    counted = sorted(
        (job.called_at, job.job_id, count)
        for job in jobs
        if (count := job.counts.get("in_doubt", 0)) and job.called_at is not None
    )
    return Doubt(
        mails=sum(count for *_, count in counted),
        oldest=counted[0][0] if counted else None,
        jobs=tuple(job_id for _, job_id, _ in counted)[:JOBS_NAMED],
    )


def rule(environment: Mapping[str, str]) -> Rule | None:
    """Return the rule by the environment of the sender's function; None if it does not say so."""
    seconds, on_unknown = (environment.get(name.upper()) for name in ("doubt_seconds", "on_unknown"))
    if not seconds or on_unknown not in _ON_UNKNOWN:
        return None
    return Rule(seconds=float(seconds), on_unknown="fail" if on_unknown == "fail" else "resend")
