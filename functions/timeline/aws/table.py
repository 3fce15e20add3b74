"""The edge to DynamoDB: puts events, and updates mails. Both may be repeated."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from mailbus.aws import sessions
from mailbus.chunks import chunked
from mailbus.errors import InvalidEvent, MailbusError, SendError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from types_boto3_dynamodb.client import DynamoDBClient

    from mailbus.timeline.items import Update

TRIES: Final = 4
BACKOFF_SECONDS: Final = 0.05
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
PUTS_PER_CALL: Final = 25
# the item itself is refused: a key that is too long, or over 400 KB
INVALID: Final = "ValidationException"
# our own code of items that DynamoDB kept leaving unprocessed
UNWRITTEN: Final = "Unwritten"

Key = tuple[str, str]


class TimelineWrites:
    """Writes to the timeline's table. `sleep` takes seconds."""

    def __init__(
        self, client: DynamoDBClient, name: str, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._client = client
        self._name = name
        self._sleep = sleep

    def calls(self, items: Mapping[Key, Any]) -> Iterator[list[Any]]:
        """Return the items grouped into calls of `put`."""
        return chunked(items.values(), PUTS_PER_CALL)

    def put(self, items: Sequence[Any]) -> dict[Key, MailbusError]:
        """Put the items of one call; return the errors of those that are not written, by key."""
        pending: list[Any] = [{"PutRequest": {"Item": item}} for item in items]
        for attempt in range(TRIES):
            if attempt:
                self._sleep(random.uniform(0, BACKOFF_SECONDS * 2**attempt))  # noqa: S311 - jitter, no secret
            try:
                answer = self._client.batch_write_item(RequestItems={self._name: pending})
            except (ClientError, BotoCoreError) as error:
                if sessions.error_code(error) == INVALID and len(pending) > 1:
                    # one bad item refuses the whole call: each on its own, so that only it fails
                    alone = [self.put([request["PutRequest"]["Item"]]) for request in pending]
                    return {key: failure for failures in alone for key, failure in failures.items()}
                return dict.fromkeys(map(_key, pending), _error(error))
            pending = list(answer["UnprocessedItems"].get(self._name, ()))
            if not pending:
                return {}
        busy = SendError(UNWRITTEN, "DynamoDB left events of the timeline unwritten", retryable=True)
        return dict.fromkeys(map(_key, pending), busy)

    def update(self, update: Update) -> MailbusError | None:
        """Update one mail; return the error if it is not written."""
        try:
            self._client.update_item(
                TableName=self._name,
                Key=update.key,
                UpdateExpression=update.expression,
                ExpressionAttributeNames=update.names,
                ExpressionAttributeValues=update.values,
            )
        except (ClientError, BotoCoreError) as error:
            return _error(error)
        return None


def key_of(item: Mapping[str, Any]) -> Key:
    """Return the key of an item."""
    return item["pk"]["S"], item["sk"]["S"]


def _key(request: Mapping[str, Any]) -> Key:
    return key_of(request["PutRequest"]["Item"])


def _error(error: ClientError | BotoCoreError) -> MailbusError:
    """Return the error by its code alone: DynamoDB's text may quote an address."""
    code = sessions.error_code(error)
    if code == INVALID:
        reason = "DynamoDB refuses the event's item: an id or an address is too long, or the event too large"
        return InvalidEvent(reason, code=code)
    return SendError(code, "the timeline's table does not answer", retryable=True)
