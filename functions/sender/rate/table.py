"""The edge to the rate in the ledger's table: one item, written by one worker at a time.

Times are whole microseconds since the epoch there: DynamoDB's numbers are decimal, not floating.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from mailbus.aws import sessions
from mailbus.ledger.table import Unreachable
from sender.rate.pacer import Overtaken, RateState, Written

if TYPE_CHECKING:
    from collections.abc import Mapping

    from types_boto3_dynamodb.client import DynamoDBClient

RATE_KEY: Final = {"pk": {"S": "rate"}, "sk": {"S": "rate"}}
MICROSECONDS: Final = 1_000_000


class RateTable:
    """Reads and writes the rate's item in one table."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        self._client = client
        self._table = table_name

    def look(self) -> RateState | Unreachable:
        """Read the state; the empty one where there is none."""
        try:
            answer = self._client.get_item(TableName=self._table, Key=RATE_KEY, ConsistentRead=True)
        except (ClientError, BotoCoreError) as error:
            return _unreachable(error)
        return _state(answer.get("Item", {}))

    def write(self, state: RateState) -> Written | Overtaken | Unreachable:
        """Write a state if the ledger still holds the one of the version before.

        A write that was made though its answer was lost overtakes its own repetition: what it reserved is
        then nobody's.
        """
        try:
            self._client.put_item(
                TableName=self._table,
                Item=_item(state),
                **_unchanged_since(state.version - 1),
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            # beside what every error holds: the item as it is
            found: Mapping[str, Any] = {**error.response}
            return Overtaken(state=_state(found.get("Item", {})))
        except (ClientError, BotoCoreError) as error:
            return _unreachable(error)
        return Written()


def _unchanged_since(version: int) -> Any:  # noqa: ANN401 - parameters of put_item
    if version == 0:
        return {
            "ConditionExpression": "attribute_not_exists(#version)",
            "ExpressionAttributeNames": {"#version": "version"},
        }
    return {
        "ConditionExpression": "#version = :version",
        "ExpressionAttributeNames": {"#version": "version"},
        "ExpressionAttributeValues": {":version": {"N": str(version)}},
    }


def _item(state: RateState) -> dict[str, Any]:
    numbers: dict[str, float | None] = {
        "max_send_rate": state.max_send_rate,
        "quota_left": state.quota_left,
        "version": state.version,
        "read_at": round(state.read_at * MICROSECONDS),
        "taken_until": round(state.taken_until * MICROSECONDS),
        "full_at": round(state.full_at * MICROSECONDS),
        "bulk_until": round(state.bulk_until * MICROSECONDS),
    }
    return {**RATE_KEY, **{name: {"N": repr(value)} for name, value in numbers.items() if value is not None}}


def _state(attributes: Mapping[str, Any]) -> RateState:
    def number(name: str) -> str | None:
        return attributes[name]["N"] if name in attributes else None

    def moment(name: str) -> float:
        return int(number(name) or 0) / MICROSECONDS

    rate, quota = number("max_send_rate"), number("quota_left")
    return RateState(
        max_send_rate=None if rate is None else float(rate),
        quota_left=None if quota is None else int(quota),
        read_at=moment("read_at"),
        taken_until=moment("taken_until"),
        full_at=moment("full_at"),
        bulk_until=moment("bulk_until"),
        version=int(number("version") or 0),
    )


def _unreachable(error: ClientError | BotoCoreError) -> Unreachable:
    return Unreachable(code=sessions.error_code(error))
