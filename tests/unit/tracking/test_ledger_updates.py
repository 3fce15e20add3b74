from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from botocore.exceptions import EndpointConnectionError

from mailbus.ledger.claims import Claim, Claimed
from mailbus.ledger.records import JobRecord, RecordKey
from tests.unit.fakes.dynamodb import refused
from tests.unit.tracking.notifications import envelope, payload, text
from tests.unit.tracking.world import World

if TYPE_CHECKING:
    from mailbus.events import MetadataValue

NOW = 1_795_000_000.0
SENT_AT = datetime.fromisoformat(payload("event_send")["mail"]["timestamp"]).timestamp()
SES_ID: str = payload("event_send")["mail"]["messageId"]
JOB_ID: str = payload("event_send")["mail"]["tags"]["mailbus-job-id"][0]
UNREACHABLE = EndpointConnectionError(endpoint_url="https://dynamodb.eu-west-1.amazonaws.com")
TRUNCATED: dict[str, Any] = {"headersTruncated": True}
# what a job's record has; the golden notifications have other values in their headers
METADATA: dict[str, MetadataValue] = {"order": 4711, "note": "truncated by SES"}
TAGS = ("shipping", "first-order")
FROM_HEADERS = {"order": 4711, "tenant": "north", "express": True}


def of_job(name: str = "event_send", entry: str | None = None, job_id: str = JOB_ID, **mail: Any) -> str:
    """One of the golden notifications, as of a message of this job."""
    changed = payload(name)
    changed["mail"] |= mail
    changed["mail"]["tags"]["mailbus-job-id"] = [job_id]
    if entry is not None:
        changed["mail"]["tags"]["mailbus-entry"] = [entry]
    return envelope(json.dumps(changed))


