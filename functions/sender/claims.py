"""What the ledger says of a job, and what is written there: before SES is called, and after."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import msgspec

from mailbus.errors import InvalidJob, SendError
from mailbus.jobs.job import envelopes
from mailbus.jobs.splitting import PART_RECIPIENTS
from mailbus.ledger.claims import Claim, Claimed, Found
from mailbus.ledger.records import (
    UNKNOWN,
    Cancelled,
    Conflict,
    Free,
    GiveUp,
    JobRecord,
    RecordKey,
    Settled,
    Verdict,
    Waiting,
    judge,
)
from sender import results
from sender.retries import delay_seconds
from sender.ses.errors import Fault

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mailbus.aws.sqs import Record
    from mailbus.jobs.job import Job
    from sender.results import Result, Work
    from sender.wiring import Sender

DAY_SECONDS: Final = 24 * 60 * 60
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
MESSAGE_SECONDS: Final = 14 * DAY_SECONDS
# a function ends a little after its deadline
LEASE_SLACK: Final = 1.0
# the time to write down what is known already
SETTLING_SECONDS: Final = 30.0
# another worker may write between a look and a claim
TRIES: Final = 3

_OTHER_CONTENT: Final = (
    "is the id of a job with other content, by itself or by send_defaults, which the ledger still remembers; "
    "the same id is the same job, so use a new one"
)
_OUTCOME_UNKNOWN: Final = (
    "SES may have accepted the mail, and never said so; it is not sent again. "
    "Look for it in SES's events before you send it under a new job_id"
)


def key_of(record: Record, job: Job) -> RecordKey:
    """Find the job's place in the ledger."""
    return RecordKey(job_id=job.job_id, part=record.part)


def verdict_on(sender: Sender, record: Record, job: Job, known: JobRecord) -> Verdict:
    """Judge what the ledger knows of a job that a message brings."""
    verdict = judge(
        known,
        fingerprint=job.fingerprint,
        sqs_message_id=record.message_id,
        now=sender.now().timestamp(),
        doubt_seconds=sender.settings.doubt_seconds,
        on_unknown=sender.settings.on_unknown,
    )
    if not isinstance(verdict, Free | GiveUp) or _has_entries_of(known, job):
        return verdict
    begun = known.accepted or known.unknown or known.open
    return Conflict() if begun else Free(entries=known.unsettled, fresh=True)


def _has_entries_of(known: JobRecord, job: Job) -> bool:
    """Tell whether a record's entries are the job's own: other send_defaults make a merge of it, or none."""
    count = len(envelopes(job))
    # the parts of a large merge have records of their own
    return count > PART_RECIPIENTS or known.entries in {0, count}


def look_up(sender: Sender, works: Sequence[Work]) -> list[Work | Result]:
    """Ask the ledger about jobs that it may know, so that no rate is reserved for those that are done."""
    probable = [work for work in works if work.record.receive_count > 1 or work.job.send_at is not None]
    if not probable:
        return list(works)
    try:
        found = sender.ledger.find([key_of(work.record, work.job) for work in probable])
    except SendError as error:
        silent = {id(work): postponed_by(work.record, work.job, error) for work in probable}
        return [silent.get(id(work), work) for work in works]
    return [
        work if known is None else consult(sender, work, known)
        for work, known in ((work, found.get(key_of(work.record, work.job))) for work in works)
    ]


def consult(sender: Sender, work: Work, known: JobRecord) -> Work | Result:
    """Let the ledger decide what of a job is still to be sent, if anything."""
    match verdict_on(sender, work.record, work.job, known):
        case Free(fresh=True):
            return msgspec.structs.replace(work, seen=_forgotten(known))
        case Free(entries=entries) if known.failed and known.failed.keys() >= set(entries):
            return _finish(sender, work, known)
        case Free() as free:
            return msgspec.structs.replace(work, seen=known, entries=free.entries, doubted=free.doubted)
        case GiveUp(entries=entries):
            return _give_up(sender, work.record, work.job, known, entries)
        case verdict:
            return result_of(sender, work.record, work.job, known, verdict)


