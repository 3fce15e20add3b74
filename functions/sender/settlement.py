"""What follows from a result: what the ledger keeps, the events, and where the message goes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import msgspec

from mailbus.aws.sqs import Record
from mailbus.errors import MailbusError, SendError
from mailbus.events import BusEntry, EmailEvent, entry
from mailbus.jobs.parsing import peek_job_id
from mailbus.ledger.records import JobRecord
from sender import events
from sender.claims import begun_anew, outcome_unknown, remembered_until
from sender.results import (
    Attempted,
    Cancelled,
    GivenUp,
    Postponed,
    Refused,
    Result,
    Scheduled,
    Settled,
    Split,
    Unexpected,
    Unreadable,
)
from sender.retries import delay_seconds, is_final, retention_exhausted
from sender.ses.errors import Fault, Kind, from_recorded_code

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Final

    from mailbus.jobs.job import Job
    from sender.wiring import Sender

UNEXPECTED_SECONDS: Final = 60
SPREAD_SECONDS: Final = 5
LONGEST_SPREAD_SECONDS: Final = 15 * 60
# the outcomes whose number decides how long a job waits
COUNTED: Final = ("paused", "throttled")
# of several entries' faults, the one that has the job wait longest comes first
WAITING: Final[tuple[Kind, ...]] = ("quota", "paused", "throttled", "retry")

Outcome = Literal[
    "queued",
    "duplicate",
    "failed",
    "rejected",
    "cancelled",
    "unanswered",
    "retried",
    "postponed",
    "scheduled",
    "split",
    "unexpected",
]


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """What is left to do for a record.

    First `keep` is written to the ledger, or the lease of `let_go` is ended. Then the entries are published;
    at last the record is buried, or given back, or acknowledged. `paused` counts mails that SES did not take
    since sending is paused.
    """

    record: Record
    outcome: Outcome
    job_id: str | None = None
    message_ids: tuple[str, ...] = ()
    keep: JobRecord | None = None
    let_go: JobRecord | None = None
    entries: tuple[BusEntry, ...] = ()
    bury: MailbusError | None = None
    give_back_seconds: int | None = None
    error: str | None = None
    paused: int = 0


def conclude(sender: Sender, result: Result) -> Settlement:
    """Settle a result; where even that goes wrong the job comes again, and the ledger knows what was sent."""
    try:
        return settle(sender, result)
    except Exception as error:  # noqa: BLE001 - one job must not take the batch with it
        return Settlement(
            record=result.record,
            outcome="unexpected",
            keep=_freed(result.known) if isinstance(result, Attempted) and not result.unanswered else None,
            give_back_seconds=UNEXPECTED_SECONDS,
            error=type(error).__name__,
        )


def settle(sender: Sender, result: Result) -> Settlement:  # noqa: C901, PLR0911 - a branch for each kind
    """Decide what follows from a result."""
    match result:
        case Attempted():
            return _settle_attempted(sender, result)
        case Settled():
            return _settle_settled(sender, result)
        case Refused():
            return _settle_refused(sender, result)
        case Unreadable():
            return _settle_unreadable(sender, result)
        case Cancelled():
            return _settle_cancelled(sender, result)
        case GivenUp():
            return _settle_given_up(sender, result)
        case Postponed():
            return _settle_postponed(sender, result)
        case Scheduled():
            return _settle_scheduled(result)
        case Split():
            return Settlement(record=result.record, outcome="split", job_id=result.job.job_id)
        case Unexpected():
            return _settle_unexpected(sender, result)


def _settle_attempted(sender: Sender, attempted: Attempted) -> Settlement:
    work, known = attempted.work, attempted.known
    record, job = work.record, work.job
    faults = work.faults
    tries = _tried(known, faults)
    # of what is in doubt nothing can be said yet: the job comes again
    spent = is_over(sender, record) and attempted.unanswered is None
    passing = {
        entry: fault
        for entry, fault in faults.items()
        if not spent and not is_final(fault.kind, tries.get(entry, 0), sender.settings.max_attempts)
    }
    kind, attempts = _wait(known, faults, tries)
    final = {entry: fault for entry, fault in faults.items() if entry not in passing}
    if spent:
        final |= dict.fromkeys(work.entries, Fault(kind="failed", error=_spent()))
    goes_on = attempted.unanswered is not None or passing or (work.entries and not spent)
    announced = (
        [
            *events.queued(job, work.accepted, known.accepted_at),
            *events.faulty(job, final, record.message_id, sender.now()),
        ]
        if goes_on or record.receive_count == 1
        else _all_told(sender, record, job, known, final)
    )
    common = Settlement(
        record=record,
        outcome="queued",
        job_id=job.job_id,
        message_ids=tuple(work.accepted.values()),
        entries=_entries(announced),
        error=_label(next(iter(faults.values())).error) if faults else None,
        paused=sum(fault.kind == "paused" for fault in faults.values()),
    )
    known = msgspec.structs.replace(
        _freed(known),
        tries=tries,
        attempts={**known.attempts, kind: attempts} if kind in COUNTED else known.attempts,
        failed={**known.failed, **{entry: fault.error.code for entry, fault in final.items()}},
    )
    if attempted.unanswered is not None:
        return _wait_for_events(sender, attempted, known, common)
    if passing or (work.entries and not spent):
        seconds = (
            delay_seconds(kind, attempts, sender.uniform)
            if kind is not None
            else _turn_seconds(sender, record, attempted.seconds, attempted.kind)
        )
        return msgspec.structs.replace(
            common,
            outcome="retried" if passing else "postponed",
            keep=known,
            give_back_seconds=_within(sender, job.expires_at, seconds),
        )
    known = msgspec.structs.replace(known, expires_at=remembered_until(sender))
    if not known.failed:
        bury = outcome_unknown() if _own_unknown(record, known) else None
        return msgspec.structs.replace(
            common, keep=known, outcome="queued" if bury is None else "failed", bury=bury
        )
    return msgspec.structs.replace(
        common,
        outcome="rejected" if any(fault.kind == "rejected" for fault in final.values()) else "failed",
        keep=begun_anew(known),
        bury=_error_of(known, final),
    )


def _all_told(
    sender: Sender, record: Record, job: Job, known: JobRecord, final: Mapping[int, Fault]
) -> list[EmailEvent]:
    """Announce what became of all entries, also in earlier deliveries: their events may be missing."""
    own = known.sqs_message_id == record.message_id
    earlier = {
        entry: from_recorded_code(code) for entry, code in known.failed.items() if own and entry not in final
    }
    unknown = Fault(kind="failed", error=outcome_unknown())
    faults = {**dict.fromkeys(_own_unknown(record, known), unknown), **earlier, **final}
    return [
        *events.queued(job, known.accepted, known.accepted_at),
        *events.faulty(job, faults, record.message_id, sender.now()),
    ]


def _own_unknown(record: Record, known: JobRecord) -> tuple[int, ...]:
    """List the entries whose outcome stays unknown, where it is this message's to say so."""
    own = known.sqs_message_id == record.message_id
    return tuple(entry for entry in known.unknown if own and entry not in known.accepted)