def headers(*named: tuple[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in named]


def world_with_job(*parts: int | None, **more: Any) -> World:
    world = World(
        metadata_in_headers=more.pop("metadata_in_headers", True), publish_sent=more.pop("publish_sent", True)
    )
    for part in parts:
        record = JobRecord(
            key=RecordKey(job_id=JOB_ID, part=part),
            fingerprint="9f86d081884c7d659a2feaa0c55ad015",
            open=(0,),
            called_at=NOW,
            metadata=(METADATA,),
            tags=TAGS,
            expires_at=int(NOW) + 604_800,
        )
        claim = Claim(record=msgspec.structs.replace(record, **more))
        (answer,) = world.claims.claim([claim], now=NOW)
        assert isinstance(answer, Claimed)
    world.dynamodb.calls.clear()
    return world


def accepted(world: World, part: int | None = None) -> dict[int, str]:
    key = RecordKey(job_id=JOB_ID, part=part)
    found = world.tracker.ledger.find([key])
    return found[key].accepted


def operations(world: World) -> list[tuple[str, int]]:
    calls, world.dynamodb.calls = world.dynamodb.calls, []
    return calls


def test_a_send_event_that_is_not_published_settles_the_doubt_of_its_job_all_the_same() -> None:
    world = world_with_job(None, publish_sent=False)
    assert world.run(of_job(), envelope(json.dumps(payload("event_delivery")))) == []
    assert accepted(world) == {0: SES_ID}
    assert [event["event_type"] for event in world.details] == ["delivered"]


def test_the_send_event_of_a_job_is_recorded_in_the_ledger_as_accepted() -> None:
    world = world_with_job(None)
    assert world.run(of_job()) == []
    assert operations(world) == [("BatchGetItem", 1), ("UpdateItem", 1)]
    key = RecordKey(job_id=JOB_ID)
    found = world.tracker.ledger.find([key])
    assert (found[key].accepted, found[key].accepted_at) == ({0: SES_ID}, SENT_AT)
    # the event keeps the metadata of its own headers
    assert [event["metadata"] for event in world.details] == [FROM_HEADERS] * 2


def test_the_entry_tag_identifies_the_message_of_a_merge() -> None:
    world = world_with_job(None, 0, 12, entries=50, open=tuple(range(50)), metadata=())
    bodies = [of_job(entry=entry) for entry in ("7", "0-49", "12-3", "12-0")]
    assert world.run(*bodies) == []
    assert operations(world) == [("BatchGetItem", 3), *[("UpdateItem", 1)] * 4]
    assert (accepted(world), accepted(world, 0), accepted(world, 12)) == (
        {7: SES_ID},
        {49: SES_ID},
        {3: SES_ID, 0: SES_ID},
    )


def test_an_acceptance_that_the_ledger_has_is_not_written_again() -> None:
    world = world_with_job(None, accepted={0: SES_ID})
    assert world.run(of_job(), of_job()) == []
    assert operations(world) == [("BatchGetItem", 1)]


def test_an_event_twice_in_a_batch_is_recorded_once_and_published_twice() -> None:
    world = world_with_job(None)
    assert world.run(of_job(), of_job()) == []
    assert accepted(world) == {0: SES_ID}
    assert len({event["event_id"] for event in world.details}) == 2
    assert len(world.details) == 4


@pytest.mark.parametrize(
    ("job_id", "entry"),
    [
        ("unknown-job", None),
        (JOB_ID, "1"),
        (JOB_ID, "50"),
        (JOB_ID, "3-0"),
        (JOB_ID, "-1"),
        (JOB_ID, "0-"),
        (JOB_ID, "0-0-0"),
        (JOB_ID, "first"),
        (JOB_ID, ""),
        (JOB_ID, "\u0663"),
        (JOB_ID, "9" * 40),
        ("", None),
        ("with space", None),
        ("x" * 5000, None),
        ("order\u0000", None),
    ],
)
def test_tags_of_another_sender_change_nothing_and_delay_no_event(job_id: str, entry: str | None) -> None:
    world = world_with_job(None)
    before = dict(world.dynamodb.items)
    assert world.run(of_job(entry=entry, job_id=job_id)) == []
    assert world.dynamodb.items == before
    assert {event["event_type"] for event in world.details} == {"sent"}


def test_a_send_event_without_a_message_id_is_not_recorded() -> None:
    world = world_with_job(None)
    assert world.run(of_job(messageId=None)) == []
    assert operations(world) == []


@pytest.mark.parametrize(
    "name",
    ["event_bounce", "event_click", "event_complaint", "event_delivery", "event_open", "event_reject"],
)
def test_other_events_with_complete_headers_need_no_ledger(name: str) -> None:
    world = world_with_job(None)
    assert world.run(of_job(name), envelope(text("notification_bounce"))) == []
    assert operations(world) == []


@pytest.mark.parametrize(
    "mail",
    [
        {"headers": None},
        {"headers": []},
        {"headers": headers(("Subject", "Your order")), **TRUNCATED},
        {"headers": headers(("X-Metadata", '{"order": 4711}'), ("X-Tag", "shipping")), **TRUNCATED},
        {"headers": headers(("X-Metadata", '{"order": 4711, "no')), "headersTruncated": False},
        {"headers": headers(("x-metadata", "=?utf-8?b?eyJvcmRlciI6?= =?utf-8?b?IDEwM"))},
    ],
    ids=[
        "null",
        "none",
        "truncated before metadata",
        "truncated after metadata",
        "truncated within",
        "truncated within a word",
    ],
)
@pytest.mark.parametrize("name", ["event_send", "event_delivery", "event_bounce"])
def test_every_event_has_metadata_and_tags_whatever_ses_does_to_headers(
    name: str, mail: dict[str, Any]
) -> None:
    world = world_with_job(None)
    assert world.run(of_job(name, **mail)) == []
    assert [(event["metadata"], tuple(event["tags"])) for event in world.details] == [(METADATA, TAGS)] * len(
        world.details
    )
    assert operations(world)[0] == ("BatchGetItem", 1)


def test_metadata_that_is_not_in_headers_is_read_from_the_ledger() -> None:
    without = headers(("Subject", "Your order"), ("X-Tag", "shipping"), ("X-Tag", "first-order"))
    world = world_with_job(None, metadata_in_headers=False)
    assert world.run(of_job("event_delivery", headers=without)) == []
    assert [event["metadata"] for event in world.details] == [METADATA]
    in_headers = world_with_job(None)
    assert in_headers.run(of_job("event_delivery", headers=without)) == []
    assert [event["metadata"] for event in in_headers.details] == [{}]
    assert operations(in_headers) == []


def test_each_recipient_of_a_merge_has_its_own_metadata() -> None:
    metadata = tuple({"customer": number} for number in range(3))
    world = world_with_job(2, entries=3, metadata=metadata, tags=("news",))
    bodies = [of_job("event_delivery", entry=f"2-{number}", headers=[]) for number in (2, 0)]
    assert world.run(*bodies) == []
    assert [(event["metadata"], event["tags"]) for event in world.details] == [
        ({"customer": 2}, ["news"]),
        ({"customer": 0}, ["news"]),
    ]


def test_an_event_keeps_its_headers_metadata_if_the_ledger_has_no_record() -> None:
    world = world_with_job()
    assert world.run(of_job("event_delivery", headersTruncated=True)) == []
    assert [event["metadata"] for event in world.details] == [FROM_HEADERS]


def test_an_event_keeps_its_headers_metadata_if_the_job_was_cancelled() -> None:
    world = world_with_job(None, state="cancelled", metadata=(), tags=())
    assert world.run(of_job("event_delivery", headersTruncated=True)) == []
    assert [event["metadata"] for event in world.details] == [FROM_HEADERS]


def test_a_batch_reads_the_ledger_once() -> None:
    world = world_with_job(None)
    bodies = [of_job("event_delivery", job_id=f"order-{number}", headers=None) for number in range(9)]
    assert world.run(*bodies, of_job(), envelope(text("event_bounce"))) == []
    assert operations(world) == [("BatchGetItem", 10), ("UpdateItem", 1)]


def test_only_records_that_need_the_ledger_are_requeued_while_it_is_unreachable() -> None:
    world = world_with_job(None)
    world.dynamodb.errors = [UNREACHABLE]
    bodies = [of_job(), of_job("event_delivery", headers=None), of_job("event_bounce")]
    assert world.run(*bodies) == ["record-0", "record-1"]
    # complete events are published nevertheless: repeated, they have the same ids
    assert [event["event_type"] for event in world.details] == ["sent", "sent", "bounced", "bounced"]
    first = [event["event_id"] for event in world.details]
    assert world.run(*bodies[:2]) == []
    assert accepted(world) == {0: SES_ID}
    repeated = world.details[len(first) :]
    assert [event["event_id"] for event in repeated][:2] == first[:2]
    assert repeated[2]["metadata"] == METADATA


def test_a_send_event_that_cannot_be_recorded_is_requeued_with_all_that_follow() -> None:
    world = world_with_job(None, entries=50, open=tuple(range(50)))
    world.dynamodb.errors = [None, None, refused("ThrottlingException")]
    bodies = [of_job(entry=str(number)) for number in range(4)]
    assert world.run(*bodies, of_job("event_delivery")) == ["record-1", "record-2", "record-3"]
    assert accepted(world) == {0: SES_ID}
    assert len(world.details) == 9


def test_the_log_says_why_the_ledger_did_not_answer_and_quotes_no_mail() -> None:
    world = world_with_job(None)
    world.dynamodb.errors = [UNREACHABLE]
    world.run(of_job())
    lines = [json.loads(line) for line in world.stream.getvalue().splitlines()]
    assert [(line["message"], line.get("error")) for line in lines if line["level"] == "WARNING"] == [
        ("requeued", "EndpointConnectionError")
    ]
    assert "example.org" not in world.stream.getvalue()


def test_a_bug_while_an_acceptance_is_recorded_fails_only_its_record(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = world_with_job(None)

    def broken(*_: Any) -> bool:
        raise ZeroDivisionError

    monkeypatch.setattr(world.tracker.ledger, "mark_accepted", broken)
    assert world.run(of_job(), of_job("event_delivery")) == ["record-0"]
    assert {event["event_type"] for event in world.details} == {"sent", "delivered"}


OTHER_TOPIC = "arn:aws:sns:us-east-1:111122223333:another-owners"


def test_an_event_from_another_topic_is_not_correlated_with_a_job() -> None:
    world = world_with_job(None)
    notification = json.loads(of_job(**TRUNCATED)) | {"TopicArn": OTHER_TOPIC}
    assert world.run(json.dumps(notification)) == []
    assert (operations(world), accepted(world)) == ([], {})
    assert [event["metadata"] for event in world.details] == [FROM_HEADERS] * 2


def test_an_event_from_another_topic_is_correlated_if_other_topics_are_trusted() -> None:
    world = world_with_job(None)
    settings = msgspec.structs.replace(world.tracker.settings, trusts_other_topics=True)
    world.tracker = msgspec.structs.replace(world.tracker, settings=settings)
    notification = json.loads(of_job()) | {"TopicArn": OTHER_TOPIC}
    assert world.run(json.dumps(notification)) == []
    assert accepted(world) == {0: SES_ID}


@pytest.mark.parametrize(
    "record",
    [
        {"called_at": 0.0, "open": (), "state": "scheduled"},
        {"called_at": SENT_AT + 61},
        {"called_at": SENT_AT - 10, "open": ()},
    ],
    ids=["SES was never called for it", "SES was called long after", "SES refused it"],
)
def test_a_send_event_that_cannot_be_of_the_job_is_not_recorded(record: dict[str, Any]) -> None:
    world = world_with_job(None, **record)
    assert world.run(of_job()) == []
    assert accepted(world) == {}


def test_a_late_event_of_a_first_attempt_is_recorded_for_the_job_that_is_retried() -> None:
    world = world_with_job(None, called_at=SENT_AT + 600, attempts={"unknown": 1})
    assert world.run(of_job()) == []
    assert accepted(world) == {0: SES_ID}


def test_a_late_event_has_no_metadata_of_a_later_job_with_the_same_id() -> None:
    world = world_with_job(None, called_at=SENT_AT + 691_200, accepted={0: "the-later-message"})
    assert world.run(of_job("event_complaint", headers=None)) == []
    assert [(event["job_id"], event["metadata"]) for event in world.details] == [(JOB_ID, {})]


def test_a_message_id_too_long_for_a_key_delays_no_event() -> None:
    world = world_with_job(None)
    assert world.run(of_job(messageId="x" * 3000), of_job()) == []
    assert accepted(world) == {0: SES_ID}


def test_a_write_that_the_ledger_refuses_does_not_fail_the_next_record() -> None:
    world = world_with_job(None, 0, entries=50, open=(0, 1), metadata=())
    world.dynamodb.errors = [None, refused("ValidationException")]
    assert world.run(of_job(entry="0"), of_job(entry="0-1")) == ["record-0"]
    assert (accepted(world), accepted(world, 0)) == ({}, {1: SES_ID})
