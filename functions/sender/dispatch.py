"""A round of a batch: reserve the rate, claim the entries in the ledger, call SES, and record its answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from mailbus.errors import SendError
from mailbus.ledger.claims import Claimed, Found
from mailbus.metrics import LIMITED_BULK_CALLS, MAILS
from sender import failures
from sender.attempts import settle_attempted
from sender.claims import claim_for, with_answers
from sender.pauses import scope_of
from sender.rate.slots import LanePaused, QuotaExhausted, RetryAfter, SendAt
from sender.ses.client import MAX_CALLS
from sender.ses.errors import Fault, unanswered
from sender.ses.mime import MESSAGE_BYTES
from sender.ses.send_bulk_email import BulkRequest, email_request
from sender.settlement import Settlement, isolated, postponed
from sender.verdicts import consult, failed_work
from sender.work import Attempted, Work

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailbus.ledger.records import JobRecord, RecordKey
    from sender.rate.slots import Decision
    from sender.ses.errors import Kind
    from sender.wiring import Sender

# What must be left of the function's time after a call of SES: a job that is not saved is in doubt.
CLOSING_SECONDS: Final = 2.0
# How long after the claim a call may begin: a doubt is counted from the claim
# (infra/mailbus_cdk/settings/doubt.py).
BEGIN_SECONDS: Final = 20.0
# after these answers a recipient's call says what the next one would be answered
ANSWERS_FOR_ALL: Final[frozenset[Kind]] = frozenset({"throttled", "paused", "quota"})

Answers = dict[int, str | Fault]


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """The jobs that a round settled, and the `pending` ones, which continue after `wait` seconds."""

    settlements: list[Settlement]
    pending: list[Work]
    wait: float = 0.0


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One call of SES: some entries of a job, to be sent at `due`, or the one entry of a merge `by_email`."""

    work: Work
    entries: tuple[int, ...]
    by_email: bool = False
    due: float = 0.0

    @property
    def recipients(self) -> int:
        """The number of recipients, as SES counts them."""
        return sum(len(self.work.envelopes[entry].recipients) for entry in self.entries)


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """What a round sends of a job, claimed at once: one call, or a call for each of some recipients."""

    work: Work
    calls: tuple[Call, ...]

    @property
    def entries(self) -> tuple[int, ...]:
        """The entries of all calls."""
        return tuple(entry for call in self.calls for entry in call.entries)

    @property
    def due(self) -> float:
        """When the last call is due."""
        return max(call.due for call in self.calls)


