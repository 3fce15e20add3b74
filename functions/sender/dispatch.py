"""A round of a batch: what has its turn is claimed, handed to SES, and what SES answers is noted."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import msgspec

from mailbus.errors import SendError
from mailbus.ledger.claims import Claimed, Found
from mailbus.ledger.records import JobRecord, RecordKey
from sender.claims import answered, claim_for, consult, key_of, postponed_by
from sender.preparing import expired
from sender.rate.gcra import QuotaExhausted, RetryAfter, SendAt
from sender.results import Attempted, Postponed, Result, Unexpected, Work
from sender.ses.errors import Fault, Kind, unanswered
from sender.ses.send_bulk_email import BulkRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sender.wiring import Sender

WORKERS: Final = 24
# What must be left of the function's time after SES's: a job that is not written down is in doubt.
CLOSING_SECONDS: Final = 2.0


class Played(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a round. `pending` goes on, after `wait` seconds."""

    results: list[Result]
    pending: list[Work]
    wait: float = 0.0


class Unit(msgspec.Struct, frozen=True, kw_only=True):
    """One call of SES: some entries of a job, at their turn."""

    work: Work
    entries: tuple[int, ...]
    due: float = 0.0

    @property
    def recipients(self) -> int:
        """As SES counts them."""
        return sum(len(self.work.envelopes[entry].recipients) for entry in self.entries)


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A unit that is this worker's alone; `record` is what the ledger holds of its job now."""

    unit: Unit
    record: JobRecord


Answers = dict[int, str | Fault]


def play(sender: Sender, works: Sequence[Work], deadline: float) -> Played:
    """Send what may go now: at most one call for each job."""
    units, twins = _units(works, sender.pacer.largest_call())
    lane = sender.lane_of(units[0].work.record)
    turns = sender.pacer.reserve([unit.recipients for unit in units], lane)
    paired = list(zip(units, turns, strict=True))
    going = [msgspec.structs.replace(unit, due=turn.due) for unit, turn in paired if isinstance(turn, SendAt)]
    later = [(unit.work, turn.seconds) for unit, turn in paired if isinstance(turn, RetryAfter)]
    called = [
        _note(sender, call, answers) if isinstance(call, Call) else call
        for call, answers in _hand_over(sender, _claim(sender, going, deadline), deadline)
    ]
    written = _written(sender, [item for item in called if isinstance(item, Work)])
    moved = [work for work in written if work.entries]
    return Played(
        results=[
            *(
                back_to_queue(unit.work, kind="quota")
                for unit, turn in paired
                if isinstance(turn, QuotaExhausted)
            ),
            *(item for item in called if not isinstance(item, Work)),
            *(_done(work) for work in written if not work.entries),
        ],
        pending=[*moved, *(work for work, _ in later), *twins],
        wait=0.0 if moved or not later else min(seconds for _, seconds in later),
    )


def back_to_queue(work: Work, seconds: float | None = None, kind: Kind = "throttled") -> Result:
    """Give a job back that has no turn; what has been sent of it already keeps that."""
    if work.seen is not None and (work.accepted or work.faults):
        return Attempted(work=work, known=work.seen, seconds=seconds, kind=kind)
    return Postponed(
        record=work.record,
        job_id=work.job.job_id,
        expires_at=work.job.expires_at,
        seconds=seconds,
        kind=kind,
    )


def _done(work: Work) -> Result:
    """Settle a job whose last entries SES turns out to have accepted before."""
    assert work.seen is not None  # noqa: S101 - it comes from the ledger
    return Attempted(work=work, known=work.seen)


