"""Batches of which a service does a part: what is passed on to it, and its answer with the rest in it.

A service answers such a batch with success, and names inside the answer what it left.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

_CODE: Final = "InternalFailure"
_MESSAGE: Final = "Simulated by the fault run."


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """`request` is passed on, unless it is None; `answer` adds to the service's answer what was left."""

    request: dict[str, Any] | None
    answer: Callable[[dict[str, Any]], dict[str, Any]]


def part_of(operation: str, request: dict[str, Any]) -> Part:
    """Return the part of a batch that is done: each second entry. Raises `KeyError` for another operation."""
    return _OPERATIONS[operation](request)


def _events(request: dict[str, Any]) -> Part:
    """https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html."""
    entries = request["Entries"]

    def answer(given: dict[str, Any]) -> dict[str, Any]:
        found = _merged(
            len(entries), given.get("Entries", ()), {"ErrorCode": _CODE, "ErrorMessage": _MESSAGE}
        )
        return {"FailedEntryCount": sum("ErrorCode" in each for each in found), "Entries": found}

    return Part(request=_with(request, "Entries", _done(entries)), answer=answer)


def _statements(request: dict[str, Any]) -> Part:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchExecuteStatement.html."""
    statements = request["Statements"]

    def answer(given: dict[str, Any]) -> dict[str, Any]:
        error = {"Error": {"Code": "ThrottlingError", "Message": _MESSAGE}}
        return {**given, "Responses": _merged(len(statements), given.get("Responses", ()), error)}

    return Part(request=_with(request, "Statements", _done(statements)), answer=answer)


def _messages(request: dict[str, Any]) -> Part:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html."""
    entries = request["Entries"]
    failed = [
        {"Id": entry["Id"], "SenderFault": False, "Code": _CODE, "Message": _MESSAGE}
        for entry in entries[::2]
    ]

    def answer(given: dict[str, Any]) -> dict[str, Any]:
        return {
            **given,
            "Successful": given.get("Successful", []),
            "Failed": [*given.get("Failed", ()), *failed],
        }

    return Part(request=_with(request, "Entries", _done(entries)), answer=answer)


def _items(request: dict[str, Any]) -> Part:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html."""
    ((table, items),) = request["RequestItems"].items()
    done = _done(items)

    def answer(given: dict[str, Any]) -> dict[str, Any]:
        left = given.get("UnprocessedItems", {}).get(table, [])
        return {**given, "UnprocessedItems": {table: [*left, *items[::2]]}}

    return Part(request={**request, "RequestItems": {table: done}} if done else None, answer=answer)


def _keys(request: dict[str, Any]) -> Part:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html."""
    ((table, wanted),) = request["RequestItems"].items()
    keys = wanted["Keys"]
    done = _done(keys)

    def answer(given: dict[str, Any]) -> dict[str, Any]:
        left = given.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])
        return {
            **given,
            "Responses": given.get("Responses", {table: []}),
            "UnprocessedKeys": {table: {**wanted, "Keys": [*left, *keys[::2]]}},
        }

    passed = {**request, "RequestItems": {table: {**wanted, "Keys": done}}}
    return Part(request=passed if done else None, answer=answer)


def _done(entries: Sequence[Any]) -> list[Any]:
    return list(entries[1::2])


def _with(request: dict[str, Any], name: str, done: list[Any]) -> dict[str, Any] | None:
    return {**request, name: done} if done else None


def _merged(count: int, given: Sequence[Any], failure: dict[str, Any]) -> list[Any]:
    """Return the results of all entries in order, where each second one has a result of the service."""
    results = iter(given)
    return [next(results) if place % 2 else failure for place in range(count)]


_OPERATIONS: Final[dict[str, Callable[[dict[str, Any]], Part]]] = {
    "PutEvents": _events,
    "BatchExecuteStatement": _statements,
    "SendMessageBatch": _messages,
    "DeleteMessageBatch": _messages,
    "ChangeMessageVisibilityBatch": _messages,
    "BatchWriteItem": _items,
    "BatchGetItem": _keys,
}
PARTIAL_OPERATIONS: Final = tuple(_OPERATIONS)
