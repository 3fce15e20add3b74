"""The ledger's DynamoDB table: the calls that read and write it.

The table holds a record for each job, so that a job that is delivered twice is sent once. The sending rate
has an item in the same table, which `sender.rate.table` reads and writes. `expires_at` is in epoch seconds,
as DynamoDB's time to live requires.

Calls that fail as a whole are retried by the client; what DynamoDB leaves unprocessed inside an answer is
retried here, a few times and within a second. A table that does not answer is a retryable `SendError`.
"""

from __future__ import annotations

import random
import re
import time
from typing import TYPE_CHECKING, Any, Final

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from mailbus.aws import sessions
from mailbus.chunks import chunked
from mailbus.errors import SendError
from mailbus.ledger import items
from mailbus.ledger.records import JobRecord, RecordKey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from types_boto3_dynamodb.client import DynamoDBClient

# Other workers may write between a read and a write.
TRIES: Final = 4
BACKOFF_SECONDS: Final = 0.05
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
KEYS_PER_CALL: Final = 100
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
PUTS_PER_CALL: Final = 25
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchExecuteStatement.html
INSERTS_PER_CALL: Final = 25
# the codes of errors
CONDITION_FAILED: Final = "ConditionalCheckFailedException"
INVALID: Final = "ValidationException"
# our own: others kept writing the same items, or DynamoDB kept leaving some unprocessed
BUSY: Final = "Busy"

_ALIAS: Final = re.compile(r"#\w+")


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """The condition of a write was false; `record` is the one in the table, if any."""

    record: JobRecord | None


