from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from bench.world.capacity import item_bytes
from bench.world.clock import Clock
from bench.world.costs import CALL_CPU, ITEM_CPU
from bench.world.dynamodb import DynamoDbClient, Table
from tests.unit.bench_world.worlds import chance, process, timed

NAME = "mailbus-sim-ledger"
KEY = {"pk": {"S": "rate"}, "sk": {"S": "rate"}}


def item(number: int, **fields: dict[str, Any]) -> dict[str, Any]:
    return {"pk": {"S": f"job#{number}"}, "sk": {"S": "job"}, **fields}


def add(**more: Any) -> dict[str, Any]:
    return {
        "TableName": NAME,
        "Key": KEY,
        "UpdateExpression": "ADD taken :one",
        "ExpressionAttributeValues": {":one": {"N": "1"}},
        **more,
    }


def only_if(condition: str, **more: Any) -> dict[str, Any]:
    return add(ConditionExpression=condition, **more)


def batch(*items: dict[str, Any]) -> dict[str, Any]:
    return {"RequestItems": {NAME: [{"PutRequest": {"Item": item}} for item in items]}}


def inserts(*items: dict[str, Any]) -> dict[str, Any]:
    def statement(item: dict[str, Any]) -> dict[str, Any]:
        names = ", ".join(f"'{name}': ?" for name in item)
        return {"Statement": f'INSERT INTO "{NAME}" VALUE {{{names}}}', "Parameters": list(item.values())}

    return {"Statements": [statement(item) for item in items]}


def codes(answer: dict[str, Any]) -> list[str | None]:
    return [response.get("Error", {}).get("Code") for response in answer["Responses"]]


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return error.value.response["Error"]["Code"]


def test_an_update_returns_the_item_if_it_is_asked_for() -> None:
    table = Table(Clock())
    assert table.update_item(add()) == {}
    assert table.update_item(add(ReturnValues="ALL_NEW")) == {"Attributes": {**KEY, "taken": {"N": "2"}}}
    assert table.get_item({"Key": KEY}) == {"Item": {**KEY, "taken": {"N": "2"}}}