def refuse(sender: Sender, refused: results.Refused) -> Result:
    """Refuse of a job only what SES has not accepted in an earlier delivery, when it could still be sent."""
    record, job = refused.record, refused.job
    key = key_of(record, job)
    known = sender.ledger.find([key]).get(key)
    if known is None:
        return refused
    match verdict_on(sender, record, job, known):
        case Free(fresh=True) | Conflict() | Waiting(why="scheduled"):
            return refused
        case Free(entries=entries):
            return _write_off(sender, refused, known, entries)
        case GiveUp(entries=entries):
            return _give_up(sender, record, job, known, entries)
        case verdict:
            return result_of(sender, record, job, known, verdict)


def result_of(
    sender: Sender,
    record: Record,
    job: Job,
    known: JobRecord,
    verdict: Verdict,
) -> Result:
    """Turn a verdict that lets nothing be sent into what follows from it."""
    match verdict:
        case Settled(announce=announce):
            # a message that comes again may be the one that had it sent, and announced nothing yet
            again = (announce or record.receive_count > 1) and _has_entries_of(known, job)
            return results.Settled(record=record, job=job, known=known, announce=again)
        case Waiting(until=until):
            # looked at again now and then: it may be settled long before
            soon = delay_seconds("retry", record.receive_count, sender.uniform)
            seconds = min(until - sender.now().timestamp() + LEASE_SLACK, soon)
            return results.Postponed(
                record=record, job_id=job.job_id, seconds=max(seconds, LEASE_SLACK), error=verdict.why
            )
        case Cancelled():
            return results.Cancelled(record=record, job=job)
        case Conflict():
            path = "$.job_id"
            return results.Refused(record=record, job=job, error=InvalidJob(path, _OTHER_CONTENT))
        case Free() | GiveUp():
            # something has changed since the look that led here
            return results.Postponed(record=record, job_id=job.job_id, seconds=LEASE_SLACK)


def postponed_by(record: Record, job: Job, silent: SendError) -> Result:
    """Let a job wait for the ledger: without it nothing is sent, since it might be sent twice."""
    return results.Postponed(record=record, job_id=job.job_id, error=silent.code)


def claim_for(
    sender: Sender, work: Work, entries: tuple[int, ...], *, called_at: float, deadline: float
) -> Claim:
    """Say which entries are about to be handed to SES, until when nobody else may."""
    seen = work.seen
    base = msgspec.structs.replace(
        JobRecord(key=key_of(work.record, work.job)) if seen is None else seen,
        fingerprint=work.job.fingerprint,
        state="active",
        entries=len(work.envelopes),
        metadata=_metadata(work.job),
        tags=work.job.tags,
        # SQS may bring the message again for so long, and what was sent is not to be forgotten before
        expires_at=max(remembered_until(sender), math.ceil((work.record.sent_at or 0.0) + MESSAGE_SECONDS)),
    )
    # a job from a schedule, or from the dead-letter queue, is announced by the message that brought it
    owner = seen.sqs_message_id if seen is not None and seen.state == "active" else ""
    attempts = base.attempts
    if work.doubted:
        attempts = {**attempts, UNKNOWN: attempts.get(UNKNOWN, 0) + 1}
    claimed = msgspec.structs.replace(
        base,
        sqs_message_id=owner or work.record.message_id,
        lease_until=deadline + LEASE_SLACK,
        open=entries,
        called_at=called_at,
        attempts=attempts,
    )
    return Claim(record=claimed, seen=seen)


def answered(record: JobRecord, answers: Mapping[int, str | Fault], now: float) -> JobRecord:
    """Add what SES answered for the entries of a call; the lease stays, and what had no answer stays open."""
    accepted = {entry: answer for entry, answer in answers.items() if isinstance(answer, str)}
    faults = {entry: answer for entry, answer in answers.items() if isinstance(answer, Fault)}
    failed = {entry: fault.error.code for entry, fault in faults.items() if not fault.error.retryable}
    return msgspec.structs.replace(
        record,
        open=tuple(entry for entry, fault in faults.items() if fault.kind == "unanswered"),
        accepted={**record.accepted, **accepted},
        accepted_at=record.accepted_at or (now if accepted else 0.0),
        failed={
            **{entry: code for entry, code in record.failed.items() if entry not in accepted},
            **failed,
        },
    )


