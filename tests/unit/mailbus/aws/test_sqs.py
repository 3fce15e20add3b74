"""Records of an SQS event source, and the response for those that failed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mailbus.aws.sqs import Record, batch_response, records, waiting_value
from mailbus.errors import ConfigurationError

QUEUE = "arn:aws:sqs:eu-west-1:210987654321:mailbus-dev-tracking"


def message(number: int, receives: str = "1") -> dict[str, Any]:
    return {
        "messageId": f"059f36b4-87a3-44ab-83d2-66197583{number:04}",
        "receiptHandle": f"AQEBwJnKyrHigUMZj6rYigCg{number}",
        "body": f'{{"number": {number}}}',
        "attributes": {
            "ApproximateReceiveCount": receives,
            "SentTimestamp": "1763630045000",
            "SenderId": "AIDAIENQZJOLO23YVJ4VO",
            "ApproximateFirstReceiveTimestamp": "1763630045010",
        },
        "messageAttributes": {},
        "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
        "eventSource": "aws:sqs",
        "eventSourceARN": QUEUE,
        "awsRegion": "eu-west-1",
    }


def test_records_are_in_order_with_their_receive_counts() -> None:
    assert records({"Records": [message(1), message(2, receives="3")]}) == (
        Record(
            message_id="059f36b4-87a3-44ab-83d2-661975830001",
            receipt_handle="AQEBwJnKyrHigUMZj6rYigCg1",
            body='{"number": 1}',
            receive_count=1,
            sent_at=1763630045.0,
            queue_arn=QUEUE,
        ),
        Record(
            message_id="059f36b4-87a3-44ab-83d2-661975830002",
            receipt_handle="AQEBwJnKyrHigUMZj6rYigCg2",
            body='{"number": 2}',
            receive_count=3,
            sent_at=1763630045.0,
            queue_arn=QUEUE,
        ),
    )


def given(**attributes: dict[str, Any]) -> Record:
    (record,) = records({"Records": [message(1) | {"messageAttributes": attributes}]})
    return record


def text(value: str) -> dict[str, Any]:
    return {"stringValue": value, "stringListValues": [], "binaryListValues": [], "dataType": "String"}


def test_the_original_id_of_a_message_is_its_own() -> None:
    assert given().original_message_id == given().message_id == "059f36b4-87a3-44ab-83d2-661975830001"


def test_the_original_id_of_a_redriven_message_is_its_first() -> None:
    record = given(OriginalMessageId=text("7c1c8f0e-1f0f-4d07-9d1e-3a3f0b8f2a11"))
    assert record.original_message_id == "7c1c8f0e-1f0f-4d07-9d1e-3a3f0b8f2a11"
    assert record.message_id == "059f36b4-87a3-44ab-83d2-661975830001"


@pytest.mark.parametrize(
    "attribute",
    [
        text(""),
        text("a" * 129),
        text("order 17"),
        text("ann@example.org"),
        text("059f36b4\n"),
        {"stringValue": None, "dataType": "String"},
        {"binaryValue": "MDU5ZjM2YjQ=", "dataType": "Binary"},
        {},
    ],
)
def test_an_attribute_that_cannot_be_a_jobs_id_is_not_an_original_id(attribute: dict[str, Any]) -> None:
    record = given(OriginalMessageId=attribute)
    assert record.original_message_id == record.message_id


FIRST = "7c1c8f0e-1f0f-4d07-9d1e-3a3f0b8f2a11"
WAITING = {
    "message_id": FIRST,
    "sent_at": 1763600000500,
    "receive_count": 41,
    "errors": 1,
    "copied_at": 1763630044900,
}


def test_a_copy_has_the_identity_of_the_first_message_and_is_reported_by_its_own_id() -> None:
    (record,) = records(
        {
            "Records": [
                message(1, receives="2") | {"messageAttributes": {"Waiting": text(json.dumps(WAITING))}}
            ]
        }
    )
    assert (record.message_id, record.original_message_id, record.sent_at) == (FIRST, FIRST, 1763600000.5)
    assert (record.receive_count, record.own_receives, record.errors) == (43, 2, 1)
    assert batch_response([record]) == {
        "batchItemFailures": [{"itemIdentifier": "059f36b4-87a3-44ab-83d2-661975830001"}]
    }
    again = json.loads(waiting_value(record, 1763640000.25))
    assert again == WAITING | {"receive_count": 43, "copied_at": 1763640000250}


def test_a_copy_is_recognized_although_the_workers_clock_is_behind_that_of_sqs() -> None:
    waiting = WAITING | {"sent_at": 1763630044990, "copied_at": 1763630044900}
    assert given(Waiting=text(json.dumps(waiting))).message_id == FIRST


def test_a_fair_queues_group_is_read() -> None:
    event = message(1)
    event["attributes"]["MessageGroupId"] = "tenant-7"
    (record,) = records({"Records": [event]})
    assert record.group_id == "tenant-7"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "{}",
        "[]",
        "null",
        "waiting",
        json.dumps(WAITING | {"message_id": "ann@example.org"}),
        json.dumps(WAITING | {"message_id": ""}),
        json.dumps(WAITING | {"more": 1}),
        json.dumps(WAITING | {"sent_at": -1}),
        json.dumps(WAITING | {"sent_at": 10**30}),
        json.dumps(WAITING | {"sent_at": "1763600000500"}),
        # later than the copy, by more than clocks differ
        json.dumps(WAITING | {"sent_at": 1763630044900 + 301_000}),
        json.dumps(WAITING | {"receive_count": 0.5}),
        json.dumps(WAITING | {"receive_count": 10**12}),
        # redriven from a dead-letter queue: SQS's time is new
        json.dumps(WAITING | {"copied_at": 1763630045000 - 301_000}),
        json.dumps(WAITING | {"copied_at": 1763630045000 + 301_000}),
        '"\ud800"',
        "\ud800",
    ],
)
def test_a_message_begins_anew_unless_it_is_a_copy_made_just_before_sqs_took_it(value: str) -> None:
    record = given(Waiting=text(value), OriginalMessageId=text(FIRST))
    assert (record.message_id, record.sqs_id) == ("059f36b4-87a3-44ab-83d2-661975830001",) * 2
    assert (record.original_message_id, record.sent_at, record.receive_count) == (FIRST, 1763630045.0, 1)


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"Records": None},
        {"Records": [{"Sns": {"Message": "{}"}}]},
        {
            "Records": [
                message(1)
                | {"attributes": {"ApproximateReceiveCount": "often", "SentTimestamp": "1763630045000"}}
            ]
        },
    ],
)
def test_an_event_of_another_source_is_a_configuration_error(event: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="invoke this function by its queue"):
        records(event)


def test_only_the_failed_messages_go_back() -> None:
    _, second = records({"Records": [message(1), message(2)]})
    assert batch_response([second]) == {
        "batchItemFailures": [{"itemIdentifier": "059f36b4-87a3-44ab-83d2-661975830002"}]
    }


def test_a_batch_without_failures_returns_no_message() -> None:
    assert batch_response([]) == {"batchItemFailures": []}


@pytest.mark.parametrize(
    "part",
    [
        {"dataType": "String", "stringValue": "two"},
        {"dataType": "Number", "stringValue": "1.5"},
        {"dataType": "Number", "stringValue": "-1"},
        {"dataType": "Number", "stringValue": "1e3"},
        {"dataType": "String", "stringValue": "\u0663"},
        {"dataType": "Number", "stringValue": "9" * 5000},
        {"dataType": "Binary", "binaryValue": "AA=="},
    ],
)
def test_an_attribute_that_is_no_part_number_is_ignored(part: dict[str, str]) -> None:
    [record] = records({"Records": [message(0) | {"messageAttributes": {"Part": part}}]})
    assert record.part is None