def dispatch_round(sender: Sender, works: Sequence[Work], deadline: float) -> Round:
    """Send what the rate allows now, with one turn for each job."""
    planned, duplicates = _plan_turns(sender, works)
    steps = sender.pauses.steps([scope_of(turn.work.call) for turn in planned], sender.now().timestamp())
    probes, calls, after, paused = (
        [turn for turn, step in zip(planned, steps, strict=True) if step == wanted]
        for wanted in ("probe", "call", "after", "paused")
    )
    turns = [*(msgspec.structs.replace(turn, calls=turn.calls[:1]) for turn in probes), *calls]
    lane = sender.lane_of(works[0].record)
    counts = [call.recipients for turn in turns for call in turn.calls]
    decisions = iter(sender.pacer.reserve(counts, lane))
    allowed = [_allowed(turn, [next(decisions) for _ in turn.calls]) for turn in turns]
    decided = list(zip(turns, allowed, strict=True))
    ready = [turn for turn in allowed if isinstance(turn, Turn)]
    waiting = [(turn.work, retry.seconds) for turn, retry in decided if isinstance(retry, RetryAfter)]
    held = [turn for turn, decision in decided if isinstance(decision, LanePaused)]
    if held:
        # they have the same lane
        held, after = [*held, *after], []
    outcomes: list[Work | Settlement] = [
        *(_paused(sender, turn) for turn in paused),
        *(_held(sender, turn) for turn in held),
        *(
            requeue(sender, turn.work, kind="quota")
            for turn, decision in decided
            if isinstance(decision, QuotaExhausted)
        ),
    ]
    claimed, others = _claim(sender, ready, deadline)
    outcomes += others
    answers = _call_ses(sender, claimed, deadline)
    _report_limited_calls(sender)
    outcomes += [
        _record_answers(sender, turn, known, answer)
        for (turn, known), answer in zip(claimed, answers, strict=True)
    ]
    moved = _save_progress(sender, [outcome for outcome in outcomes if isinstance(outcome, Work)])
    going_on = [work for work in moved if work.entries]
    return Round(
        settlements=[
            *(outcome for outcome in outcomes if isinstance(outcome, Settlement)),
            *(_finish(sender, work) for work in moved if not work.entries),
        ],
        pending=[
            *going_on,
            *(work for work, _ in waiting),
            *(turn.work for turn in after),
            *duplicates,
        ],
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


def _paused(sender: Sender, turn: Turn) -> Settlement:
    """Settle a job without a call: SES has only just answered that sending is paused."""
    settled = requeue(sender, turn.work, kind="paused")
    return msgspec.structs.replace(settled, paused=len(turn.entries))


def _held(sender: Sender, turn: Turn) -> Settlement:
    """Settle a job without a call: its lane is paused."""
    settled = requeue(sender, turn.work, kind="paused")
    return msgspec.structs.replace(settled, held=len(turn.entries))


def _finish(sender: Sender, work: Work) -> Settlement:
    """Settle a job whose last entries were accepted before, as the ledger now shows."""
    assert work.seen is not None  # noqa: S101 - it comes from the ledger
    return settle_attempted(sender, Attempted(work=work, known=work.seen))


def _plan_turns(sender: Sender, works: Sequence[Work]) -> tuple[list[Turn], list[Work]]:
    """Plan one turn for each job; duplicates of a job wait for the outcome of the first."""
    largest = sender.pacer.largest_call()
    by_entry = sender.settings.merge_by == "SendEmail" or sender.mail.bulk_calls_are_limited
    turns: dict[RecordKey, Turn] = {}
    duplicates: list[Work] = []
    for work in works:
        if work.key in turns:
            duplicates.append(work)
            continue
        each = max(len(work.envelopes[entry].recipients) for entry in work.entries)
        entries = work.entries[: max(1, largest // each)]
        if not by_entry and isinstance(work.call, BulkRequest):
            entries = work.call.fitting(entries)
        groups = [(entry,) for entry in entries] if by_entry else [entries]
        turns[work.key] = Turn(
            work=work,
            calls=tuple(Call(work=work, entries=group, by_email=by_entry) for group in groups),
        )
    return list(turns.values()), duplicates


def _allowed(turn: Turn, decisions: Sequence[Decision]) -> Turn | RetryAfter | QuotaExhausted | LanePaused:
    """Return the turn with the calls that the rate allows; if it allows none, why not."""
    calls = tuple(
        msgspec.structs.replace(call, due=decision.due)
        for call, decision in zip(turn.calls, decisions, strict=True)
        if isinstance(decision, SendAt)
    )
    if calls:
        return msgspec.structs.replace(turn, calls=calls)
    waits = (decision for decision in decisions if isinstance(decision, RetryAfter | LanePaused))
    return next(waits, QuotaExhausted())


def _claim(
    sender: Sender, turns: Sequence[Turn], deadline: float
) -> tuple[list[tuple[Turn, JobRecord]], list[Work | Settlement]]:
    """Claim the entries of each turn; if the ledger has another record, apply that instead."""
    now = sender.now().timestamp()
    claims = [
        claim_for(sender, turn.work, turn.entries, called_at=max(turn.due, now), deadline=deadline)
        for turn in turns
    ]
    answers = sender.ledger.claim(claims, now=now) if claims else []
    claimed: list[tuple[Turn, JobRecord]] = []
    others: list[Work | Settlement] = []
    unanswered_claims: list[JobRecord] = []
    for turn, claim, answer in zip(turns, claims, answers, strict=True):
        match answer:
            case Claimed(record=known):
                claimed.append((turn, known))
            case Found(record=known):
                others.append(consult(sender, turn.work, known))
            case SendError():
                unanswered_claims.append(claim.record)
                others.append(failed_work(sender, turn.work, answer))
    isolated(lambda: _revert_claims(sender, unanswered_claims), lambda _: None)
    return claimed, others


def _revert_claims(sender: Sender, job_records: Sequence[JobRecord]) -> None:
    """Revert claims that may have been written although DynamoDB did not respond: SES was not called."""
    for job_record in job_records:
        sender.ledger.revert_claim(job_record)


def _call_ses(sender: Sender, claimed: Sequence[tuple[Turn, JobRecord]], deadline: float) -> list[Answers]:
    """Call SES, many calls at a time, each when it is due; return the answers of each turn."""
    answers: list[Answers] = [{} for _ in claimed]
    if not claimed:
        return answers
    in_time = deadline - sender.settings.ses_seconds - CLOSING_SECONDS
    calls = [
        (index, call, min(in_time, known.called_at + BEGIN_SECONDS))
        for index, (turn, known) in enumerate(claimed)
        for call in turn.calls
    ]
    calls.sort(key=lambda each: each[1].due)
    at_a_time = _calls_at_a_time([turn for turn, _ in claimed])
    found = sender.side_by_side(lambda each: _call_when_due(sender, each[1], each[2]), calls, at_a_time)
    for (index, _, _), answer in zip(calls, found, strict=True):
        answers[index] |= answer
    return answers


def _calls_at_a_time(turns: Sequence[Turn]) -> int:
    """Return how many calls the memory has room for: each call of a merge has all of its files."""
    shared = [turn.work.call.shared_bytes for turn in turns if isinstance(turn.work.call, BulkRequest)]
    return max(1, min(MAX_CALLS, MESSAGE_BYTES // max((1, *shared))))


def _call_when_due(sender: Sender, call: Call, latest: float) -> Answers:
    """Make one call when it is due; return no answers if that would be after `latest`."""
    sender.wait_until(call.due)
    now = sender.now().timestamp()
    if now > latest:
        return {}
    expires_at = call.work.job.expires_at
    if expires_at is not None and expires_at <= now:
        return dict.fromkeys(call.entries, Fault(kind="failed", error=failures.expired()))

    def in_doubt(error: Exception) -> Answers:
        return dict.fromkeys(call.entries, unanswered(type(error).__name__, "unexpected"))

    return isolated(lambda: _call(sender, call, latest), in_doubt)


def _call(sender: Sender, call: Call, latest: float) -> Answers:
    request = call.work.call
    if not isinstance(request, BulkRequest):
        return dict.fromkeys(call.entries, sender.mail.send(request))
    if call.by_email:
        [entry] = call.entries
        return {entry: sender.mail.send(email_request(request, entry))}
    answer = None if sender.mail.bulk_calls_are_limited else sender.mail.send_bulk(request, call.entries)
    if answer is None:
        return _call_for_each(sender, call, latest)
    if isinstance(answer, Fault):
        return dict.fromkeys(call.entries, answer)
    return dict(zip(call.entries, answer, strict=True))


def _call_for_each(sender: Sender, call: Call, latest: float) -> Answers:
    """Send the entries of a bulk call one by one, until SES takes none: the rate is reserved for them."""
    answers: Answers = {}
    for entry in call.entries:
        single = msgspec.structs.replace(call, entries=(entry,), by_email=True)
        answers |= _call_when_due(sender, single, latest)
        answer = answers.get(entry)
        if answer is None or (isinstance(answer, Fault) and answer.kind in ANSWERS_FOR_ALL):
            break
    return answers


def _report_limited_calls(sender: Sender) -> None:
    """Log and count the bulk calls that SES refused because of too many calls."""
    limited = sender.mail.take_limited_calls()
    if limited:
        sender.log.warning(
            "SES limits calls of SendBulkEmail: merges are sent by SendEmail for a while; "
            'set sender.merge_by = "SendEmail" to always do so',
            extra={"limited_calls": limited},
        )
        sender.put_metric(LIMITED_BULK_CALLS, limited)


def _record_answers(sender: Sender, turn: Turn, claimed: JobRecord, answers: Answers) -> Work | Settlement:
    """Add SES's answers to what is known of the job; settle it unless it continues with its next entries."""
    sender.pauses.note(scope_of(turn.work.call), answers.values(), sender.now().timestamp())
    if any(isinstance(answer, Fault) and answer.kind == "throttled" for answer in answers.values()):
        sender.pacer.throttled()
    known = with_answers(claimed, answers, sender.now().timestamp())
    accepted = {entry: answer for entry, answer in answers.items() if isinstance(answer, str)}
    if accepted:
        envelopes = turn.work.envelopes
        mails = sum(len(envelopes[entry].recipients) for entry in accepted)
        sender.put_metric(MAILS[sender.lane_of(turn.work.record)], mails)
    faults = {entry: answer for entry, answer in answers.items() if isinstance(answer, Fault)}
    in_doubt = {entry: fault for entry, fault in faults.items() if fault.kind == "unanswered"}
    work = msgspec.structs.replace(
        turn.work,
        seen=known,
        doubted=(),
        entries=tuple(entry for entry in turn.work.entries if entry not in answers),
        accepted={**turn.work.accepted, **accepted},
        faults={
            **turn.work.faults,
            **{entry: fault for entry, fault in faults.items() if entry not in in_doubt},
        },
    )
    if in_doubt:
        # without a response the claim has all that is known; tracking may have added to it already
        answered = len(in_doubt) < len(turn.entries)
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
