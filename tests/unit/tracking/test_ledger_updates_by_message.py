"""Feedback notifications have no tags: their job is found by SES's message id."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from mailbus.ledger.claims import Claim
from mailbus.ledger.records import JobRecord, RecordKey, SentEntry
from tests.unit.fakes.dynamodb import refused
from tests.unit.tracking.notifications import envelope, payload
from tests.unit.tracking.world import MAX_RECEIVES, QUEUE, World

if TYPE_CHECKING:
    from mailbus.events import MetadataValue

SES_ID: str = payload("notification_bounce")["mail"]["messageId"]
ACCEPTED_AT = datetime.fromisoformat(payload("notification_bounce")["mail"]["timestamp"]).timestamp()
EXPIRES_AT = int(ACCEPTED_AT) + 604_800
METADATA: dict[str, MetadataValue] = {"order": 4711}
TAGS = ("shipping",)


def saved(world: World, part: int | None = None, entries: int = 1, entry: int = 0) -> None:
    """Save a job's record as the sender does."""
    record = JobRecord(
        key=RecordKey(job_id="order-4711", part=part),
        fingerprint="9f86d081884c7d659a2feaa0c55ad015",
        called_at=ACCEPTED_AT - 1,
        entries=entries,
        accepted={entry: SES_ID},
        metadata=(*({},) * entry, METADATA),
        tags=TAGS,
        expires_at=EXPIRES_AT,
    )
    ledger = world.indexing_claims
    assert ledger.save([record]) == ()
    world.dynamodb.calls.clear()


def bounce(**mail: Any) -> str:
    changed = payload("notification_bounce")
    changed["mail"] |= mail
    return envelope(json.dumps(changed))


def test_a_notification_without_headers_gets_job_metadata_and_tags_from_the_ledger() -> None:
    world = World(index_messages=True)
    saved(world)
    assert world.run(bounce(headers=None)) == []
    assert {event["job_id"] for event in world.details} == {"order-4711"}
    assert [event["metadata"] for event in world.details] == [METADATA] * len(world.details)
    assert [event["tags"] for event in world.details] == [list(TAGS)] * len(world.details)
    assert world.dynamodb.calls == [("BatchGetItem", 1), ("BatchGetItem", 1)]


def test_a_notification_with_headers_needs_one_read() -> None:
    world = World(index_messages=True)
    saved(world)
    header = {"name": "X-Metadata", "value": '{"order": 1}'}
    assert world.run(bounce(headers=[header])) == []
    assert [event["job_id"] for event in world.details] == ["order-4711"] * len(world.details)
    assert [event["metadata"] for event in world.details] == [{"order": 1}] * len(world.details)
    assert world.dynamodb.calls == [("BatchGetItem", 1)]


def test_a_message_of_a_merge_has_its_recipients_metadata() -> None:
    world = World(index_messages=True)
    saved(world, part=3, entries=50, entry=49)
    assert world.run(bounce(headers=None)) == []
    assert [event["metadata"] for event in world.details] == [METADATA] * len(world.details)


def test_a_notification_is_delayed_as_long_as_the_sender_may_still_index_its_message() -> None:
    world = World(index_messages=True)
    world.now = ACCEPTED_AT + 12.5
    assert world.run(bounce()) == ["record-0"]
    [(queue, handle, seconds)] = world.sqs.delayed
    assert (queue, seconds) == (QUEUE, 48)
    assert handle.endswith("0")
    assert world.details == []
    saved(world)
    world.now += 48
    assert world.run(bounce()) == []
    assert {event["job_id"] for event in world.details} == {"order-4711"}


@pytest.mark.parametrize("moment", ["2027-01-03T00:00:00.000Z", None])
def test_a_notification_of_any_time_is_delayed_no_longer_than_the_sender_may_run(moment: str | None) -> None:
    world = World(index_messages=True)
    assert world.run(bounce(timestamp=moment)) == ["record-0"]
    assert world.sqs.delayed[0][2] == 60
    assert world.run(bounce(timestamp=moment), receive_count=MAX_RECEIVES) == []
    assert (world.dead_lettered, {event["job_id"] for event in world.details}) == ([], {None})


def test_the_job_of_a_published_event_without_tags_is_found_too() -> None:
    world = World(index_messages=True)
    saved(world)
    opened = payload("event_open")
    opened["mail"] |= {"messageId": SES_ID, "tags": None, "headers": None}
    assert world.run(envelope(json.dumps(opened))) == []
    assert [(event["job_id"], event["metadata"]) for event in world.details] == [
        ("order-4711", METADATA)
    ] * len(world.details)