def _units(works: Sequence[Work], largest: int) -> tuple[list[Unit], list[Work]]:
    """Take one call's worth of each job; twins of one job wait for what becomes of the first."""
    units: dict[RecordKey, Unit] = {}
    twins: list[Work] = []
    for work in works:
        key = key_of(work.record, work.job)
        if key in units:
            twins.append(work)
        else:
            each = max(len(work.envelopes[entry].recipients) for entry in work.entries)
            units[key] = Unit(work=work, entries=work.entries[: max(1, largest // each)])
    return list(units.values()), twins


def _claim(sender: Sender, units: Sequence[Unit], deadline: float) -> list[Call | Work | Result]:
    """Claim what is about to be handed to SES; whoever else holds it, or had it done, decides instead."""
    now = sender.now().timestamp()
    claims = [
        claim_for(sender, unit.work, unit.entries, called_at=max(unit.due, now), deadline=deadline)
        for unit in units
    ]
    outcomes = sender.ledger.claim(claims, now=now) if claims else []
    claimed: list[Call | Work | Result] = []
    _withdraw(
        sender,
        [
            claim.record
            for claim, outcome in zip(claims, outcomes, strict=True)
            if isinstance(outcome, SendError)
        ],
    )
    for unit, outcome in zip(units, outcomes, strict=True):
        match outcome:
            case Claimed(record=record):
                claimed.append(Call(unit=unit, record=record))
            case Found(record=known):
                claimed.append(_guarded(sender, unit.work, known))
            case SendError():
                claimed.append(postponed_by(unit.work.record, unit.work.job, outcome))
    return claimed


def _withdraw(sender: Sender, records: Sequence[JobRecord]) -> None:
    """Take claims back that may have been written although no answer came: nothing of them is in doubt."""
    with contextlib.suppress(Exception):
        for record in records:
            sender.ledger.revert_claim(record)


def _guarded(sender: Sender, work: Work, known: JobRecord) -> Work | Result:
    try:
        return consult(sender, work, known)
    except Exception as error:  # noqa: BLE001 - one job must not take the batch with it
        return Unexpected(record=work.record, error_type=type(error).__name__)


def _hand_over(
    sender: Sender, claimed: Sequence[Call | Work | Result], deadline: float
) -> list[tuple[Call | Work | Result, Answers]]:
    """Call SES, many at a time, each at its turn."""
    calls = sorted((item for item in claimed if isinstance(item, Call)), key=lambda call: call.unit.due)
    if not calls:
        return [(item, {}) for item in claimed]
    with ThreadPoolExecutor(max_workers=min(WORKERS, len(calls))) as pool:
        answers = dict(
            zip(
                (id(call) for call in calls),
                pool.map(lambda call: _ask(sender, call.unit, deadline), calls),
                strict=True,
            )
        )
    return [(item, answers.get(id(item), {})) for item in claimed]


def _ask(sender: Sender, unit: Unit, deadline: float) -> Answers:
    """Make one call at its turn; no answers where there is no time left for it."""
    sender.wait_until(unit.due)
    now = sender.now().timestamp()
    if now > deadline - sender.settings.ses_seconds - CLOSING_SECONDS:
        return {}
    job, call = unit.work.job, unit.work.call
    if job.expires_at is not None and job.expires_at <= now:
        return dict.fromkeys(unit.entries, Fault(kind="failed", error=expired()))
    try:
        if isinstance(call, BulkRequest):
            answer = sender.mail.send_bulk(call, unit.entries)
            if isinstance(answer, Fault):
                return dict.fromkeys(unit.entries, answer)
            return dict(zip(unit.entries, answer, strict=True))
        return dict.fromkeys(unit.entries, sender.mail.send(call))
    except Exception as error:  # noqa: BLE001 - one job must not take the batch with it
        # whether SES has it, nobody can tell from here
        return dict.fromkeys(unit.entries, unanswered(type(error).__name__, "unexpected"))


def _written(sender: Sender, works: Sequence[Work]) -> list[Work]:
    """Write down what SES answered for merges that go on; the lease is kept for the next call."""
    progressed = [work for work in works if work.accepted and work.seen is not None]
    if not progressed:
        return list(works)
    sender.ledger.save([work.seen for work in progressed if work.seen is not None])
    # tracking writes to the same records: the next claim has to name what is there then
    known: Mapping[RecordKey, JobRecord] = {}
    with contextlib.suppress(SendError):
        known = sender.ledger.find([key_of(work.record, work.job) for work in progressed])
    return [_caught_up(work, known.get(key_of(work.record, work.job))) for work in works]


def _caught_up(work: Work, found: JobRecord | None) -> Work:
    """Take from the ledger only what tracking may have added: the save itself may have failed."""
    if found is None or work.seen is None:
        return work
    accepted = {**found.accepted, **work.seen.accepted}
    return msgspec.structs.replace(
        work,
        seen=msgspec.structs.replace(work.seen, accepted=accepted, version=found.version),
        entries=tuple(entry for entry in work.entries if entry not in accepted),
    )


def _note(sender: Sender, call: Call, answers: Answers) -> Work | Attempted:
    """Add what SES answered to what is known of the job, and see whether it goes on."""
    unit = call.unit
    noted = answered(call.record, answers, sender.now().timestamp())
    accepted = {entry: answer for entry, answer in answers.items() if isinstance(answer, str)}
    faults = {entry: answer for entry, answer in answers.items() if isinstance(answer, Fault)}
    silent = {entry: fault for entry, fault in faults.items() if fault.kind == "unanswered"}
    work = msgspec.structs.replace(
        unit.work,
        seen=noted,
        doubted=(),
        entries=tuple(entry for entry in unit.work.entries if entry not in answers),
        accepted={**unit.work.accepted, **accepted},
        faults={
            **unit.work.faults,
            **{entry: fault for entry, fault in faults.items() if entry not in silent},
        },
    )
    if silent:
        # where nothing was answered, the claim says all there is; tracking may have added to it already
        partly = len(silent) < len(answers)
        known = noted if partly else call.record
        return Attempted(work=work, known=known, unanswered=next(iter(silent.values())), noted=partly)
    passing = any(fault.error.retryable for fault in faults.values())
    return work if answers and work.entries and not passing else Attempted(work=work, known=noted)
