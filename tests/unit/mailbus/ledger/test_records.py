from __future__ import annotations

from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbus.ledger.records import (
    UNKNOWN_RESENDS,
    Cancelled,
    Conflict,
    Free,
    GiveUp,
    JobRecord,
    OnUnknown,
    RecordKey,
    Settled,
    State,
    Verdict,
    Waiting,
    judge,
)

NOW = 1_795_000_000.0
DOUBT = 900.0
SQS_ID = "2f0c5e1a-6d3b-4f0e-9b55-0d8a4c1f7e21"
CONTENT = "9f86d081884c7d659a2feaa0c55ad015"
OTHER_CONTENT = "60303ae22b998861bce3b28f33eec1be"
FIRST, SECOND, THIRD = "0100019a-first", "0100019a-second", "0100019a-third"
RESENT_OUT = {"unknown": UNKNOWN_RESENDS}


def record(**known: Any) -> JobRecord:
    base = JobRecord(
        key=RecordKey(job_id="order-1001"),
        fingerprint=CONTENT,
        sqs_message_id=SQS_ID,
        version=7,
        called_at=NOW - 60,
        expires_at=int(NOW) + 604_800,
    )
    return msgspec.structs.replace(base, **known)


def verdict(
    known: JobRecord, *, fingerprint: str = CONTENT, sqs: str = SQS_ID, on_unknown: OnUnknown = "resend"
) -> Verdict:
    return judge(
        known,
        fingerprint=fingerprint,
        sqs_message_id=sqs,
        now=NOW,
        doubt_seconds=DOUBT,
        on_unknown=on_unknown,
    )


ALL = (0, 1, 2)
# what can be known of a job of three entries beside its state
SITUATIONS: dict[str, dict[str, Any]] = {
    "nothing sent": {},
    "tried before": {"tries": {0: 2}},
    "some accepted": {"accepted": {1: SECOND}},
    "one failed for good": {"failed": {0: "MessageRejected"}, "accepted": {1: SECOND}},
    "all failed for good or accepted": {"failed": {0: "MessageRejected"}, "accepted": {1: SECOND, 2: THIRD}},
    "one failed for good, another's doubt over": {
        "failed": {0: "MessageRejected"},
        "open": (1,),
        "called_at": NOW - DOUBT,
    },
    "some accepted, some unknown": {"accepted": {1: SECOND}, "unknown": (2,)},
    "all accepted": {"accepted": {0: FIRST, 1: SECOND, 2: THIRD}},
    "all accepted, still leased": {
        "accepted": {0: FIRST, 1: SECOND, 2: THIRD},
        "open": ALL,
        "lease_until": NOW + 1,
    },
    "all accepted or unknown": {"accepted": {0: FIRST, 1: SECOND}, "unknown": (2,)},
    "leased": {"open": ALL, "lease_until": NOW + 30},
    "leased, nothing open": {"lease_until": NOW + 30},
    "lease just over": {"open": ALL, "lease_until": NOW},
    "in doubt": {"open": ALL},
    "in doubt, one accepted": {"open": ALL, "accepted": {0: FIRST}},
    "in doubt about one": {"open": (2,), "accepted": {0: FIRST}},
    "doubt just over": {"open": ALL, "called_at": NOW - DOUBT},
    "doubt long over": {"open": (1, 2), "accepted": {1: SECOND}, "called_at": NOW - 5 * DOUBT},
    "doubt over too often": {"open": ALL, "called_at": NOW - DOUBT, "attempts": RESENT_OUT},
    "doubt over too often for one": {"open": (1,), "called_at": NOW - DOUBT, "attempts": RESENT_OUT},
    "resent too often, then refused": {"attempts": RESENT_OUT},
    "open, but settled": {"open": (0,), "accepted": {0: FIRST}, "unknown": (1, 2)},
    "expired in doubt": {"open": ALL, "expires_at": int(NOW)},
    "expired while accepted": {"accepted": {0: FIRST, 1: SECOND, 2: THIRD}, "expires_at": 0},
}
FRESH = Free(entries=ALL, fresh=True)
ANEW = Free(entries=ALL)
DOUBTFUL = Waiting(until=NOW - 60 + DOUBT, why="doubtful")
LEASED = Waiting(until=NOW + 30, why="leased")
AGAIN = Settled(announce=True)
DUE = Waiting(until=NOW + 600, why="scheduled")
RESEND = Free(entries=ALL, doubted=ALL)
# by situation: on_unknown resend, and fail where that is another verdict
ACTIVE: dict[str, tuple[Verdict, Verdict]] = {
    "nothing sent": (ANEW, ANEW),
    "tried before": (ANEW, ANEW),
    "some accepted": (Free(entries=(0, 2)), Free(entries=(0, 2))),
    "one failed for good": (Free(entries=(2,)), Free(entries=(2,))),
    "all failed for good or accepted": (Free(entries=(0,)), Free(entries=(0,))),
    "one failed for good, another's doubt over": (Free(entries=(1, 2), doubted=(1,)), GiveUp(entries=(1,))),
    "some accepted, some unknown": (Free(entries=(0,)), Free(entries=(0,))),
    "all accepted": (AGAIN, AGAIN),
    "all accepted, still leased": (AGAIN, AGAIN),
    "all accepted or unknown": (AGAIN, AGAIN),
    "leased": (LEASED, LEASED),
    "leased, nothing open": (LEASED, LEASED),
    "lease just over": (DOUBTFUL, DOUBTFUL),
    "in doubt": (DOUBTFUL, DOUBTFUL),
    "in doubt, one accepted": (DOUBTFUL, DOUBTFUL),
    "in doubt about one": (DOUBTFUL, DOUBTFUL),
    "doubt just over": (RESEND, GiveUp(entries=ALL)),
    "doubt long over": (Free(entries=(0, 2), doubted=(2,)), GiveUp(entries=(2,))),
    "doubt over too often": (GiveUp(entries=ALL), GiveUp(entries=ALL)),
    "doubt over too often for one": (GiveUp(entries=(1,)), GiveUp(entries=(1,))),
    "resent too often, then refused": (ANEW, ANEW),
    "open, but settled": (AGAIN, AGAIN),
    "expired in doubt": (FRESH, FRESH),
    "expired while accepted": (FRESH, FRESH),
}
# a failed job that is delivered again with the same content is tried again, as an active one is
FAILED = ACTIVE
# a scheduled one waits where an active one is free
SCHEDULED: dict[str, tuple[Verdict, Verdict]] = {
    name: (
        DUE if isinstance(resend, Free) and not resend.fresh else resend,
        DUE if isinstance(fail, Free) and not fail.fresh else fail,
    )
    for name, (resend, fail) in ACTIVE.items()
}
CANCELLED: dict[str, tuple[Verdict, Verdict]] = {
    name: (resend, fail) if resend == FRESH else (Cancelled(), Cancelled())
    for name, (resend, fail) in ACTIVE.items()
}
STATES: dict[State, dict[str, tuple[Verdict, Verdict]]] = {
    "active": ACTIVE,
    "failed": FAILED,
    "scheduled": SCHEDULED,
    "cancelled": CANCELLED,
}
ROWS = [(state, name, *wanted) for state, table in STATES.items() for name, wanted in table.items()]


