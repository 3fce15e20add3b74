from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from mailbus.errors import SendError
from sender.rate.gcra import RateState
from sender.rate.table import RATE_KEY, RateTable


class ConditionalCheckFailedError(ClientError):
    def __init__(self, item: dict[str, Any] | None) -> None:
        super().__init__({"Error": {"Code": "ConditionalCheckFailedException"}}, "PutItem")
        if item is not None:
            self.response["Item"] = item  # type: ignore[typeddict-unknown-key] # as DynamoDB answers


class Exceptions:
    ConditionalCheckFailedException = ConditionalCheckFailedError


class DynamoDb:
    """DynamoDB with one item, and the conditions that `RateTable` uses."""

    exceptions = Exceptions

    def __init__(self, item: dict[str, Any] | None = None, outage: Exception | None = None) -> None:
        self.item = item
        self.outage = outage

    def get_item(self, **request: Any) -> dict[str, Any]:
        assert request == {"TableName": "ledger", "Key": RATE_KEY, "ConsistentRead": True}
        if self.outage:
            raise self.outage
        return {"Item": self.item} if self.item else {}

    def put_item(self, **request: Any) -> None:
        assert request["TableName"] == "ledger"
        assert request["ReturnValuesOnConditionCheckFailure"] == "ALL_OLD"
        assert request["ExpressionAttributeNames"] == {"#version": "version"}
        if self.outage:
            raise self.outage
        version = (self.item or {}).get("version")
        if request["ConditionExpression"] == "attribute_not_exists(#version)":
            # DynamoDB refuses values that no expression uses
            assert "ExpressionAttributeValues" not in request
            is_met = version is None
        else:
            assert request["ConditionExpression"] == "#version = :version"
            is_met = version is not None and request["ExpressionAttributeValues"] == {":version": version}
        if not is_met:
            raise ConditionalCheckFailedError(self.item)
        self.item = request["Item"]


def table(client: DynamoDb) -> RateTable:
    return RateTable(client, "ledger")  # type: ignore[arg-type]  # a fake


STATE = RateState(
    max_send_rate=14.5,
    quota_left=49_983,
    read_at=1_794_000_000.25,
    reserved_until=1_794_000_002.5,
    bucket_full_at=1_794_000_002.75,
    bulk_reserved_until=1_794_000_001.125,
    version=1,
)


@pytest.mark.parametrize(
    "state", [STATE, RateState(version=1), RateState(version=1, max_send_rate=1.0, quota_left=0)], ids=str
)
def test_a_state_is_read_as_it_was_written(state: RateState) -> None:
    rates = table(DynamoDb())
    assert rates.write(state) is None
    assert rates.read() == state


def test_a_table_without_the_item_has_the_empty_state() -> None:
    assert table(DynamoDb()).read() == RateState()


def test_times_are_stored_as_whole_microseconds() -> None:
    client = DynamoDb()
    table(client).write(STATE)
    assert client.item is not None
    assert client.item["reserved_until"] == {"N": "1794000002500000"}
    assert client.item["pk"] == {"S": "rate"}


def test_a_write_on_an_outdated_version_returns_what_the_table_holds() -> None:
    client = DynamoDb()
    rates = table(client)
    rates.write(STATE)
    assert rates.write(RateState(version=1)) == STATE
    assert rates.read() == STATE


def test_a_write_on_a_deleted_item_returns_the_empty_state() -> None:
    assert table(DynamoDb()).write(RateState(version=8)) == RateState()


def test_an_item_from_before_versions_is_read_and_replaced() -> None:
    # the item of an earlier release, when a deployment is updated
    client = DynamoDb(
        {
            **RATE_KEY,
            "max_send_rate": {"N": "14.0"},
            "read_at": {"N": "1794000000000000"},
            "reserved_until": {"N": "1794000002500000"},
        }
    )
    rates = table(client)
    assert rates.read() == RateState(
        max_send_rate=14.0, read_at=1_794_000_000.0, reserved_until=1_794_000_002.5, version=0
    )
    assert rates.write(STATE) is None


@pytest.mark.parametrize(
    ("outage", "code"),
    [
        (
            ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, "PutItem"),
            "ProvisionedThroughputExceededException",
        ),
        (
            EndpointConnectionError(endpoint_url="https://dynamodb.eu-west-1.amazonaws.com"),
            "EndpointConnectionError",
        ),
    ],
    ids=["throttled", "unreached"],
)
def test_a_table_that_does_not_answer_is_a_retryable_error(outage: Exception, code: str) -> None:
    rates = table(DynamoDb(outage=outage))
    with pytest.raises(SendError) as reading:
        rates.read()
    with pytest.raises(SendError) as writing:
        rates.write(STATE)
    for raised in (reading.value, writing.value):
        assert (raised.code, raised.retryable) == (code, True)
