"""Settles a job after a call to SES: each of its entries is accepted, retried, failed or in doubt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from mailbus.errors import MailbusError, SendError
from sender import events, failures
from sender.claims import failed_job, released, remembered_until
from sender.retries import delay_seconds, is_final
from sender.ses.errors import Fault, Kind
from sender.settlement import (
    Settlement,
    bus_entries,
    is_last_delivery,
    isolated,
    until_expiry,
    wait_seconds,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailbus.events import EmailEvent
    from mailbus.ledger.records import JobRecord
    from sender.wiring import Sender
    from sender.work import Attempted

# the kinds whose counts determine how long a job waits
COUNTED: Final = ("paused", "quota", "throttled")
# if several entries wait, the kind that waits longest comes first
LONGEST_FIRST: Final[tuple[Kind, ...]] = ("quota", "paused", "throttled", "retry")


class Fates(msgspec.Struct, frozen=True, kw_only=True):
    """The outcomes of entries that SES did not accept; those `unsent` had to wait for the rate."""

    retried: dict[int, Fault]
    failed: dict[int, Fault]
    unsent: tuple[int, ...]


def settle_attempted(sender: Sender, attempted: Attempted) -> Settlement:
    """Settle a job; if that fails it is retried, and the ledger knows what was sent."""

    def retry(error: Exception) -> Settlement:
        return Settlement(
            record=attempted.work.record,
            outcome="unexpected",
            save=None if attempted.unanswered else released(attempted.known),
            requeue_seconds=delay_seconds("retry", attempted.work.record.receive_count, sender.uniform),
            error=type(error).__name__,
        )

    return isolated(lambda: settle(sender, attempted), retry)


def settle(sender: Sender, attempted: Attempted) -> Settlement:
    """Return the settlement that SES's answers lead to: one return for each outcome of the job."""
    work, record = attempted.work, attempted.work.record
    tries = _tries(attempted.known, work.faults)
    fates = _classify(sender, attempted, tries)
    kind, count = _longest_wait(attempted.known, work.faults, tries)
    known = msgspec.structs.replace(
        released(attempted.known),
        tries=tries,
        attempts={**attempted.known.attempts, kind: count} if kind in COUNTED else attempted.known.attempts,
        failed={
            **attempted.known.failed,
            **{entry: fault.error.code for entry, fault in fates.failed.items()},
        },
    )
    settled = Settlement(
        record=record,
        outcome="queued",
        job_id=work.job.job_id,
        message_ids=tuple(work.accepted.values()),
        bus_entries=bus_entries(_events(sender, attempted, known, fates)),
        error=next(iter(work.faults.values())).error.code if work.faults else None,
        paused=sum(fault.kind == "paused" for fault in work.faults.values()),
    )
    if attempted.unanswered is not None:
        # SES's own event reports whether it accepted the mail
        return msgspec.structs.replace(
            settled,
            outcome="unanswered",
            save=known if attempted.answered else None,
            release=None if attempted.answered else attempted.known,
            requeue_seconds=delay_seconds("retry", 1, sender.uniform),
            error=attempted.unanswered.error.code,
            doubt_seconds=sender.now().timestamp() - attempted.known.called_at,
        )
    if fates.retried or fates.unsent:
        seconds = (
            wait_seconds(sender, record, attempted.seconds, attempted.kind)
            if kind is None
            else delay_seconds(kind, count, sender.uniform)
        )
        return msgspec.structs.replace(
            settled,
            outcome="retried" if fates.retried else "postponed",
            save=known,
            requeue_seconds=until_expiry(sender, work.job.expires_at, seconds),
        )
    known = msgspec.structs.replace(known, expires_at=remembered_until(sender))
    if known.failed:
        rejected = any(fault.kind == "rejected" for fault in fates.failed.values())
        return msgspec.structs.replace(
            settled,
            outcome="rejected" if rejected else "failed",
            save=failed_job(known),
            dead_letter=_error(known, fates.failed),
        )
    if events.unknown_entries(known, record.message_id):
        return msgspec.structs.replace(
            settled, outcome="failed", save=known, dead_letter=failures.outcome_unknown()
        )
    return msgspec.structs.replace(settled, save=known)


def _classify(sender: Sender, attempted: Attempted, tries: Mapping[int, int]) -> Fates:
    work = attempted.work
    # nothing can be decided yet about a call in doubt: the job is delivered again
    if attempted.unanswered is None and is_last_delivery(sender, work.record):
        waited = Fault(kind="failed", error=failures.waited_too_long())
        return Fates(retried={}, failed={**work.faults, **dict.fromkeys(work.entries, waited)}, unsent=())
    most = sender.settings.max_attempts
    failed = {
        entry: fault
        for entry, fault in work.faults.items()
        if is_final(fault.kind, tries.get(entry, 0), min(fault.attempts or most, most))
    }
    retried = {entry: fault for entry, fault in work.faults.items() if entry not in failed}
    return Fates(retried=retried, failed=failed, unsent=work.entries)


def _events(sender: Sender, attempted: Attempted, known: JobRecord, fates: Fates) -> list[EmailEvent]:
    """Return the events of this delivery, or if the job ends in a later one, those of all its entries.

    The events of an earlier delivery may be missing.
    """
    record, job, now = attempted.work.record, attempted.work.job, sender.now()
    ends = attempted.unanswered is None and not fates.retried and not fates.unsent
    if ends and record.receive_count > 1:
        return events.outcomes(job, attempted.known, fates.failed, record.message_id, now)
    return [
        *events.queued(job, attempted.work.accepted, known.accepted_at),
        *events.faulty(job, fates.failed, record.message_id, now),
    ]


def _tries(known: JobRecord, faults: Mapping[int, Fault]) -> dict[int, int]:
    """Count the limited retries of each entry; the entries of one call may have different counts."""
    retried = [entry for entry, fault in faults.items() if fault.kind == "retry"]
    return {**known.tries, **{entry: known.tries.get(entry, 0) + 1 for entry in retried}}


def _longest_wait(
    known: JobRecord, faults: Mapping[int, Fault], tries: Mapping[int, int]
) -> tuple[Kind | None, int]:
    """Return the kind of error that makes the job wait longest, and how often it has occurred."""
    kind = next(
        (kind for kind in LONGEST_FIRST if any(fault.kind == kind for fault in faults.values())), None
    )
    if kind == "retry":
        return kind, max(tries[entry] for entry, fault in faults.items() if fault.kind == kind)
    return kind, known.attempts.get(kind, 0) + 1 if kind in COUNTED else 1


def _error(known: JobRecord, failed: Mapping[int, Fault]) -> MailbusError:
    """Return the error of a failed job; if it has several recipients, a summary of theirs."""
    if failed and known.entries == 1:
        return next(iter(failed.values())).error
    codes = sorted(set(known.failed.values()))
    # what to fix is usually the same for all of them
    example = f", such as: {next(iter(failed.values())).error.reason}" if failed else ""
    reason = (
        f"{len(known.failed)} of {known.entries} recipients failed ({', '.join(codes)}), each has its own "
        f"event{example}. If the message is sent again as it is, only the failed recipients are tried"
    )
    return SendError(codes[0], reason, retryable=False)