@pytest.mark.parametrize(
    ("asked", "shown"), [({}, None), ({"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}, {"N": "1"})]
)
def test_a_refused_update_returns_the_old_item_if_it_is_asked_for(
    asked: dict[str, str], shown: dict[str, str] | None
) -> None:
    table = Table(Clock())
    table.update_item(add())
    with pytest.raises(ClientError) as error:
        table.update_item(only_if("taken < :one", **asked))
    assert code(error) == "ConditionalCheckFailedException"
    response: Any = error.value.response
    assert response.get("Item", {}).get("taken") == shown


def test_a_client_has_the_error_of_a_condition_by_its_name() -> None:
    clock = Clock()
    client = DynamoDbClient(process(clock), Table(clock), round_trip=0.01, chance=chance())

    def work() -> None:
        with pytest.raises(client.exceptions.ConditionalCheckFailedException):
            client.update_item(**only_if("attribute_exists(pk) AND taken > :one"))

    timed(clock, work)


def test_each_write_costs_units_by_size_even_if_it_is_refused() -> None:
    table = Table(Clock())
    table.put_item({"Item": item(1)})
    table.put_item({"Item": item(2, text={"S": "x" * 3000})})
    assert table.write_units == 1 + 3
    large = item(4, text={"S": "x" * 1500})
    assert codes(table.batch_execute_statement(inserts(item(3), large))) == [None, None]
    assert table.write_units == 4 + 1 + 2
    assert codes(table.batch_execute_statement(inserts(item(4), item(5)))) == ["DuplicateItem", None]
    assert table.write_units == 7 + 2
    assert table.get_item({"Key": item(4)}) == {"Item": large}
    assert table.get_item({"Key": item(5)}) == {"Item": item(5)}


def test_reads_cost_units_by_size_and_for_what_is_not_there() -> None:
    table = Table(Clock())
    table.put_item({"Item": item(1, text={"S": "x" * 5000})})
    keys = [item(1), item(2)]
    found = table.batch_get_item({"RequestItems": {NAME: {"Keys": keys}}})["Responses"][NAME]
    assert [each["pk"] for each in found] == [{"S": "job#1"}]
    assert table.read_units == 2 + 1


def test_an_item_takes_a_thousand_writes_a_second_and_others_are_not_affected() -> None:
    clock = Clock()
    table = Table(clock)
    for _ in range(1000):
        table.update_item(add())
    with pytest.raises(ClientError) as error:
        table.update_item(add())
    assert code(error) == "ProvisionedThroughputExceededException"
    table.put_item({"Item": item(1)})
    clock.run(clock.now + 0.1)
    for _ in range(100):
        table.update_item(add())
    with pytest.raises(ClientError):
        table.update_item(add())
    assert (table.rate_writes, table.rate_writes_throttled) == (1102, 2)


def test_a_new_table_takes_four_thousand_write_units_a_second() -> None:
    table = Table(Clock(), table_units=4000)
    for number in range(3998):
        table.put_item({"Item": item(number)})
    left = table.batch_write_item(batch(*(item(-number) for number in range(1, 5))))["UnprocessedItems"]
    assert [request["PutRequest"]["Item"]["pk"]["S"] for request in left[NAME]] == ["job#-3", "job#-4"]
    with pytest.raises(ClientError) as error:
        table.batch_write_item(batch(item(-5), item(-6)))
    assert code(error) == "ThrottlingException"
    assert codes(table.batch_execute_statement(inserts(item(-7)))) == ["ThrottlingError"]


def test_a_round_trip_takes_its_mean_more_or_less() -> None:
    clock = Clock()
    client = DynamoDbClient(process(clock), Table(clock), round_trip=0.01, chance=chance())
    took = [timed(clock, lambda: client.get_item(TableName=NAME, Key=KEY))[1] for _ in range(500)]
    cpu = CALL_CPU + ITEM_CPU
    assert min(took) - cpu >= 0.006
    assert max(took) - cpu <= 0.014
    assert sum(took) / 500 - cpu == pytest.approx(0.01, rel=0.02)


def test_a_throttled_call_is_repeated_once_within_a_second() -> None:
    clock = Clock()
    table = Table(clock)
    client = DynamoDbClient(process(clock), table, round_trip=0.01, chance=chance())
    large = {**KEY, "text": {"S": "x" * 99_000}, "taken": {"N": "0"}}
    for _ in range(10):
        table.put_item({"Item": large})
    # there are 30 units left of the 97 that it takes
    _, took = timed(clock, lambda: client.update_item(**add()))
    assert 0.01 < took < 1.1
    assert (table.calls["UpdateItem"], table.rate_writes_throttled) == (2, 1)


@pytest.mark.parametrize(
    ("attribute", "size"),
    [
        ({"S": "é"}, 2),
        ({"N": "1795348800.25"}, 8),
        ({"N": "100"}, 2),
        ({"BOOL": True}, 1),
        ({"L": [{"S": "ab"}]}, 6),
        ({"M": {"0": {"S": "ab"}}}, 7),
    ],
)
def test_the_size_of_an_item(attribute: dict[str, Any], size: int) -> None:
    assert item_bytes({"name": attribute}) == 4 + size


def test_an_index_uses_a_unit_for_an_entry_that_comes_and_two_for_one_that_moves() -> None:
    table = Table(Clock(), indexes=("job_id", "address"))
    job, created = {"S": "order-1"}, {"S": "2026-11-22T10:00:00Z"}

    def put(**fields: dict[str, Any]) -> float:
        before = table.write_units
        table.batch_write_item(batch(item(1, **fields)))
        return table.write_units - before

    assert put() == 1
    assert put(job_id=job) == 1, "not in the index without its sort key"
    assert put(job_id=job, created=created) == 2
    assert put(job_id=job, created=created, more={"S": "x"}) == 1
    assert put(job_id={"S": "order-2"}, created=created) == 3
    assert put() == 2


def test_what_is_stored_has_each_item_and_each_of_its_entries_with_what_dynamodb_adds() -> None:
    table = Table(Clock(), indexes=("job_id", "address"))
    fields = {"job_id": {"S": "order-1"}, "created": {"S": "2026-11-22T10:00:00Z"}}
    table.batch_write_item(batch(item(1, **fields, text={"S": "x" * 50})))
    entry = item_bytes(item(1, **fields))
    assert table.stored_bytes == entry + len("text") + 50 + 100 + entry + 100


def test_a_client_knows_the_units_of_its_own_calls() -> None:
    clock = Clock()
    table = Table(clock)
    one, other = (DynamoDbClient(process(clock), table, round_trip=0.01, chance=chance()) for _ in range(2))
    timed(clock, lambda: one.update_item(**add()))
    timed(clock, lambda: other.get_item(Key=KEY))
    assert (one.write_units, one.read_units) == (1, 0)
    assert (other.write_units, other.read_units) == (0, 1)
