"""A round of a batch: reserve the rate, claim the entries in the ledger, call SES, and record its answers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import msgspec

from mailbus.errors import SendError
from mailbus.ledger.claims import Claimed, Found
from sender import failures
from sender.attempts import settle_attempted
from sender.claims import claim_for, with_answers
from sender.rate.gcra import QuotaExhausted, RetryAfter, SendAt
from sender.ses.client import MAX_CALLS
from sender.ses.errors import Fault, unanswered
from sender.ses.send_bulk_email import BulkRequest
from sender.settlement import Settlement, isolated, postponed
from sender.verdicts import consult, failed_work
from sender.work import Attempted, Work

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailbus.ledger.records import JobRecord, RecordKey
    from sender.ses.errors import Kind
    from sender.wiring import Sender

# What must be left of the function's time after a call of SES: a job that is not saved is in doubt.
CLOSING_SECONDS: Final = 2.0

Answers = dict[int, str | Fault]


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """The jobs that a round settled, and the `pending` ones, which continue after `wait` seconds."""

    settlements: list[Settlement]
    pending: list[Work]
    wait: float = 0.0


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One call of SES: some entries of a job, to be sent at `due`."""

    work: Work
    entries: tuple[int, ...]
    due: float = 0.0

    @property
    def recipients(self) -> int:
        """The number of recipients, as SES counts them."""
        return sum(len(self.work.envelopes[entry].recipients) for entry in self.entries)


def dispatch_round(sender: Sender, works: Sequence[Work], deadline: float) -> Round:
    """Send what the rate allows now, with at most one call of SES for each job."""
    calls, duplicates = _plan_calls(works, sender.pacer.largest_call())
    lane = sender.lane_of(calls[0].work.record)
    decisions = sender.pacer.reserve([call.recipients for call in calls], lane)
    decided = list(zip(calls, decisions, strict=True))
    ready = [msgspec.structs.replace(call, due=at.due) for call, at in decided if isinstance(at, SendAt)]
    waiting = [(call.work, retry.seconds) for call, retry in decided if isinstance(retry, RetryAfter)]
    outcomes: list[Work | Settlement] = [
        requeue(sender, call.work, kind="quota")
        for call, decision in decided
        if isinstance(decision, QuotaExhausted)
    ]
    claimed, others = _claim(sender, ready, deadline)
    outcomes += others
    answers = _call_ses(sender, [call for call, _ in claimed], deadline)
    outcomes += [
        _record_answers(sender, call, known, answer)
        for (call, known), answer in zip(claimed, answers, strict=True)
    ]
    moved = _save_progress(sender, [outcome for outcome in outcomes if isinstance(outcome, Work)])
    going_on = [work for work in moved if work.entries]
    return Round(
        settlements=[
            *(outcome for outcome in outcomes if isinstance(outcome, Settlement)),
            *(_finish(sender, work) for work in moved if not work.entries),
        ],
        pending=[*going_on, *(work for work, _ in waiting), *duplicates],
        wait=0.0 if going_on or not waiting else min(seconds for _, seconds in waiting),
    )


def requeue(
    sender: Sender, work: Work, *, seconds: float | None = None, kind: Kind = "throttled"
) -> Settlement:
    """Settle a job that cannot be sent now; what has been sent of it already is saved."""
    if work.seen is not None and (work.accepted or work.faults):
        return settle_attempted(sender, Attempted(work=work, known=work.seen, seconds=seconds, kind=kind))
    return postponed(
        sender,
        work.record,
        work.job.job_id,
        expires_at=work.job.expires_at,
        seconds=seconds,
        kind=kind,
    )


def _finish(sender: Sender, work: Work) -> Settlement:
    """Settle a job whose last entries were accepted before, as the ledger now shows."""
    assert work.seen is not None  # noqa: S101 - it comes from the ledger
    return settle_attempted(sender, Attempted(work=work, known=work.seen))


