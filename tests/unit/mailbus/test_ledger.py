from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from mailbus.ledger import RATE_KEY, Ledger, Occupied, RateItem, Taken, Unreachable


class ConditionalCheckFailedError(ClientError):
    def __init__(self, item: dict[str, Any] | None) -> None:
        super().__init__({"Error": {"Code": "ConditionalCheckFailedException"}}, "UpdateItem")
        if item is not None:
            self.response["Item"] = item  # type: ignore[typeddict-unknown-key] # as DynamoDB answers


class Exceptions:
    ConditionalCheckFailedException = ConditionalCheckFailedError


class DynamoDb:
    """One item, and the conditions and updates that the ledger uses; `meanwhile` runs before a write."""

    exceptions = Exceptions

    def __init__(self, item: dict[str, Any] | None = None, outage: Exception | None = None) -> None:
        self.item = item
        self.outage = outage
        self.writes = 0
        self.meanwhile: list[dict[str, Any]] = []
        self.counts: dict[tuple[str, str], int] = {}

    def get_item(self, **request: Any) -> dict[str, Any]:
        self._answer(request)
        return {"Item": self.item} if self.item else {}

    def update_item(self, **request: Any) -> dict[str, Any]:
        self._answer(request)
        self.writes += 1
        if self.meanwhile:
            self.item = self.meanwhile.pop(0)
        if request["UpdateExpression"] == "ADD attempts :one SET expires_at = :expires":
            return self._count(request)
        assert request["Key"] == RATE_KEY
        values = {
            name: int(float(value["N"])) for name, value in request["ExpressionAttributeValues"].items()
        }
        taken = int(self.item["taken_until"]["N"]) if self.item and "taken_until" in self.item else None
        conditions = {
            None: True,
            "attribute_not_exists(taken_until) OR taken_until <= :now": taken is None
            or taken <= values.get(":now", 0),
            "taken_until > :now AND taken_until <= :latest": taken is not None
            and values.get(":now", 0) < taken <= values.get(":latest", 0),
        }
        if not conditions[request.get("ConditionExpression")]:
            raise ConditionalCheckFailedError(self.item)
        updates = {
            "SET taken_until = :end": lambda: {"taken_until": {"N": str(values[":end"])}},
            "SET taken_until = taken_until + :length": lambda: {
                "taken_until": {"N": str((taken or 0) + values[":length"])}
            },
            "SET max_send_rate = :rate, read_at = :read": lambda: {
                "max_send_rate": request["ExpressionAttributeValues"][":rate"],
                "read_at": request["ExpressionAttributeValues"][":read"],
            },
        }
        self.item = {**(self.item or {}), **updates[request["UpdateExpression"]]()}
        return {"Attributes": self.item}

    def _count(self, request: dict[str, Any]) -> dict[str, Any]:
        key = (request["Key"]["pk"]["S"], request["Key"]["sk"]["S"])
        self.counts[key] = self.counts.get(key, 0) + 1
        expires_at = request["ExpressionAttributeValues"][":expires"]
        return {"Attributes": {"attempts": {"N": str(self.counts[key])}, "expires_at": expires_at}}

    def _answer(self, request: dict[str, Any]) -> None:
        assert request["TableName"] == "ledger"
        if self.outage:
            raise self.outage


def taken(until: int) -> dict[str, Any]:
    return {"taken_until": {"N": str(until)}}


def ledger(client: DynamoDb) -> Ledger:
    return Ledger(client, "ledger")  # type: ignore[arg-type] # a fake


def test_an_empty_table_knows_no_rate() -> None:
    assert ledger(DynamoDb()).rate() == RateItem()


def test_a_rate_that_is_noted_is_there_for_everybody() -> None:
    client = DynamoDb(taken(500))
    assert ledger(client).note_rate(14.5, 1000) == RateItem(max_send_rate=14.5, read_at=1000, taken_until=500)
    assert ledger(client).rate() == RateItem(max_send_rate=14.5, read_at=1000, taken_until=500)


@pytest.mark.parametrize("item", [None, taken(100)])
def test_an_idle_rate_is_taken_from_now_by_one_write(item: dict[str, Any] | None) -> None:
    client = DynamoDb(item)
    answer = ledger(client).take(50, now=100, latest=200, known=RateItem())
    assert answer == Taken(start=100, item=RateItem(taken_until=150))
    assert client.writes == 1


def test_a_busy_rate_is_taken_behind_the_others_by_one_write_if_that_is_known() -> None:
    client = DynamoDb(taken(150))
    answer = ledger(client).take(50, now=100, latest=200, known=RateItem(taken_until=140))
    assert answer == Taken(start=150, item=RateItem(taken_until=200))
    assert client.writes == 1


def test_what_is_known_wrongly_costs_a_second_write_only() -> None:
    for client, known in (
        (DynamoDb(taken(150)), RateItem()),
        (DynamoDb(taken(50)), RateItem(taken_until=140)),
    ):
        answer = ledger(client).take(50, now=100, latest=200, known=known)
        assert isinstance(answer, Taken)
        assert client.writes == 2


def test_too_long_a_queue_is_not_joined() -> None:
    client = DynamoDb(taken(201))
    answer = ledger(client).take(50, now=100, latest=200, known=RateItem())
    assert answer == Occupied(item=RateItem(taken_until=201))
    assert client.item == taken(201)


def test_others_who_get_in_between_do_not_keep_a_worker_trying_for_ever() -> None:
    client = DynamoDb()
    client.meanwhile = [taken(150), taken(50)] * 5
    answer = ledger(client).take(50, now=100, latest=200, known=RateItem())
    assert isinstance(answer, Occupied)
    assert client.writes == 4


def test_attempts_are_counted_by_message_and_kind() -> None:
    counting = ledger(DynamoDb())
    for _ in range(2):
        counted = counting.count_attempt("sqs-1", "retry", expires_at=9)
    assert counted == 2
    assert counting.count_attempt("sqs-1", "throttled", expires_at=9) == 1
    assert counting.count_attempt("sqs-2", "retry", expires_at=9) == 1


@pytest.mark.parametrize(
    ("outage", "code"),
    [
        (ClientError({"Error": {"Code": "InternalServerError"}}, "UpdateItem"), "InternalServerError"),
        (EndpointConnectionError(endpoint_url="https://dynamodb.example"), "EndpointConnectionError"),
    ],
)
def test_a_table_that_does_not_answer_is_said_not_raised(outage: Exception, code: str) -> None:
    broken = ledger(DynamoDb(outage=outage))
    assert broken.rate() == Unreachable(code=code)
    assert broken.note_rate(1.0, 1) == Unreachable(code=code)
    assert broken.count_attempt("sqs-1", "retry", expires_at=9) == Unreachable(code=code)
    assert broken.take(1, now=1, latest=2, known=RateItem()) == Unreachable(code=code)