def enter(sender: Sender, record: Record, job: Job, wanted: JobRecord) -> tuple[JobRecord, Verdict | None]:
    """Write down a job that is not sent now; where another record is in the way, that with its verdict."""
    seen: JobRecord | None = None
    for _ in range(TRIES):
        now = sender.now().timestamp()
        (outcome,) = sender.ledger.claim([Claim(record=wanted, seen=seen)], now=now)
        match outcome:
            case Claimed(record=written):
                return written, None
            case SendError():
                raise outcome
            case Found(record=known):
                verdict = verdict_on(sender, record, job, known)
                if not isinstance(verdict, Free):
                    return known, verdict
                seen = _forgotten(known) if verdict.fresh else known
                # what is on the queue already is not put there again
                wanted = msgspec.structs.replace(wanted, parts=0 if verdict.fresh else known.parts)
    code, reason = "Contended", "other workers kept writing the job's record"
    raise SendError(code, reason, retryable=True)


def remembered_until(sender: Sender, due: float | None = None) -> int:
    """Say when the ledger may forget a job, in epoch seconds."""
    begins = max(sender.now().timestamp(), due or 0.0)
    return math.ceil(begins + sender.settings.ledger_days * DAY_SECONDS)


def _forgotten(known: JobRecord) -> JobRecord:
    """Keep nothing of a record but its version, by which it is replaced."""
    return JobRecord(key=known.key, version=known.version, expires_at=known.expires_at)


def begun_anew(known: JobRecord) -> JobRecord:
    """Keep of a job that failed what SES has of it: from the dead-letter queue, the rest is tried anew."""
    return msgspec.structs.replace(known, state="failed", failed={}, tries={}, attempts={})


def outcome_unknown() -> SendError:
    """Say that nobody will ever know whether SES has a mail."""
    return SendError("OutcomeUnknown", _OUTCOME_UNKNOWN, retryable=False)


def _give_up(sender: Sender, record: Record, job: Job, known: JobRecord, entries: tuple[int, ...]) -> Result:
    given_up = msgspec.structs.replace(
        known,
        # whose message it is announces it, again if need be
        sqs_message_id=record.message_id,
        unknown=(*known.unknown, *entries),
        open=(),
        lease_until=0.0,
        expires_at=remembered_until(sender),
    )
    written = _rewritten(sender, record, job, known, given_up)
    if not isinstance(written, JobRecord):
        return written
    return results.GivenUp(record=record, job=job, known=written, entries=entries, error=outcome_unknown())


def _finish(sender: Sender, work: Work, known: JobRecord) -> Result:
    """Settle a job whose last entries SES's events have answered for: what failed before has failed."""
    until = sender.now().timestamp() + SETTLING_SECONDS
    leased = msgspec.structs.replace(known, open=(), lease_until=until)
    written = _rewritten(sender, work.record, work.job, known, leased)
    if not isinstance(written, JobRecord):
        return written
    return results.Attempted(work=msgspec.structs.replace(work, entries=(), seen=written), known=written)


def _write_off(
    sender: Sender, refused: results.Refused, known: JobRecord, entries: tuple[int, ...]
) -> Result:
    """Leave nothing open of a job that was on its way to SES, and will not be sent."""
    failed = begun_anew(msgspec.structs.replace(known, open=(), lease_until=0.0))
    written = _rewritten(sender, refused.record, refused.job, known, failed)
    if not isinstance(written, JobRecord):
        return written
    return msgspec.structs.replace(refused, entries=entries)


def _rewritten(
    sender: Sender, record: Record, job: Job, known: JobRecord, wanted: JobRecord
) -> JobRecord | Result:
    """Write what follows from a judgement; where another record stands by then, judge anew."""
    (outcome,) = sender.ledger.claim([Claim(record=wanted, seen=known)], now=sender.now().timestamp())
    match outcome:
        case Claimed(record=written):
            return written
        case Found():
            return results.Postponed(record=record, job_id=job.job_id, seconds=LEASE_SLACK)
        case SendError():
            return postponed_by(record, job, outcome)


def _metadata(job: Job) -> tuple[dict[str, str | int | float | bool | None], ...]:
    if job.merge is None:
        return (job.metadata,)
    return tuple(recipient.metadata for recipient in job.merge.recipients)