def test_a_read_that_the_ledger_refuses_delays_no_other_record() -> None:
    world = World(index_messages=True)
    saved(world)
    world.dynamodb.errors = [refused("ValidationException", "BatchGetItem")] * 2
    assert world.run(bounce(messageId="refused"), bounce()) == ["record-0"]
    assert {event["job_id"] for event in world.details} == {"order-4711"}


def test_both_messages_of_one_entry_are_found() -> None:
    world = World(index_messages=True)
    saved(world)
    first = payload("event_send")
    first["mail"] |= {"messageId": "the-first", "tags": {"mailbus-job-id": ["order-4711"]}}
    item = world.dynamodb.items["job#order-4711", "job"]
    item |= {"called_at": {"N": repr(ACCEPTED_AT)}, "attempts": {"M": {"unknown": {"N": "1"}}}}
    assert world.run(envelope(json.dumps(first))) == []
    found = world.tracker.ledger.find_messages(["the-first"])
    assert found == {"the-first": SentEntry(key=RecordKey(job_id="order-4711"), entry=0)}


def test_a_message_of_another_sender_has_no_job() -> None:
    world = World(index_messages=True)
    world.now = ACCEPTED_AT + 61
    assert world.run(bounce()) == []
    assert [event["job_id"] for event in world.details] == [None] * len(world.details)
    assert (world.sqs.delayed, world.dead_lettered) == ([], [])


def test_the_ledger_is_not_read_if_messages_are_not_indexed() -> None:
    world = World()
    world.now = ACCEPTED_AT
    assert world.run(bounce()) == []
    assert world.dynamodb.calls == []


def test_only_the_notification_is_requeued_while_the_ledger_is_unreachable() -> None:
    world = World(index_messages=True)
    saved(world)
    world.dynamodb.errors = [refused("InternalServerError", "BatchGetItem")]
    assert world.run(bounce(), envelope(json.dumps(payload("event_delivery")))) == ["record-0"]
    assert [event["event_type"] for event in world.details] == ["delivered"]


def test_a_damaged_index_item_requeues_only_its_notification_until_it_is_dead_lettered() -> None:
    world = World(index_messages=True)
    saved(world)
    damaged = {"pk": {"S": "message#damaged"}, "sk": {"S": "message"}, "job_id": {"N": "7"}}
    world.dynamodb.items["message#damaged", "message"] = damaged
    bodies = (bounce(messageId="damaged"), bounce())
    assert world.run(*bodies) == ["record-0"]
    assert {event["message_id"] for event in world.details} == {SES_ID}
    assert world.run(*bodies, receive_count=MAX_RECEIVES) == []
    assert world.dead_lettered == [("record-0", "PublishError")]
    assert "damaged item of the ledger" in world.sqs.sent[0]["attributes"]["Reason"]


def test_a_damaged_job_record_requeues_only_its_own_notifications() -> None:
    world = World()
    world.dynamodb.items["job#order-4711", "job"] = {"pk": {"S": "job#order-4711"}, "sk": {"S": "job"}}
    damaged = payload("event_send")
    damaged["mail"]["tags"]["mailbus-job-id"] = ["order-4711"]
    other = payload("event_send")
    other["mail"]["tags"]["mailbus-job-id"] = ["order-4712"]
    bodies = [envelope(json.dumps(one)) for one in (damaged, other)]
    assert world.run(*bodies) == ["record-0"]
    assert {event["job_id"] for event in world.details} == {"order-4711", "order-4712"}


def test_a_message_whose_id_the_sender_never_learned_is_found_too() -> None:
    world = World(index_messages=True)
    sent = payload("event_send")
    sent["mail"] |= {"messageId": SES_ID, "tags": {"mailbus-job-id": ["order-4711"]}}
    open_record = JobRecord(
        key=RecordKey(job_id="order-4711"),
        fingerprint="9f86",
        open=(0,),
        called_at=1.0,
        expires_at=EXPIRES_AT,
        tags=TAGS,
    )
    ledger = world.tracker.ledger
    assert ledger.find_messages([SES_ID]) == {}
    world.claims.claim([Claim(record=open_record)], now=ACCEPTED_AT)
    assert world.run(envelope(json.dumps(sent))) == []
    assert ledger.find_messages([SES_ID]) == {SES_ID: SentEntry(key=RecordKey(job_id="order-4711"), entry=0)}
    # the sender and tracking may both index it
    ledger.index_message(SES_ID, SentEntry(key=open_record.key, entry=0), EXPIRES_AT)
    assert world.run(bounce(headers=None)) == []
    assert world.details[-1]["job_id"] == "order-4711"