def _tried(known: JobRecord, faults: Mapping[int, Fault]) -> dict[int, int]:
    """Count for each entry the tries that end one day; in a shared call, each may be at another one."""
    ending = [entry for entry, fault in faults.items() if fault.kind == "retry"]
    return {**known.tries, **{entry: known.tries.get(entry, 0) + 1 for entry in ending}}


def _wait(known: JobRecord, faults: Mapping[int, Fault], tries: Mapping[int, int]) -> tuple[Kind | None, int]:
    """Find what a job waits for, and how often it has."""
    kind = next((kind for kind in WAITING if any(fault.kind == kind for fault in faults.values())), None)
    if kind == "retry":
        return kind, max(tries[entry] for entry, fault in faults.items() if fault.kind == kind)
    return kind, known.attempts.get(kind, 0) + 1 if kind in COUNTED else 1


def _wait_for_events(
    sender: Sender, attempted: Attempted, known: JobRecord, common: Settlement
) -> Settlement:
    """Let SES's own event tell whether it accepted what it did not answer for."""
    fault = attempted.unanswered
    return msgspec.structs.replace(
        common,
        outcome="unanswered",
        let_go=None if attempted.noted else attempted.known,
        keep=known if attempted.noted else None,
        give_back_seconds=delay_seconds("retry", 1, sender.uniform),
        error=None if fault is None else _label(fault.error),
    )


def _settle_settled(sender: Sender, settled: Settled) -> Settlement:
    record, job, known = settled.record, settled.job, settled.known
    announced = _all_told(sender, record, job, known, {}) if settled.announce else ()
    error = outcome_unknown() if _own_unknown(record, known) else None
    return Settlement(
        record=record,
        outcome="duplicate" if error is None else "failed",
        job_id=job.job_id,
        message_ids=tuple(known.accepted.values()),
        entries=_entries(announced),
        bury=error,
        error=None if error is None else error.code,
    )


def _settle_refused(sender: Sender, refused: Refused) -> Settlement:
    record, job, error = refused.record, refused.job, refused.error
    return Settlement(
        record=record,
        outcome="failed",
        job_id=job.job_id,
        entries=_entries(
            events.refused(job, error, record.message_id, sender.now(), entries=refused.entries)
        ),
        bury=error,
        error=_label(error),
    )


def _settle_unreadable(sender: Sender, unreadable: Unreadable) -> Settlement:
    record, error = unreadable.record, unreadable.error
    announced = events.unreadable(unreadable.job_id, error, record.message_id, sender.now())
    return Settlement(
        record=record,
        outcome="failed",
        job_id=unreadable.job_id,
        entries=_entries(announced),
        bury=error,
        error=_label(error),
    )