def _plan_calls(works: Sequence[Work], largest: int) -> tuple[list[Call], list[Work]]:
    """Plan one call for each job; duplicates of a job wait for the outcome of the first."""
    calls: dict[RecordKey, Call] = {}
    duplicates: list[Work] = []
    for work in works:
        if work.key in calls:
            duplicates.append(work)
        else:
            each = max(len(work.envelopes[entry].recipients) for entry in work.entries)
            calls[work.key] = Call(work=work, entries=work.entries[: max(1, largest // each)])
    return list(calls.values()), duplicates


def _claim(
    sender: Sender, calls: Sequence[Call], deadline: float
) -> tuple[list[tuple[Call, JobRecord]], list[Work | Settlement]]:
    """Claim the entries of the next call to SES; if the ledger has another record, apply that instead."""
    now = sender.now().timestamp()
    claims = [
        claim_for(sender, call.work, call.entries, called_at=max(call.due, now), deadline=deadline)
        for call in calls
    ]
    answers = sender.ledger.claim(claims, now=now) if claims else []
    claimed: list[tuple[Call, JobRecord]] = []
    others: list[Work | Settlement] = []
    unanswered_claims: list[JobRecord] = []
    for call, claim, answer in zip(calls, claims, answers, strict=True):
        match answer:
            case Claimed(record=known):
                claimed.append((call, known))
            case Found(record=known):
                others.append(consult(sender, call.work, known))
            case SendError():
                unanswered_claims.append(claim.record)
                others.append(failed_work(sender, call.work, answer))
    isolated(lambda: _revert_claims(sender, unanswered_claims), lambda _: None)
    return claimed, others


def _revert_claims(sender: Sender, job_records: Sequence[JobRecord]) -> None:
    """Revert claims that may have been written although DynamoDB did not respond: SES was not called."""
    for job_record in job_records:
        sender.ledger.revert_claim(job_record)


def _call_ses(sender: Sender, calls: Sequence[Call], deadline: float) -> list[Answers]:
    """Call SES, many calls at a time, each when it is due; return their answers in order."""
    if not calls:
        return []
    by_due = sorted(range(len(calls)), key=lambda index: calls[index].due)
    with ThreadPoolExecutor(max_workers=min(MAX_CALLS, len(calls))) as pool:
        answers = dict(
            zip(
                by_due,
                pool.map(lambda index: _call_when_due(sender, calls[index], deadline), by_due),
                strict=True,
            )
        )
    return [answers[index] for index in range(len(calls))]


def _call_when_due(sender: Sender, call: Call, deadline: float) -> Answers:
    """Make one call when it is due; return no answers if there is no time left for it."""
    sender.wait_until(call.due)
    now = sender.now().timestamp()
    if now > deadline - sender.settings.ses_seconds - CLOSING_SECONDS:
        return {}
    expires_at = call.work.job.expires_at
    if expires_at is not None and expires_at <= now:
        return dict.fromkeys(call.entries, Fault(kind="failed", error=failures.expired()))

    def in_doubt(error: Exception) -> Answers:
        return dict.fromkeys(call.entries, unanswered(type(error).__name__, "unexpected"))

    return isolated(lambda: _call(sender, call), in_doubt)


def _call(sender: Sender, call: Call) -> Answers:
    request = call.work.call
    if not isinstance(request, BulkRequest):
        return dict.fromkeys(call.entries, sender.mail.send(request))
    answer = sender.mail.send_bulk(request, call.entries)
    if isinstance(answer, Fault):
        return dict.fromkeys(call.entries, answer)
    return dict(zip(call.entries, answer, strict=True))


def _record_answers(sender: Sender, call: Call, claimed: JobRecord, answers: Answers) -> Work | Settlement:
    """Add SES's answers to what is known of the job; settle it unless it continues with its next entries."""
    known = with_answers(claimed, answers, sender.now().timestamp())
    accepted = {entry: answer for entry, answer in answers.items() if isinstance(answer, str)}
    faults = {entry: answer for entry, answer in answers.items() if isinstance(answer, Fault)}
    in_doubt = {entry: fault for entry, fault in faults.items() if fault.kind == "unanswered"}
    work = msgspec.structs.replace(
        call.work,
        seen=known,
        doubted=(),
        entries=tuple(entry for entry in call.work.entries if entry not in answers),
        accepted={**call.work.accepted, **accepted},
        faults={
            **call.work.faults,
            **{entry: fault for entry, fault in faults.items() if entry not in in_doubt},
        },
    )
    if in_doubt:
        # without a response the claim has all that is known; tracking may have added to it already
        answered = len(in_doubt) < len(answers)
        return settle_attempted(
            sender,
            Attempted(
                work=work,
                known=known if answered else claimed,
                unanswered=next(iter(in_doubt.values())),
                answered=answered,
            ),
        )
    if answers and work.entries and not any(fault.error.retryable for fault in faults.values()):
        return work
    return settle_attempted(sender, Attempted(work=work, known=known))


def _save_progress(sender: Sender, works: Sequence[Work]) -> list[Work]:
    """Save SES's answers for merges that continue; the lease is kept for the next call."""
    progressed = [work for work in works if work.accepted and work.seen is not None]
    if not progressed:
        return list(works)
    sender.ledger.save([work.seen for work in progressed if work.seen is not None])
    # tracking writes to the same records: the next claim must name the version that they have then
    known = _find(sender, [work.key for work in progressed])
    return [_with_marks(work, known.get(work.key)) for work in works]


def _find(sender: Sender, keys: Sequence[RecordKey]) -> dict[RecordKey, JobRecord]:
    try:
        return sender.ledger.find(keys)
    except SendError:
        return {}


def _with_marks(work: Work, found: JobRecord | None) -> Work:
    """Take from the ledger only what tracking may have added: the save itself may have failed."""
    if found is None or work.seen is None:
        return work
    accepted = {**found.accepted, **work.seen.accepted}
    return msgspec.structs.replace(
        work,
        seen=msgspec.structs.replace(work.seen, accepted=accepted, version=found.version),
        entries=tuple(entry for entry in work.entries if entry not in accepted),
    )
