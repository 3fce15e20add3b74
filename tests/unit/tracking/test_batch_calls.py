"""The calls of a batch: as few as its events need, and reads only if something is missing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from mailbus.ledger.records import JobRecord, RecordKey
from tests.unit.tracking.notifications import envelope, payload
from tests.unit.tracking.world import NOW, World

if TYPE_CHECKING:
    from collections.abc import Callable

BATCH = 100


class Calls(NamedTuple):
    """Calls of a batch, by service."""

    events: int
    dynamodb: list[tuple[str, int]]
    sqs: int
    s3: int


def delivery(number: int, **mail: Any) -> str:
    """A delivery to one recipient, of its own job."""
    changed = payload("event_delivery")
    changed["delivery"]["recipients"] = [f"reader-{number}@example.org"]
    changed["mail"] |= {"messageId": f"0102019a9c1f0a26-{number:06}"} | mail
    changed["mail"]["tags"] |= {"mailbus-job-id": [f"order-{number}"]}
    return envelope(json.dumps(changed))


def bounce(number: int) -> str:
    """A feedback notification: without tags, with headers."""
    changed = payload("notification_bounce")
    changed["bounce"]["bouncedRecipients"] = [{"emailAddress": f"reader-{number}@example.org"}]
    changed["mail"] |= {"messageId": f"0102019a9c1f0a26-{number:06}"}
    return envelope(json.dumps(changed))


def sent(number: int) -> str:
    changed = payload("event_send")
    changed["mail"] |= {"destination": [f"reader-{number}@example.org"]}
    changed["mail"]["tags"] |= {"mailbus-job-id": [f"order-{number}"]}
    return envelope(json.dumps(changed))


def calls_of(world: World, make: Callable[[int], str]) -> Calls:
    assert world.run(*(make(number) for number in range(BATCH))) == []
    assert len({event["event_id"] for event in world.details}) == BATCH
    return Calls(
        events=len(world.events.calls),
        dynamodb=world.dynamodb.calls,
        sqs=len(world.sqs.sent) + len(world.sqs.delayed),
        s3=len(world.s3.writes),
    )


def test_a_hundred_notifications_cost_ten_calls_to_the_bus_and_no_other() -> None:
    assert calls_of(World(), delivery) == Calls(events=10, dynamodb=[], sqs=0, s3=0)


def test_feedback_notifications_cost_no_other_call_if_the_sender_writes_no_index() -> None:
    assert calls_of(World(), bounce) == Calls(events=10, dynamodb=[], sqs=0, s3=0)


@pytest.mark.parametrize("missing", [{"headers": None}, {"headersTruncated": True}])
def test_missing_headers_cost_one_read_for_all_jobs(missing: dict[str, Any]) -> None:
    made = calls_of(World(), lambda number: delivery(number, **missing))
    assert made == Calls(events=10, dynamodb=[("BatchGetItem", BATCH)], sqs=0, s3=0)


def test_jobs_of_notifications_cost_one_read_for_all_messages() -> None:
    world = World(index_messages=True)
    world.now = NOW + 3600
    assert calls_of(world, bounce) == Calls(events=10, dynamodb=[("BatchGetItem", BATCH)], sqs=0, s3=0)


def test_send_events_that_the_ledger_has_cost_one_read() -> None:
    world = World()
    ses_id: str = payload("event_send")["mail"]["messageId"]
    world.claims.save(
        [
            JobRecord(
                key=RecordKey(job_id=f"order-{number}"),
                fingerprint="9f86d081884c7d659a2feaa0c55ad015",
                accepted={0: ses_id},
                expires_at=int(NOW) + 604_800,
            )
            for number in range(BATCH)
        ]
    )
    world.dynamodb.calls.clear()
    made = calls_of(world, sent)
    assert made == Calls(events=10, dynamodb=[("BatchGetItem", BATCH)], sqs=0, s3=0)


def test_ten_events_with_the_longest_headers_fit_into_a_call() -> None:
    long = [{"name": "X-Long", "value": "x" * 9_000}]
    made = calls_of(World(), lambda number: delivery(number, headers=long))
    assert made == Calls(events=10, dynamodb=[], sqs=0, s3=0)
