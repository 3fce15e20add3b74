"""The edge to the ledger: the table of what all workers have to know together.

It holds the account's sending rate with the moment up to which it is spoken for, and how often a job was
tried. Times of the rate are whole microseconds since the epoch: DynamoDB's numbers are decimal, not
floating. `expires_at` is in epoch seconds, as DynamoDB's time to live wants it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from mailbus.job_records import JobRecord, RecordKey

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from types_boto3_dynamodb.client import DynamoDBClient

RATE_KEY: Final = {"pk": {"S": "rate"}, "sk": {"S": "rate"}}
# Other workers may get in between a look and a write; after so many times it is theirs.
TRIES: Final = 4
Cancellation = Literal["cancelled", "already_cancelled", "too_late"]


class RateItem(msgspec.Struct, frozen=True, kw_only=True):
    """The account's rate, in recipients a second, when it was read, and until when it is spoken for."""

    max_send_rate: float | None = None
    read_at: int = 0
    taken_until: int = 0


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of time that belongs to the caller alone, from `start`; with the item as it is now."""

    start: int
    item: RateItem


class Occupied(msgspec.Struct, frozen=True, kw_only=True):
    """Others have spoken for everything up to a moment that is too late."""

    item: RateItem


class Unreachable(msgspec.Struct, frozen=True, kw_only=True):
    """The table did not answer; `code` says why."""

    code: str


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A record to be written, in place of `seen`: the one that the caller judged, or none."""

    record: JobRecord
    seen: JobRecord | None = None


class Claimed(msgspec.Struct, frozen=True, kw_only=True):
    """The record is written, with its version as it is now."""

    record: JobRecord


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing is written: the record is another by now, this one."""

    record: JobRecord


class Ledger:
    """Reads and writes one table."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        self._client = client
        self._table = table_name

    def claim(self, claims: Sequence[Claim], *, now: float) -> list[Claimed | Found | Unreachable]:
        """Write records if they are still as seen; the answers stand in the order of the claims."""
        raise NotImplementedError

    def save(self, records: Sequence[JobRecord]) -> tuple[RecordKey, ...]:
        """Write the results of claims; the answer names those that could not be written."""
        raise NotImplementedError

    def let_go(self, record: JobRecord) -> None:
        """End a claim's lease, if it can be done; otherwise the lease ends by itself."""
        raise NotImplementedError

    def find(self, keys: Iterable[RecordKey]) -> dict[RecordKey, JobRecord] | Unreachable:
        """Read records as they are; what does not exist is left out."""
        raise NotImplementedError

    def mark_accepted(self, key: RecordKey, entry: int, message_id: str, at: float) -> bool | Unreachable:
        """Write down that SES accepted an entry; false where that is known, or the job is not."""
        raise NotImplementedError

    def cancel(self, job_id: str, *, now: float, expires_at: int) -> Cancellation | Unreachable:
        """Cancel a job that the ledger does not know yet, or that is scheduled."""
        raise NotImplementedError

    def rate(self) -> RateItem | Unreachable:
        """Look at the rate."""
        try:
            answer = self._client.get_item(TableName=self._table, Key=RATE_KEY, ConsistentRead=True)
        except (ClientError, BotoCoreError) as error:
            return _unreachable(error)
        return _item(answer.get("Item", {}))

    def note_rate(self, max_send_rate: float, read_at: int) -> RateItem | Unreachable:
        """Write down the rate that the account has now."""
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key=RATE_KEY,
                UpdateExpression="SET max_send_rate = :rate, read_at = :read",
                ExpressionAttributeValues={":rate": {"N": repr(max_send_rate)}, ":read": {"N": str(read_at)}},
                ReturnValues="ALL_NEW",
            )
        except (ClientError, BotoCoreError) as error:
            return _unreachable(error)
        return _item(answer["Attributes"])

    def take(self, length: int, *, now: int, latest: int, known: RateItem) -> Taken | Occupied | Unreachable:
        """Take the next `length` microseconds that nobody has, if they start by `latest`.

        One write where `known` tells rightly whether the rate is idle or busy; each write is conditional,
        so that no two callers get the same stretch.
        """
        item = known
        for _ in range(TRIES):
            idle = item.taken_until <= now
            if not idle and item.taken_until > latest:
                return Occupied(item=item)
            try:
                answer = self._client.update_item(
                    TableName=self._table,
                    Key=RATE_KEY,
                    **_from_now(now, length) if idle else _behind_others(now, latest, length),
                    ReturnValues="ALL_NEW",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            except self._client.exceptions.ConditionalCheckFailedException as error:
                # beside what every error holds: the item as it was
                found: Mapping[str, Any] = {**error.response}
                item = _item(found.get("Item", {}))
                continue
            except (ClientError, BotoCoreError) as error:
                return _unreachable(error)
            item = _item(answer["Attributes"])
            return Taken(start=item.taken_until - length, item=item)
        return Occupied(item=item)

    def count_attempt(self, message_id: str, kind: str, *, expires_at: int) -> int | Unreachable:
        """Count one more try of a queue message that ended in `kind`; the answer is the count."""
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key={"pk": {"S": f"message#{message_id}"}, "sk": {"S": f"attempts#{kind}"}},
                UpdateExpression="ADD attempts :one SET expires_at = :expires",
                ExpressionAttributeValues={":one": {"N": "1"}, ":expires": {"N": str(expires_at)}},
                ReturnValues="ALL_NEW",
            )
        except (ClientError, BotoCoreError) as error:
            return _unreachable(error)
        return int(answer["Attributes"]["attempts"]["N"])


def _from_now(now: int, length: int) -> Any:  # noqa: ANN401 - parameters of update_item
    return {
        "UpdateExpression": "SET taken_until = :end",
        "ConditionExpression": "attribute_not_exists(taken_until) OR taken_until <= :now",
        "ExpressionAttributeValues": {":end": {"N": str(now + length)}, ":now": {"N": str(now)}},
    }


def _behind_others(now: int, latest: int, length: int) -> Any:  # noqa: ANN401 - parameters of update_item
    return {
        "UpdateExpression": "SET taken_until = taken_until + :length",
        "ConditionExpression": "taken_until > :now AND taken_until <= :latest",
        "ExpressionAttributeValues": {
            ":length": {"N": str(length)},
            ":now": {"N": str(now)},
            ":latest": {"N": str(latest)},
        },
    }


def _item(attributes: Mapping[str, Any]) -> RateItem:
    rate = attributes.get("max_send_rate")
    return RateItem(
        max_send_rate=None if rate is None else float(rate["N"]),
        read_at=int(attributes.get("read_at", {"N": "0"})["N"]),
        taken_until=int(attributes.get("taken_until", {"N": "0"})["N"]),
    )


def _unreachable(error: ClientError | BotoCoreError) -> Unreachable:
    return Unreachable(
        code=error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
    )
