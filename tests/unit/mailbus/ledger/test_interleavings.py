"""Two workers, tracking, cancellations and the clock, in every order that hypothesis finds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailbus.errors import SendError
from mailbus.ledger.acceptances import Acceptances
from mailbus.ledger.cancellation import cancel
from mailbus.ledger.claims import Claim, Claimed, Claims, Found
from mailbus.ledger.records import UNKNOWN, UNKNOWN_RESENDS, Free, GiveUp, JobRecord, RecordKey, judge
from mailbus.ledger.table import LedgerTable
from tests.unit.fakes.dynamodb import TABLE, FakeDynamoDb
from tests.unit.fakes.side_by_side import in_turn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailbus.ledger.records import OnUnknown

START = 1_795_000_000.0
LEASE = 60.0
DOUBT = 900.0
TICK = 2**-10
ENTRIES = 3
KEY = RecordKey(job_id="newsletter-47")
# the outcome of one entry of a call: it is answered, SES refuses it, or the answer is lost
ACCEPTED, REFUSED, LOST_AFTER, LOST_BEFORE = range(4)
ANSWERS = st.tuples(*[st.sampled_from([ACCEPTED, REFUSED, LOST_AFTER, LOST_BEFORE])] * ENTRIES)
WORKERS = st.integers(0, 1)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("work"), WORKERS, ANSWERS),
        st.tuples(st.just("work"), WORKERS, ANSWERS),
        st.tuples(st.just("work"), WORKERS, ANSWERS),
        st.tuples(st.just("die"), WORKERS),
        st.tuples(st.just("event"), st.integers(0, 9)),
        st.tuples(st.just("wait"), st.sampled_from([1.0, LEASE - 1, LEASE, DOUBT])),
        st.tuples(st.just("cancel")),
    ),
    # hypothesis prefers short lists
    min_size=30,
    max_size=80,
)


class Story:
    """One job, what SES did with it, and what was reported of it."""

    def __init__(self, *, due: float | None, on_unknown: OnUnknown, events_in_time: bool) -> None:
        self.table = LedgerTable(FakeDynamoDb(), TABLE, sleep=lambda _: None)  # type: ignore[arg-type] # a fake
        self.claims, self.acceptances = Claims(self.table, side_by_side=in_turn), Acceptances(self.table)
        self.now = START
        self.due = due
        self.on_unknown: OnUnknown = on_unknown
        self.events_in_time = events_in_time
        self.workers: dict[int, Iterator[None]] = {}
        # by worker: the entries that are its own, and until when
        self.held: dict[int, tuple[set[int], float]] = {}
        self.answers: tuple[int, ...] = ()
        self.sent: list[tuple[int, str]] = []
        self.events: list[tuple[int, str, float]] = []
        self.known: set[int] = set()
        self.cancelled = False

    def take(self, step: tuple[Any, ...]) -> None:
        kind, *details = step
        getattr(self, f"_{kind}")(*details)
        self._check()

    def _work(self, worker: int, answers: tuple[int, ...]) -> None:
        self.answers = answers
        if self.held.get(worker, (set(), self.now + 1))[1] <= self.now:
            # the function ends when its lease does
            self._die(worker)
        running = self.workers.setdefault(worker, self._handle(worker))
        if next(running, "done") == "done":
            self._die(worker)

    def _die(self, worker: int) -> None:
        self.workers.pop(worker, None)
        self.held.pop(worker, None)

    def _event(self, which: int) -> None:
        if self.events:
            entry, message_id, _ = self.events.pop(which % len(self.events))
            self.acceptances.mark_accepted(KEY, entry, message_id, self.now)
            self.known.add(entry)

    def _wait(self, seconds: float) -> None:
        self.now += seconds
        while self.events_in_time and self.events and self.events[0][2] + DOUBT <= self.now:
            self._event(0)

    def _cancel(self) -> None:
        try:
            answer = cancel(self.table, KEY.job_id, now=self.now, expires_at=int(START) + 10**6)
        except SendError:
            # a worker is just scheduling the job
            return
        if answer == "cancelled":
            assert not self.sent
        if answer in {"cancelled", "already_cancelled"}:
            self.cancelled = True
        assert not self.cancelled or answer != "too_late"

    def _handle(self, worker: int) -> Iterator[None]:
        """Process one delivery of the job as a worker does; others may act at each yield."""
        claim = Claim(record=self._first())
        while True:
            (answer,) = self.claims.claim([claim], now=self.now)
            if isinstance(answer, Claimed):
                break
            assert isinstance(answer, Found)
            yield
            found = self._next(answer.record)
            if found is None:
                return
            claim = Claim(record=found, seen=answer.record)
            yield
        mine = set(answer.record.open)
        if not mine:
            return
        for other, (entries, until) in self.held.items():
            assert other == worker or until <= self.now or not entries & mine
        self.held[worker] = (mine, answer.record.lease_until)
        yield
        doubtful, accepted = self._call_ses(answer.record)
        yield
        result = msgspec.structs.replace(
            answer.record,
            open=doubtful,
            lease_until=0.0,
            accepted={**answer.record.accepted, **accepted},
            accepted_at=self.now,
        )
        if doubtful and not accepted:
            self.claims.release_lease(answer.record)
        else:
            assert self.claims.save([result]) == ()
            self.known |= accepted.keys()

    def _first(self) -> JobRecord:
        record = JobRecord(
            key=KEY, fingerprint="9f86d081", entries=ENTRIES, due=self.due, expires_at=int(START) + 10**6
        )
        if self.due is not None and self.due > self.now + 1:
            return msgspec.structs.replace(record, state="scheduled")
        return self._taken(record, tuple(range(ENTRIES)))

    def _next(self, record: JobRecord) -> JobRecord | None:
        verdict = judge(
            record,
            fingerprint="9f86d081",
            sqs_message_id="",
            now=self.now,
            doubt_seconds=DOUBT,
            on_unknown=self.on_unknown,
        )
        if isinstance(verdict, GiveUp):
            unknown = (*record.unknown, *verdict.entries)
            return msgspec.structs.replace(record, unknown=unknown, open=(), lease_until=0.0)
        if not isinstance(verdict, Free):
            return None
        attempts = dict(record.attempts)
        if verdict.doubted:
            attempts[UNKNOWN] = attempts.get(UNKNOWN, 0) + 1
        return self._taken(msgspec.structs.replace(record, attempts=attempts), verdict.entries)

    def _taken(self, record: JobRecord, entries: tuple[int, ...]) -> JobRecord:
        # no two claims have the same time
        self.now += TICK
        return msgspec.structs.replace(
            record, state="active", open=entries, called_at=self.now, lease_until=self.now + LEASE
        )

    def _call_ses(self, record: JobRecord) -> tuple[tuple[int, ...], dict[int, str]]:
        doubtful: list[int] = []
        accepted: dict[int, str] = {}
        for entry in record.open:
            answer = self.answers[entry]
            if answer in {ACCEPTED, LOST_AFTER}:
                self.sent.append((entry, f"message {len(self.sent)}"))
                self.events.append((*self.sent[-1], self.now))
            if answer == ACCEPTED:
                accepted[entry] = self.sent[-1][1]
            elif answer != REFUSED:
                doubtful.append(entry)
        return tuple(doubtful), accepted

    def _check(self) -> None:
        found = self.table.find([KEY])
        written = found[KEY].accepted if KEY in found else {}
        assert self.known <= written.keys()
        assert set(written.items()) <= set(self.sent)
        assert not (self.cancelled and self.sent)
        copies = 1 if self.events_in_time or self.on_unknown == "fail" else 1 + UNKNOWN_RESENDS
        for entry in range(ENTRIES):
            assert sum(sent == entry for sent, _ in self.sent) <= copies


@pytest.mark.parametrize("on_unknown", ["resend", "fail"])
@pytest.mark.parametrize("events_in_time", [True, False])
@settings(max_examples=100)
@given(steps=STEPS, due=st.sampled_from([None, START + LEASE, START + 2 * DOUBT]))
def test_in_any_order_nothing_is_held_twice_forgotten_or_sent_twice(
    *, on_unknown: OnUnknown, events_in_time: bool, steps: list[tuple[Any, ...]], due: float | None
) -> None:
    story = Story(due=due, on_unknown=on_unknown, events_in_time=events_in_time)
    for step in steps:
        story.take(step)