def _settle_cancelled(sender: Sender, cancelled: Cancelled) -> Settlement:
    record, job = cancelled.record, cancelled.job
    error = MailbusError("cancelled before it was sent")
    return Settlement(
        record=record,
        outcome="cancelled",
        job_id=job.job_id,
        entries=_entries(events.refused(job, error, record.message_id, sender.now())),
    )


def _settle_given_up(sender: Sender, given_up: GivenUp) -> Settlement:
    record, job, error, known = given_up.record, given_up.job, given_up.error, given_up.known
    if not known.unsettled:
        # what else was accepted may never have been announced
        return _settle_settled(sender, Settled(record=record, job=job, known=known, announce=True))
    announced = events.refused(job, error, record.message_id, sender.now(), entries=given_up.entries)
    return Settlement(
        record=record,
        outcome="failed",
        job_id=job.job_id,
        entries=_entries(announced),
        give_back_seconds=1,
        error=_label(error),
    )


def _settle_postponed(sender: Sender, postponed: Postponed) -> Settlement:
    record = postponed.record
    if is_over(sender, record):
        unreadable = Unreadable(record=record, job_id=postponed.job_id, error=_spent())
        return _settle_unreadable(sender, unreadable)
    return Settlement(
        record=record,
        outcome="postponed",
        job_id=postponed.job_id,
        give_back_seconds=_within(
            sender,
            postponed.expires_at,
            _turn_seconds(sender, record, postponed.seconds, postponed.kind),
        ),
        error=postponed.error,
    )


def _settle_scheduled(scheduled: Scheduled) -> Settlement:
    hidden = scheduled.hide_seconds
    return Settlement(
        record=scheduled.record,
        outcome="scheduled",
        job_id=scheduled.job.job_id,
        give_back_seconds=None if hidden is None else math.ceil(hidden),
    )


def _settle_unexpected(sender: Sender, unexpected: Unexpected) -> Settlement:
    record = unexpected.record
    tried = not unexpected.called and is_final("retry", record.receive_count, sender.settings.max_attempts)
    if not tried and not is_over(sender, record):
        return Settlement(
            record=record,
            outcome="unexpected",
            give_back_seconds=delay_seconds("retry", record.receive_count, sender.uniform),
            error=unexpected.error_type,
        )
    reason = (
        f"unexpected {unexpected.error_type} in the sender; report it, and send the job again once mended"
    )
    error = MailbusError(reason)
    job_id = peek_job_id(record.body, record.original_message_id)
    return Settlement(
        record=record,
        outcome="unexpected",
        job_id=job_id,
        entries=_entries(events.unreadable(job_id, error, record.message_id, sender.now())),
        bury=error,
        error=unexpected.error_type,
    )


def _turn_seconds(sender: Sender, record: Record, seconds: float | None, kind: Kind) -> int:
    """Spread out those who wait, so that they do not all come back in one moment, the more the longer."""
    if seconds is None:
        return delay_seconds(kind, record.receive_count, sender.uniform)
    spread = min(SPREAD_SECONDS * record.receive_count, LONGEST_SPREAD_SECONDS) if kind == "throttled" else 0
    return math.ceil(seconds + sender.uniform(0, spread))


def _within(sender: Sender, expires_at: float | None, seconds: int) -> int:
    """Have a job come back when its time is over, to be told so, not long after."""
    if expires_at is None:
        return seconds
    return min(seconds, max(0, math.ceil(expires_at - sender.now().timestamp())))


def _error_of(known: JobRecord, final: dict[int, Fault]) -> MailbusError:
    if final and known.entries == 1:
        return next(iter(final.values())).error
    codes = sorted(set(known.failed.values()))
    # what to fix is the same for all of them, more often than not
    told = f", such as: {next(iter(final.values())).error.reason}" if final else ""
    reason = (
        f"{len(known.failed)} of {known.entries} recipients failed ({', '.join(codes)}), each has its own "
        f"event{told}. Sent again as it is, the message tries the failed ones alone"
    )
    return SendError(codes[0], reason, retryable=False)


def _freed(known: JobRecord) -> JobRecord:
    return msgspec.structs.replace(known, lease_until=0.0)


def _spent() -> SendError:
    reason = (
        "waited as long as SQS lets it, as the sender's log says for what; see to that, and send it again as "
        "it is: what SES accepted already is not sent twice"
    )
    return SendError("WaitedTooLong", reason, retryable=False)


def is_over(sender: Sender, record: Record) -> bool:
    """Tell whether SQS is about to drop a message."""
    age = 0.0 if record.sent_at is None else sender.now().timestamp() - record.sent_at
    return retention_exhausted(record.receive_count, age)


def _entries(events: Iterable[EmailEvent]) -> tuple[BusEntry, ...]:
    return tuple(entry(event) for event in events)


def _label(error: MailbusError) -> str:
    return error.code if isinstance(error, SendError) else type(error).__name__
