"""Batches of which a service does a part, by a service that does all that it is given."""

from __future__ import annotations

from typing import Any

import pytest

from bench.chaos.parts import PARTIAL_OPERATIONS, part_of


def entries(count: int) -> list[dict[str, Any]]:
    return [{"Id": str(number)} for number in range(count)]


@pytest.mark.parametrize(("count", "failed"), [(1, 1), (2, 1), (5, 3)])
def test_events_that_fail_are_named_in_their_places(count: int, failed: int) -> None:
    part = part_of("PutEvents", {"Entries": entries(count)})
    done = part.request["Entries"] if part.request else []
    answer = part.answer({"FailedEntryCount": 0, "Entries": [{"EventId": each["Id"]} for each in done]})
    assert answer["FailedEntryCount"] == failed
    assert [each.get("EventId") for each in answer["Entries"]] == [
        str(place) if place % 2 else None for place in range(count)
    ]


def test_an_event_that_the_service_itself_refuses_is_counted_too() -> None:
    part = part_of("PutEvents", {"Entries": entries(2)})
    answer = part.answer({"FailedEntryCount": 1, "Entries": [{"ErrorCode": "MalformedDetail"}]})
    assert answer["FailedEntryCount"] == 2


def test_messages_that_fail_are_named_by_their_ids() -> None:
    part = part_of("SendMessageBatch", {"QueueUrl": "queue", "Entries": entries(3)})
    assert part.request == {"QueueUrl": "queue", "Entries": [{"Id": "1"}]}
    answer = part.answer({"Successful": [{"Id": "1", "MessageId": "m"}]})
    assert [each["Id"] for each in answer["Failed"]] == ["0", "2"]
    assert [each["Id"] for each in answer["Successful"]] == ["1"]


def test_items_that_are_left_come_back() -> None:
    part = part_of("BatchWriteItem", {"RequestItems": {"ledger": entries(4)}})
    assert part.request == {"RequestItems": {"ledger": [{"Id": "1"}, {"Id": "3"}]}}
    assert part.answer({"UnprocessedItems": {}})["UnprocessedItems"] == {"ledger": [{"Id": "0"}, {"Id": "2"}]}


def test_keys_that_are_left_come_back_with_how_they_are_read() -> None:
    wanted = {"Keys": entries(2), "ConsistentRead": True}
    part = part_of("BatchGetItem", {"RequestItems": {"ledger": wanted}})
    assert part.request == {"RequestItems": {"ledger": {**wanted, "Keys": [{"Id": "1"}]}}}
    answer = part.answer({"Responses": {"ledger": ["one"]}, "UnprocessedKeys": {}})
    assert answer["UnprocessedKeys"] == {"ledger": {**wanted, "Keys": [{"Id": "0"}]}}
    assert answer["Responses"] == {"ledger": ["one"]}


def test_statements_that_fail_have_an_error_in_their_places() -> None:
    part = part_of("BatchExecuteStatement", {"Statements": entries(3)})
    answer = part.answer({"Responses": [{"TableName": "ledger"}]})
    assert ["Error" in each for each in answer["Responses"]] == [True, False, True]


@pytest.mark.parametrize("operation", PARTIAL_OPERATIONS)
def test_of_a_batch_of_one_nothing_is_passed_on(operation: str) -> None:
    request: dict[str, Any] = {
        "Entries": entries(1),
        "Statements": entries(1),
        "RequestItems": {"ledger": {"Keys": entries(1)} if operation == "BatchGetItem" else entries(1)},
    }
    part = part_of(operation, request)
    assert part.request is None
    assert part.answer({})
