"""The edge to the rate's item in the ledger's table, which all workers read and write.

Times are stored as whole microseconds since the epoch: DynamoDB's numbers are decimal, not floating point.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from mailbus.aws import sessions
from mailbus.errors import SendError
from sender.rate.gcra import RateState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from types_boto3_dynamodb.client import DynamoDBClient

RATE_KEY: Final = {"pk": {"S": "rate"}, "sk": {"S": "rate"}}
MICROSECONDS: Final = 1_000_000


class RateTable:
    """Reads and writes the rate's item; a retryable `SendError` if DynamoDB does not answer."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        self._client = client
        self._table = table_name

    def read(self) -> RateState:
        """Return the state; the empty one if there is none."""
        try:
            answer = self._client.get_item(TableName=self._table, Key=RATE_KEY, ConsistentRead=True)
        except (ClientError, BotoCoreError) as error:
            raise _unreachable(error) from error
        return _state(answer.get("Item", {}))

    def write(self, state: RateState) -> RateState | None:
        """Replace the state of the version before.

        Return None if it is written, and if another worker wrote first, the state that the table holds. A
        write that succeeded although its answer was lost conflicts with its own repetition: what it reserved
        then stays unused.
        """
        try:
            self._client.put_item(
                TableName=self._table,
                Item=_item(state),
                **_if_version(state.version - 1),
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            # the types do not know that this error's response also has the item
            response: Mapping[str, Any] = {**error.response}
            return _state(response.get("Item", {}))
        except (ClientError, BotoCoreError) as error:
            raise _unreachable(error) from error
        return None


def _if_version(version: int) -> Any:  # noqa: ANN401 - parameters of put_item
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
        "reserved_until": round(state.reserved_until * MICROSECONDS),
        "bucket_full_at": round(state.bucket_full_at * MICROSECONDS),
        "bulk_reserved_until": round(state.bulk_reserved_until * MICROSECONDS),
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
        reserved_until=moment("reserved_until"),
        bucket_full_at=moment("bucket_full_at"),
        bulk_reserved_until=moment("bulk_reserved_until"),
        version=int(number("version") or 0),
    )


def _unreachable(error: ClientError | BotoCoreError) -> SendError:
    return SendError(sessions.error_code(error), "the ledger did not answer", retryable=True)