def test_every_state_has_a_verdict_for_every_situation() -> None:
    assert {(state, name) for state, name, _, _ in ROWS} == {
        (state, name) for state in get_args(State) for name in SITUATIONS
    }


@pytest.mark.parametrize(("state", "situation", "resend", "fail"), ROWS)
def test_state_and_situation_decide_what_may_be_done(
    state: State, situation: str, resend: Verdict, fail: Verdict
) -> None:
    known = record(state=state, entries=3, **SITUATIONS[situation])
    if state == "scheduled":
        known = msgspec.structs.replace(known, due=NOW + 600)
    assert verdict(known) == resend
    assert verdict(known, on_unknown="fail") == fail


@pytest.mark.parametrize(("state", "situation", "resend", "fail"), ROWS)
def test_other_content_under_the_same_id_is_refused_unless_nothing_was_sent(
    state: State, situation: str, resend: Verdict, fail: Verdict
) -> None:
    known = record(state=state, entries=3, **SITUATIONS[situation])
    answer = verdict(known, fingerprint=OTHER_CONTENT)
    if resend == FRESH:
        assert answer == FRESH == fail
    elif state == "cancelled":
        assert answer == Cancelled()
    elif state == "failed" and not (known.accepted or known.unknown or known.open):
        assert answer == FRESH
    else:
        assert answer == Conflict()


@pytest.mark.parametrize(
    ("due", "wanted"),
    [
        (NOW + 600, Waiting(until=NOW + 600, why="scheduled")),
        (NOW + 1.1, Waiting(until=NOW + 1.1, why="scheduled")),
        (NOW + 1, Free(entries=(0,))),
        (NOW, Free(entries=(0,))),
        (NOW - 86_400, Free(entries=(0,))),
        (None, Free(entries=(0,))),
    ],
)
def test_a_scheduled_job_is_free_when_it_is_due(due: float | None, wanted: Verdict) -> None:
    assert verdict(record(state="scheduled", due=due)) == wanted


def test_only_the_same_queue_message_repeats_the_events_of_a_settled_job() -> None:
    settled = record(accepted={0: FIRST})
    assert verdict(settled) == Settled(announce=True)
    assert verdict(settled, sqs="another enqueueing of the same job") == Settled(announce=False)


def test_an_unknown_outcome_is_resent_a_limited_number_of_times() -> None:
    doubtful = record(open=(0,), called_at=NOW - DOUBT)
    answers = [
        verdict(msgspec.structs.replace(doubtful, attempts={"unknown": times}))
        for times in range(UNKNOWN_RESENDS + 1)
    ]
    assert answers == [Free(entries=(0,), doubted=(0,))] * UNKNOWN_RESENDS + [GiveUp(entries=(0,))]


some = st.sets(st.integers(0, 2)).map(lambda entries: tuple(sorted(entries)))


@given(
    st.builds(
        record,
        state=st.sampled_from(["active", "scheduled", "failed"]),
        entries=st.just(3),
        accepted=some.map(lambda entries: dict.fromkeys(entries, FIRST)),
        unknown=some,
        open=some,
        lease_until=st.sampled_from([0.0, NOW, NOW + 9]),
        called_at=st.sampled_from([NOW - 10 * DOUBT, NOW - 1]),
    ),
    st.sampled_from(["resend", "fail"]),
)
def test_no_verdict_ever_sends_what_is_accepted_leased_unknown_or_in_doubt(
    known: JobRecord, on_unknown: OnUnknown
) -> None:
    left = {0, 1, 2} - known.accepted.keys() - set(known.unknown)
    answer = verdict(known, on_unknown=on_unknown)
    if isinstance(answer, Free):
        assert known.lease_until <= NOW
        assert set(answer.entries) == left != set()
        assert set(answer.doubted) == left & set(known.open)
        assert not answer.doubted or (on_unknown == "resend" and known.called_at + DOUBT <= NOW)
    if isinstance(answer, GiveUp):
        assert set(answer.entries) == left & set(known.open) != set()