class LedgerTable:
    """Reads and writes items of one table. `sleep` takes seconds, `uniform(low, high)` draws the jitter."""

    def __init__(
        self,
        client: DynamoDBClient,
        table_name: str,
        *,
        sleep: Callable[[float], None] = time.sleep,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._client = client
        self._name = table_name
        self._conditional: Any = {
            "TableName": table_name,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        self._sleep = sleep
        self._uniform = uniform

    def find(self, keys: Iterable[RecordKey]) -> dict[RecordKey, JobRecord]:
        """Return the records of these keys as they are now; a record that does not exist is left out."""
        found = self.get(items.key_item(key) for key in dict.fromkeys(keys))
        return {record.key: record for record in map(items.read, found)}

    def get(self, keys: Iterable[Any]) -> list[Any]:
        """Return the items of these distinct keys, 100 a call; an item that does not exist is left out."""
        return [item for chunk in chunked(keys, KEYS_PER_CALL) for item in self._get_chunk(chunk)]

    def put(self, puts: Sequence[Any]) -> list[Any]:
        """Put at most 25 items by one call, as long as all are taken; return those that are not written."""
        pending: list[Any] = [{"PutRequest": {"Item": item}} for item in puts]
        for attempt in range(TRIES):
            self.back_off(attempt)
            try:
                answer = self._client.batch_write_item(RequestItems={self._name: pending})
            except (ClientError, BotoCoreError) as error:
                if sessions.error_code(error) == INVALID and len(pending) > 1:
                    # one bad item refuses the whole call: each on its own, so that only it fails
                    return [item for request in pending for item in self.put([_item(request)])]
                break
            pending = list(answer["UnprocessedItems"].get(self._name, ()))
            if not pending:
                break
        return [_item(request) for request in pending]

    def update(
        self,
        key: Mapping[str, Any],
        expression: str,
        values: Mapping[str, Any],
        *,
        condition: str | None = None,
    ) -> Refused | None:
        """Update one item; return what the table holds if the condition does not hold.

        In both expressions an alias such as `#state` stands for the attribute of that name.
        """
        aliases = _ALIAS.findall(f"{expression} {condition or ''}")
        request: dict[str, Any] = {
            "Key": key,
            "UpdateExpression": expression,
            "ExpressionAttributeValues": dict(values),
        }
        if condition is not None:
            request["ConditionExpression"] = condition
        if aliases:
            request["ExpressionAttributeNames"] = {alias: alias.removeprefix("#") for alias in aliases}
        return self._write(lambda: self._client.update_item(**self._conditional, **request))

    def put_if(self, condition: str, item: Mapping[str, Any], values: Mapping[str, Any]) -> Refused | None:
        """Put one item; return what the table holds if the condition does not hold."""
        request: dict[str, Any] = {
            "Item": item,
            "ConditionExpression": condition,
            "ExpressionAttributeValues": values,
        }
        return self._write(lambda: self._client.put_item(**self._conditional, **request))

    def insert(self, new: Sequence[Mapping[str, Any]]) -> list[bool]:
        """Insert at most 25 items by one call, each by itself; return for each whether it was inserted.

        It is not if the table has an item of that key, or if DynamoDB refused it for a reason of its own. If
        an answer is lost, the client's retry finds the items of the first try.
        """
        statements: Any = [
            {"Statement": self._insertion(each), "Parameters": list(each.values())} for each in new
        ]
        try:
            answer = self._client.batch_execute_statement(Statements=statements)
        except (ClientError, BotoCoreError) as error:
            if sessions.error_code(error) == INVALID:
                # one bad item refuses the whole call
                return [False] * len(new)
            raise unreachable(error) from error
        return ["Error" not in each for each in answer["Responses"]]

    def back_off(self, attempt: int) -> None:
        """Wait before a retry, a little longer each time, with full jitter."""
        if attempt:
            self._sleep(self._uniform(0, BACKOFF_SECONDS * 2**attempt))

    def _insertion(self, item: Mapping[str, Any]) -> str:
        """Return a PartiQL statement that inserts an item, with a parameter for each attribute, in order.

        https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.insert.html
        """
        parameters = ", ".join(f"'{name}': ?" for name in item)
        return f'INSERT INTO "{self._name}" VALUE {{{parameters}}}'

    def _write(self, write: Callable[[], object]) -> Refused | None:
        try:
            write()
        except (ClientError, BotoCoreError) as error:
            if sessions.error_code(error) != CONDITION_FAILED:
                raise unreachable(error) from error
            item = _details(error).get("Item")
            return Refused(record=items.read(item) if item else None)
        return None

    def _get_chunk(self, keys: Sequence[Any]) -> list[Any]:
        found: list[Any] = []
        attempt = 0
        while keys and attempt < TRIES:
            self.back_off(attempt)
            try:
                answer = self._client.batch_get_item(
                    RequestItems={self._name: {"Keys": keys, "ConsistentRead": True}}
                )
            except (ClientError, BotoCoreError) as error:
                raise unreachable(error) from error
            read = answer["Responses"].get(self._name, ())
            found += read
            keys = answer["UnprocessedKeys"].get(self._name, {"Keys": ()})["Keys"]
            # a full answer leaves keys unprocessed too: only an answer without items counts as a failure
            attempt = 0 if read else attempt + 1
        if keys:
            raise busy()
        return found


def assignments(values: Mapping[str, Any], *, remove: Iterable[str] = ()) -> tuple[str, dict[str, Any]]:
    """Return an update expression that sets and removes attributes, and its values.

    A name such as `accepted.7` is a member of a map.
    """
    sets = ", ".join(f"{_path(name)} = {_value(name)}" for name in values)
    removes = ", ".join(_path(name) for name in remove)
    expression = f"SET {sets} REMOVE {removes}" if removes else f"SET {sets}"
    return expression, {_value(name): value for name, value in values.items()}


def unreachable(error: ClientError | BotoCoreError) -> SendError:
    """Return the error of a table that does not answer, with DynamoDB's code."""
    return SendError(sessions.error_code(error), "the ledger does not answer", retryable=True)


def busy() -> SendError:
    """Return the error of items that others kept writing, or that DynamoDB kept leaving unprocessed."""
    return SendError(BUSY, "the ledger is busy", retryable=True)


def _path(name: str) -> str:
    return ".".join(f"#{segment}" for segment in name.split("."))


def _value(name: str) -> str:
    return f":{name.replace('.', '_')}"


def _details(error: ClientError | BotoCoreError) -> Mapping[str, Any]:
    """Return what DynamoDB adds to the fields that every error has."""
    return {**error.response} if isinstance(error, ClientError) else {}


def _item(request: Mapping[str, Any]) -> Any:  # noqa: ANN401 - an attribute map
    return request["PutRequest"]["Item"]
