from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mailbus.ledger.records import JobRecord, RecordKey
from mailbus_cli.job_states import state_of

if TYPE_CHECKING:
    from mailbus_cli.status_words import AnyStatus

NOW = 1_800_000_000.0
LATER = int(NOW) + 86_400


def record(part: int | None = None, **fields: Any) -> JobRecord:
    return JobRecord(key=RecordKey(job_id="order-1", part=part), expires_at=LATER, **fields)


@pytest.mark.parametrize(
    ("known", "status"),
    [
        (record(), "waiting"),
        (record(state="scheduled", due=NOW + 3_600), "scheduled"),
        (record(state="scheduled", due=NOW - 1), "waiting"),
        (record(open=(0,), called_at=NOW - 1, lease_until=NOW + 60), "waiting"),
        (record(open=(0,), called_at=NOW - 100, lease_until=NOW - 40), "in_doubt"),
        (record(open=(0,), called_at=NOW - 1), "in_doubt"),
        (record(attempts={"paused": 3}), "held"),
        (record(attempts={"quota": 1}), "held"),
        (record(attempts={"throttled": 1}, tries={0: 2}), "waiting"),
        (record(accepted={0: "m"}, accepted_at=NOW, attempts={"paused": 3}), "queued"),
        (record(state="failed"), "not_sent"),
        (record(failed={0: "MessageRejected"}), "not_sent"),
        (record(unknown=(0,)), "not_sent"),
        (record(state="cancelled"), "cancelled"),
        (record(lease_until=NOW + 60, entries=0, parts=3), "waiting"),
    ],
)
def test_a_job_has_a_status_before_its_first_event(known: JobRecord, status: AnyStatus) -> None:
    state = state_of([known], now=NOW)
    assert state is not None
    assert state.status == status


def test_the_mails_of_a_merge_are_counted_problems_first() -> None:
    state = state_of(
        [
            record(0, entries=3, accepted={0: "a", 1: "b"}, accepted_at=NOW, open=(2,)),
            record(1, entries=2, failed={0: "InvalidJob"}, tags=("digest",)),
            record(entries=0, parts=4),
        ],
        now=NOW,
    )
    assert state is not None
    assert list(state.counts.items()) == [("not_sent", 1), ("in_doubt", 1), ("waiting", 1), ("queued", 2)]
    assert (state.parts, state.waiting_parts, state.errors) == (4, 2, ("InvalidJob",))
    assert (state.message_ids, state.tags, state.accepted_at) == (("a", "b"), ("digest",), NOW)


def test_when_a_scheduled_job_is_due_is_known() -> None:
    state = state_of([record(state="scheduled", due=NOW + 3_600)], now=NOW)
    assert state is not None
    assert state.due == NOW + 3_600


def test_a_record_that_has_expired_is_not_known_any_more() -> None:
    assert state_of([record()], now=LATER + 1) is None
    assert state_of([], now=NOW) is None
