"""Applies the ledger's verdict on a job: what is still to be sent, or how the job is settled instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from mailbus.errors import InvalidJob, SendError
from mailbus.jobs.job import envelopes
from mailbus.jobs.parsing import job_id_in_body
from mailbus.jobs.splitting import PART_RECIPIENTS
from mailbus.ledger.claims import Claim, Claimed, Found
from mailbus.ledger.records import (
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
from mailbus.ledger.tracking_health import LATE_SECONDS
from sender import failures, settlement
from sender.attempts import settle_attempted
from sender.claims import LEASE_SLACK, failed_job, forgotten, released, remembered_until
from sender.retries import delay_seconds
from sender.settlement import Settlement, failed_step, isolated
from sender.work import Attempted, key_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailbus.aws.sqs import Record
    from mailbus.errors import MailbusError
    from mailbus.jobs.job import Job
    from sender.wiring import Sender
    from sender.work import Work

# the time to save what is known already
SAVING_SECONDS: Final = 30.0
# another worker may write between a read and a claim
TRIES: Final = 3


def look_up(sender: Sender, works: Sequence[Work]) -> list[Work | Settlement]:
    """Look up the jobs that the ledger may know, so that no rate is reserved for those that are done."""
    likely = [work.key for work in works if _may_be_known(work)]
    if not likely:
        return list(works)

    def fail(error: Exception) -> list[Work | Settlement]:
        return [failed_work(sender, work, error) if _may_be_known(work) else work for work in works]

    return isolated(lambda: _look_up(sender, works, likely), fail)


def _look_up(sender: Sender, works: Sequence[Work], keys: Sequence[RecordKey]) -> list[Work | Settlement]:
    found = sender.ledger.find(keys)
    return [
        work if known is None else consult(sender, work, known)
        for work, known in ((work, found.get(work.key)) for work in works)
    ]


def _may_be_known(work: Work) -> bool:
    return work.record.receive_count > 1 or work.job.send_at is not None


def consult(sender: Sender, work: Work, known: JobRecord) -> Work | Settlement:
    """Return the work that is left of a job, or its settlement; an error settles this job alone."""
    return isolated(
        lambda: apply_verdict(sender, work, known), lambda error: failed_work(sender, work, error)
    )


def failed_work(sender: Sender, work: Work, error: Exception) -> Settlement:
    """Settle a job whose processing raised after it may have been sent."""
    return failed_step(sender, work.record, error, job_id=work.job.job_id, called=True)


def apply_verdict(sender: Sender, work: Work, known: JobRecord) -> Work | Settlement:
    """Return the work that is left of a job, or its settlement."""
    match _verdict(sender, work.record, work.job, known):
        case Free(fresh=True):
            return msgspec.structs.replace(work, seen=forgotten(known))
        case Free(entries=entries) if _has_failed(work.record, known, entries):
            return _finish(sender, work, known)
        case Free() as free:
            return msgspec.structs.replace(work, seen=known, entries=free.entries, doubted=free.doubted)
        case verdict:
            return settle_verdict(sender, work.record, work.job, known, verdict)


def _has_failed(record: Record, known: JobRecord, entries: tuple[int, ...]) -> bool:
    """Return whether entries failed for good: those of a failed job only for the message that brought it."""
    is_retried = known.state == "failed" and known.sqs_message_id != record.message_id
    return bool(known.failed) and known.failed.keys() >= set(entries) and not is_retried


def refuse_message(sender: Sender, record: Record, error: Exception) -> Settlement:
    """Settle a message that raised before its job was known: it is no valid job, or as `failed_step` says."""
    job_id = job_id_in_body(record.body, record.original_message_id)
    if not isinstance(error, InvalidJob):
        return failed_step(sender, record, error, job_id=job_id)
    conflicts = isolated(lambda: _is_other_content(sender, record, job_id), lambda _: False)
    refusal = failures.other_content() if conflicts else error
    return settlement.unreadable(sender, record, job_id, refusal)


def _is_other_content(sender: Sender, record: Record, job_id: str) -> bool:
    """Return whether a message that is no valid job has the id of one that another message brought."""
    key = RecordKey(job_id=job_id, part=record.part)
    known = sender.ledger.find([key]).get(key)
    if known is None or known.sqs_message_id == record.message_id:
        return False
    # no valid job has this fingerprint
    return isinstance(_judge(sender, record, known, fingerprint=""), Conflict)


def refuse(sender: Sender, record: Record, job: Job, error: MailbusError) -> Settlement:
    """Refuse of a job only what SES has not accepted in an earlier delivery, when it could still be sent.

    Raises `SendError` if the ledger does not answer.
    """
    key = key_of(record, job)
    known = sender.ledger.find([key]).get(key)
    if known is None:
        return settlement.refused(sender, record, job, error)
    match _verdict(sender, record, job, known):
        case Free(fresh=True) | Waiting(why="scheduled"):
            return settlement.refused(sender, record, job, error)
        case Free(entries=entries):
            # nothing may stay open of a job that was being sent, and will not be
            wanted = failed_job(msgspec.structs.replace(released(known), open=()))
            written = _rewrite(sender, record, job, known, wanted)
            if isinstance(written, Settlement):
                return written
            return settlement.refused_rest(sender, record, job, error, known=written, entries=entries)
        case verdict:
            return settle_verdict(sender, record, job, known, verdict)


def enter(sender: Sender, record: Record, job: Job, wanted: JobRecord) -> JobRecord | Settlement:
    """Record a job in the ledger that is not sent now; settle it if another record prevents that.

    Raises `SendError` if the ledger does not answer.
    """
    seen: JobRecord | None = None
    for _ in range(TRIES):
        (answer,) = sender.ledger.claim([Claim(record=wanted, seen=seen)], now=sender.now().timestamp())
        match answer:
            case Claimed(record=written):
                return written
            case SendError():
                raise answer
            case Found(record=known):
                match _verdict(sender, record, job, known):
                    case Free(fresh=fresh):
                        seen = forgotten(known) if fresh else known
                        # the parts that are on the queue already are not sent there again
                        wanted = msgspec.structs.replace(wanted, parts=0 if fresh else known.parts)
                    case Waiting(why="scheduled") if wanted.state == "scheduled":
                        return known
                    case verdict:
                        return settle_verdict(sender, record, job, known, verdict)
    code, reason = "Contended", "other workers kept writing the job's record"
    raise SendError(code, reason, retryable=True)


def settle_verdict(
    sender: Sender, record: Record, job: Job, known: JobRecord, verdict: Verdict
) -> Settlement:
    """Settle a job whose verdict allows no entry to be sent now."""
    match verdict:
        case Settled(announce=announce):
            # a redelivered message may be the one that was sent, without an event so far
            again = (announce or record.receive_count > 1) and _has_entries_of(known, job)
            return settlement.duplicate(sender, record, job, known, announce=again)
        case Waiting(until=until):
            # look again now and then: it may be settled long before
            soon = delay_seconds("retry", record.receive_count, sender.uniform)
            now = sender.now().timestamp()
            seconds = max(min(until - now + LEASE_SLACK, soon), LEASE_SLACK)
            postponed = settlement.postponed(sender, record, job.job_id, seconds=seconds, error=verdict.why)
            doubt_seconds = now - known.called_at if verdict.why == "doubtful" else None
            return msgspec.structs.replace(postponed, doubt_seconds=doubt_seconds)
        case Cancelled():
            return settlement.cancelled(sender, record, job, known)
        case Conflict():
            return settlement.refused(sender, record, job, failures.other_content())
        case GiveUp(entries=entries):
            return _give_up(sender, record, job, known, entries)
        case Free():
            # the record has changed since the verdict that led here
            return _judge_again(sender, record, job)


def _verdict(sender: Sender, record: Record, job: Job, known: JobRecord) -> Verdict:
    """Judge the ledger's record of a message's job."""
    verdict = _judge(sender, record, known, fingerprint=job.fingerprint)
    if not isinstance(verdict, Free | GiveUp) or _has_entries_of(known, job):
        return verdict
    begun = known.accepted or known.unknown or known.open
    return Conflict() if begun else Free(entries=known.unsettled, fresh=True)


def _judge(sender: Sender, record: Record, known: JobRecord, *, fingerprint: str) -> Verdict:
    verdict = judge(
        known,
        fingerprint=fingerprint,
        sqs_message_id=record.message_id,
        now=sender.now().timestamp(),
        doubt_seconds=sender.settings.doubt_seconds,
        on_unknown=sender.settings.on_unknown,
    )
    if _ends_doubt(verdict) and sender.reports_may_be_late():
        # its report may be among them
        return Waiting(until=sender.now().timestamp() + LATE_SECONDS, why="doubtful")
    return verdict


def _ends_doubt(verdict: Verdict) -> bool:
    """Return whether entries that SES may have accepted would be sent again, or given up."""
    match verdict:
        case Free(doubted=doubted):
            return bool(doubted)
        case GiveUp():
            return True
        case _:
            return False


def _has_entries_of(known: JobRecord, job: Job) -> bool:
    """Return whether a record's entries are the job's: other send_defaults may make it a merge, or not."""
    count = len(envelopes(job))
    # the parts of a large merge have records of their own
    return count > PART_RECIPIENTS or known.entries in {0, count}


def _give_up(
    sender: Sender, record: Record, job: Job, known: JobRecord, entries: tuple[int, ...]
) -> Settlement:
    wanted = msgspec.structs.replace(
        released(known),
        # the message that publishes the events, again if need be
        sqs_message_id=record.message_id,
        unknown=(*known.unknown, *entries),
        open=(),
        expires_at=remembered_until(sender),
    )
    written = _rewrite(sender, record, job, known, wanted)
    if isinstance(written, Settlement):
        return written
    return settlement.given_up(sender, record, job, written, entries)


def _finish(sender: Sender, work: Work, known: JobRecord) -> Settlement:
    """Settle a job whose last open entries SES's events have reported: what failed before stays failed."""
    until = sender.now().timestamp() + SAVING_SECONDS
    leased = msgspec.structs.replace(known, open=(), lease_until=until)
    written = _rewrite(sender, work.record, work.job, known, leased)
    if isinstance(written, Settlement):
        return written
    return settle_attempted(
        sender, Attempted(work=msgspec.structs.replace(work, entries=(), seen=written), known=written)
    )


def _rewrite(
    sender: Sender, record: Record, job: Job, known: JobRecord, wanted: JobRecord
) -> JobRecord | Settlement:
    """Write a verdict's result; if the record has changed since, the job is judged again later."""
    (answer,) = sender.ledger.claim([Claim(record=wanted, seen=known)], now=sender.now().timestamp())
    match answer:
        case Claimed(record=written):
            return written
        case Found():
            return _judge_again(sender, record, job)
        case SendError():
            raise answer


def _judge_again(sender: Sender, record: Record, job: Job) -> Settlement:
    return settlement.postponed(sender, record, job.job_id, seconds=LEASE_SLACK)
