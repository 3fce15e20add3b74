"""The edge to the ledger: the table of what all workers have to know together.

It holds a record for each job, so that a job that comes twice is sent once; the rate has its item in the same
table, which the sender writes by itself. Conditions make sure that two workers never hold the same entry, and
that nothing is forgotten that SES, or anybody, told. `expires_at` is in epoch seconds, as DynamoDB's time to
live wants it.
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from mailbus.aws import sessions
from mailbus.ledger import items
from mailbus.ledger.records import UNKNOWN, JobRecord, RecordKey, SentEntry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from types_boto3_dynamodb.client import DynamoDBClient

# Other workers may get in between a look and a write; after so many times it is theirs.
TRIES: Final = 4
BACKOFF_SECONDS: Final = 0.05
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
CLAIMS_PER_CALL: Final = 100
TRANSACTION_BYTES: Final = 3_500_000  # of 4 MB, since sizes are estimates
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
PUTS_PER_CALL: Final = 25
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
KEYS_PER_CALL: Final = 100
# the codes of a cancelled transaction's reasons; any other one passes, such as TransactionConflict
FINE: Final = "None"
REFUSED: Final = "ConditionalCheckFailed"
# the codes of errors
CONDITION_FAILED: Final = "ConditionalCheckFailedException"
CONFLICT: Final = "TransactionConflictException"
INVALID: Final = "ValidationException"
# our own: others kept writing the same items, or DynamoDB kept leaving some over
BUSY: Final = "Busy"
# what a result without it takes from no record: the mark of an event brings it
KEPT: Final = frozenset({"accepted_at"})
Cancellation = Literal["cancelled", "already_cancelled", "too_late"]


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


class _Put(msgspec.Struct, frozen=True, kw_only=True):
    """A claim as it is written: `seen` is the version that it replaces."""

    record: JobRecord
    item: dict[str, Any]
    seen: int | None
    now: float

    @classmethod
    def of(cls, claim: Claim, now: float) -> _Put:
        """Give the record its version."""
        seen = None if claim.seen is None else claim.seen.version
        version = _first_version(now) if seen is None else seen + 1
        record = msgspec.structs.replace(claim.record, version=version)
        return cls(record=record, item=items.item(record), seen=seen, now=now)


class _Refused(msgspec.Struct, frozen=True, kw_only=True):
    """The condition of an update did not hold; the record as it is, if there is one."""

    record: JobRecord | None

    @classmethod
    def of(cls, error: ClientError | BotoCoreError) -> _Refused:
        """Read what DynamoDB says beside what every error holds."""
        found: Mapping[str, Any] = {**error.response} if isinstance(error, ClientError) else {}
        return cls(record=items.read(found["Item"]) if found.get("Item") else None)


class Ledger:
    """Reads and writes one table.

    Calls that fail as a whole are tried again by the client; what DynamoDB leaves over inside an answer, or
    refuses for another transaction's sake, is tried again here, a few times and within a second. With
    `index_messages`, what is saved is found by SES's message ids too, for a write more for each message.
    """

    def __init__(
        self,
        client: DynamoDBClient,
        table_name: str,
        *,
        index_messages: bool = False,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._table = table_name
        self._index_messages = index_messages
        self._sleep = sleep

    def claim(self, claims: Sequence[Claim], *, now: float) -> list[Claimed | Found | Unreachable]:
        """Write records if they are still as seen; the answers stand in the order of the claims.

        One transaction for all, as long as none is refused. Of several claims of one record only the first
        is made; the others find what it left. With `now` in epoch seconds.
        """
        first: dict[RecordKey, int] = {}
        for index, claim in enumerate(claims):
            first.setdefault(claim.record.key, index)
        puts = [_Put.of(claims[index], now) for index in first.values()]
        answers: dict[RecordKey, Claimed | Found | Unreachable] = {}
        for batch in _transactions(puts):
            answers |= self._claim_all(batch)
        return [
            answers[claim.record.key]
            if first[claim.record.key] == index
            else _second(answers[claim.record.key])
            for index, claim in enumerate(claims)
        ]

    def save(self, records: Sequence[JobRecord]) -> tuple[RecordKey, ...]:
        """Write the results of claims while their leases last; the answer names what could not be written.

        A record whose outcome is wholly known replaces what is there, 25 a call. Where SES may have accepted
        an entry without this worker's knowledge, its event may have been written meanwhile: such a record is
        merged with what is there, by a call of its own. Messages are indexed when all is written.
        """
        whole = {record.key: record for record in records if not _doubtful(record)}
        unsaved = [
            key for batch in _batches(list(whole), PUTS_PER_CALL) for key in self._replace(batch, whole)
        ]
        unsaved += [record.key for record in records if _doubtful(record) and not self._merge(record)]
        # a ledger that did not take the records is not waited for once more
        if self._index_messages and not unsaved:
            unsaved += self._index(records)
        return tuple(dict.fromkeys(unsaved))

    def let_go(self, record: JobRecord) -> None:
        """End a claim's lease, if it still is that claim's; otherwise the lease ends by itself."""
        self._update(
            {
                "Key": items.key_item(record.key),
                "UpdateExpression": "SET lease_until = :none",
                "ConditionExpression": "called_at = :called AND lease_until = :lease",
                "ExpressionAttributeValues": {
                    ":none": items.number(0.0),
                    ":called": items.number(record.called_at),
                    ":lease": items.number(record.lease_until),
                },
            }
        )

    def withdraw(self, record: JobRecord) -> bool:
        """Take a claim back whose answer got lost, if it was made: nobody called SES for it.

        False where the table does not answer; then the job is in doubt.
        """
        answer = self._update(
            {
                "Key": items.key_item(record.key),
                "UpdateExpression": "SET lease_until = :none REMOVE #open ADD version :one",
                "ConditionExpression": "called_at = :called AND lease_until = :lease",
                "ExpressionAttributeNames": {"#open": "open"},
                "ExpressionAttributeValues": {
                    ":none": items.number(0.0),
                    ":called": items.number(record.called_at),
                    ":lease": items.number(record.lease_until),
                    ":one": items.number(1),
                },
            }
        )
        return not isinstance(answer, Unreachable)

    def find(self, keys: Iterable[RecordKey]) -> dict[RecordKey, JobRecord] | Unreachable:
        """Read records as they are, 100 a call; what does not exist is left out."""
        found: dict[RecordKey, JobRecord] = {}
        for batch in _batches(list(dict.fromkeys(keys)), KEYS_PER_CALL):
            answer = self._read([items.key_item(key) for key in batch])
            if isinstance(answer, Unreachable):
                return answer
            found |= {record.key: record for record in map(items.read, answer)}
        return found

    def find_messages(self, message_ids: Iterable[str]) -> dict[str, SentEntry] | Unreachable:
        """Tell which jobs SES's messages are of, 100 a call; what was never indexed is left out."""
        found: dict[str, SentEntry] = {}
        ids = list(dict.fromkeys(message_ids))
        for start in range(0, len(ids), KEYS_PER_CALL):
            keys = [items.message_key(message_id) for message_id in ids[start : start + KEYS_PER_CALL]]
            answer = self._read(keys)
            if isinstance(answer, Unreachable):
                return answer
            found |= dict(items.read_message(item) for item in answer)
        return found

    def index_message(self, message_id: str, sent: SentEntry, expires_at: int) -> Unreachable | None:
        """Let a message be found that its sender did not learn of."""
        values = items.message_fields(sent, expires_at)
        answer = self._update(
            {
                "Key": items.message_key(message_id),
                "UpdateExpression": f"SET {', '.join(f'#{name} = :{name}' for name in values)}",
                "ExpressionAttributeNames": {f"#{name}": name for name in values},
                "ExpressionAttributeValues": {f":{name}": value for name, value in values.items()},
            }
        )
        return answer if isinstance(answer, Unreachable) else None

    def mark_accepted(self, key: RecordKey, entry: int, message_id: str, at: float) -> bool | Unreachable:
        """Write down that SES accepted an entry; false where that is known, or the job is not."""
        answer = self._update(
            {
                "Key": items.key_item(key),
                "UpdateExpression": "SET accepted.#entry = :id, accepted_at = if_not_exists(accepted_at, :at)"
                " ADD version :one",
                "ConditionExpression": "attribute_exists(pk) AND attribute_not_exists(accepted.#entry)",
                "ExpressionAttributeNames": {"#entry": str(entry)},
                "ExpressionAttributeValues": {
                    ":id": {"S": message_id},
                    ":at": items.number(at),
                    ":one": items.number(1),
                },
            }
        )
        return answer if isinstance(answer, Unreachable) else answer is None

    def cancel(self, job_id: str, *, now: float, expires_at: int) -> Cancellation | Unreachable:
        """Cancel a job that is scheduled, or that the ledger does not know.

        The latter is remembered until `expires_at` (epoch seconds), so that the job is not sent when it
        comes. `Unreachable` with the code `Busy`: a worker has the job in hand but has not called SES, ask
        again in a moment.
        """
        key = RecordKey(job_id=job_id)
        for _ in range(TRIES):
            answer = self._update(_cancel_scheduled(key, now))
            if answer is None or isinstance(answer, Unreachable):
                return answer or "cancelled"
            if answer.record is None or answer.record.expires_at <= now:
                entered = self._update(_cancel_unknown(key, now, expires_at))
                if entered is None or isinstance(entered, Unreachable):
                    return entered or "cancelled"
                # a worker got in between: what it wrote decides
                continue
            if answer.record.state == "scheduled" and not answer.record.open:
                break
            return "already_cancelled" if answer.record.state == "cancelled" else "too_late"
        return Unreachable(code=BUSY)

    def _claim_all(self, puts: Sequence[_Put]) -> dict[RecordKey, Claimed | Found | Unreachable]:
        """Write what can be written, waiting a little for what other transactions hold up."""
        answers: dict[RecordKey, Claimed | Found | Unreachable] = {}
        held_up: Sequence[_Put] = puts
        for attempt in range(TRIES):
            self._wait(attempt)
            settled, held_up = self._claim_round(held_up)
            answers |= settled
            if not held_up:
                break
        return answers | {put.record.key: Unreachable(code=BUSY) for put in held_up}

    def _claim_round(
        self, puts: Sequence[_Put]
    ) -> tuple[dict[RecordKey, Claimed | Found | Unreachable], list[_Put]]:
        """Write all that is not refused: a transaction is all or nothing, so what is at fault leaves it.

        The second value is what was held up by others.
        """
        answers: dict[RecordKey, Claimed | Found | Unreachable] = {}
        held_up: list[_Put] = []
        pending = list(puts)
        while pending:
            reasons = self._transact(pending)
            if isinstance(reasons, Unreachable):
                if reasons.code == INVALID and len(pending) > 1:
                    # the call is refused for one bad item: each on its own, so that only it fails
                    rounds = [self._claim_round([put]) for put in pending]
                    held_up += [put for _, late in rounds for put in late]
                    answers |= {key: answer for each, _ in rounds for key, answer in each.items()}
                else:
                    answers |= {put.record.key: reasons for put in pending}
                break
            if not reasons:
                answers |= {put.record.key: Claimed(record=put.record) for put in pending}
                break
            judged = [(put, reason["Code"], reason) for put, reason in zip(pending, reasons, strict=True)]
            answers |= {
                put.record.key: Found(record=items.read(reason["Item"]))
                for put, code, reason in judged
                if code == REFUSED
            }
            late = [put for put, code, _ in judged if code not in {REFUSED, FINE}]
            held_up += late
            pending = [put for put, code, _ in judged if code == FINE]
            if len(pending) == len(judged):
                # cancelled for no reason of its own: there is no telling whom to leave out
                return answers, [*held_up, *pending]
        return answers, held_up

    def _transact(self, puts: Sequence[_Put]) -> Sequence[Any] | Unreachable:
        """Write all or none; the answer holds a reason for each where none was written.

        Where an answer gets lost, the client's next try has the same token, so that it is no second claim:
        https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
        """
        try:
            self._client.transact_write_items(TransactItems=[{"Put": self._conditional(put)} for put in puts])
        except ClientError as error:
            # what this error holds beside what every error holds
            more: Mapping[str, Any] = {**error.response}
            return more.get("CancellationReasons") or _unreachable(error)
        except BotoCoreError as error:
            return _unreachable(error)
        return ()

    def _conditional(self, put: _Put) -> Any:  # noqa: ANN401 - parameters of a Put
        values = {":now": {"N": repr(put.now)}}
        if put.seen is None:
            condition = "attribute_not_exists(pk) OR expires_at <= :now"
        else:
            condition = "attribute_not_exists(pk) OR expires_at <= :now OR version = :seen"
            values[":seen"] = items.number(put.seen)
        return {
            "TableName": self._table,
            "Item": put.item,
            "ConditionExpression": condition,
            "ExpressionAttributeValues": values,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }

    def _replace(self, keys: Sequence[RecordKey], records: Mapping[RecordKey, JobRecord]) -> list[RecordKey]:
        """Put whole records, one call as long as all are taken; the answer names those that are not."""
        left = self._put([items.item(_moved_on(records[key])) for key in keys])
        return [items.read_key(item) for item in left]

    def _index(self, records: Sequence[JobRecord]) -> list[RecordKey]:
        """Put where each accepted entry's message is found; the answer names whose are not all put.

        What a ledger that fails leaves over is not tried: the time is the events'.
        """
        puts = [
            items.message_key(message_id)
            | items.message_fields(SentEntry(key=record.key, entry=entry), record.expires_at)
            for record in records
            for entry, message_id in record.accepted.items()
        ]
        for start in range(0, len(puts), PUTS_PER_CALL):
            if left := self._put(puts[start : start + PUTS_PER_CALL]):
                untried = (*left, *puts[start + PUTS_PER_CALL :])
                return [items.read_message(item)[1].key for item in untried]
        return []

    def _put(self, puts: Sequence[Any]) -> list[Any]:
        """Put items, one call as long as all are taken; the answer holds those that are not."""
        pending: list[Any] = [{"PutRequest": {"Item": item}} for item in puts]
        for attempt in range(TRIES):
            self._wait(attempt)
            try:
                answer = self._client.batch_write_item(RequestItems={self._table: pending})
            except (ClientError, BotoCoreError) as error:
                if _unreachable(error).code == INVALID and len(pending) > 1:
                    # as for claims
                    return [left for request in pending for left in self._put([_item(request)])]
                break
            pending = list(answer["UnprocessedItems"].get(self._table, ()))
            if not pending:
                break
        return [_item(request) for request in pending]

    def _merge(self, record: JobRecord) -> bool:
        """Write what a worker knows over what is there, but take nothing from `accepted`."""
        values = items.fields(record)
        accepted = values.pop("accepted")["M"]
        del values["version"]
        wanted = [(f"#{name}", f":{name}", name, value) for name, value in values.items()]
        members = [(f"#e{entry}", f":e{entry}", entry, value) for entry, value in accepted.items()]
        sets = [f"{alias} = {value}" for alias, value, _, _ in wanted]
        sets += [f"accepted.{alias} = {value}" for alias, value, _, _ in members]
        gone = sorted(items.OPTIONAL - KEPT - values.keys())
        answer = self._update(
            {
                "Key": items.key_item(record.key),
                "UpdateExpression": f"SET {', '.join(sets)}"
                + (f" REMOVE {', '.join(f'#{name}' for name in gone)}" if gone else "")
                + " ADD version :one",
                "ConditionExpression": "called_at = :called_at",
                "ExpressionAttributeNames": {
                    **{alias: name for alias, _, name, _ in (*wanted, *members)},
                    **{f"#{name}": name for name in gone},
                },
                "ExpressionAttributeValues": {
                    **{alias: value for _, alias, _, value in (*wanted, *members)},
                    ":one": items.number(1),
                },
            }
        )
        return answer is None

    def _update(self, request: Mapping[str, Any]) -> _Refused | Unreachable | None:
        """Update one item, nothing being the good answer; a transaction on the same item is waited for."""
        code = BUSY
        for attempt in range(TRIES):
            self._wait(attempt)
            try:
                self._client.update_item(
                    TableName=self._table, ReturnValuesOnConditionCheckFailure="ALL_OLD", **request
                )
            except (ClientError, BotoCoreError) as error:
                code = _unreachable(error).code
                if code == CONDITION_FAILED:
                    return _Refused.of(error)
                if code != CONFLICT:
                    break
                continue
            return None
        return Unreachable(code=code)

    def _read(self, keys: Sequence[Any]) -> list[Any] | Unreachable:
        found: list[Any] = []
        attempt = 0
        while keys and attempt < TRIES:
            self._wait(attempt)
            try:
                answer = self._client.batch_get_item(
                    RequestItems={self._table: {"Keys": keys, "ConsistentRead": True}}
                )
            except (ClientError, BotoCoreError) as error:
                return _unreachable(error)
            read = answer["Responses"].get(self._table, ())
            found += read
            keys = answer["UnprocessedKeys"].get(self._table, {"Keys": ()})["Keys"]
            # an answer that is full leaves keys over too: only what brings nothing counts
            attempt = 0 if read else attempt + 1
        return Unreachable(code=BUSY) if keys else found

    def _wait(self, attempt: int) -> None:
        if attempt:
            self._sleep(random.uniform(0, BACKOFF_SECONDS * 2**attempt))  # noqa: S311 - jitter, no secret


def _batches(keys: Sequence[RecordKey], size: int) -> Iterator[Sequence[RecordKey]]:
    return (keys[start : start + size] for start in range(0, len(keys), size))


def _transactions(puts: Sequence[_Put]) -> Iterator[list[_Put]]:
    """Group claims within DynamoDB's count and size of a transaction."""
    batch: list[_Put] = []
    filled = 0
    for put in puts:
        size = items.size(put.item)
        if batch and (len(batch) == CLAIMS_PER_CALL or filled + size > TRANSACTION_BYTES):
            yield batch
            batch, filled = [], 0
        batch.append(put)
        filled += size
    if batch:
        yield batch


def _first_version(now: float) -> int:
    """Begin with the time in milliseconds.

    A record that takes the place of an expired one, or of one that DynamoDB has deleted, then never has a
    version that somebody saw before.
    """
    return int(now * 1000)


def _second(first: Claimed | Found | Unreachable) -> Found | Unreachable:
    return first if isinstance(first, Unreachable) else Found(record=first.record)


def _doubtful(record: JobRecord) -> bool:
    """Tell whether SES may have accepted an entry, now or before, without this worker's knowledge."""
    return bool(record.open or record.unknown or UNKNOWN in record.attempts)


def _moved_on(record: JobRecord) -> JobRecord:
    """Pass every version that the record can have reached since: marks add one for each entry at most."""
    return msgspec.structs.replace(record, version=record.version + record.entries + 1)


def _item(request: Mapping[str, Any]) -> Any:  # noqa: ANN401 - an attribute map
    return request["PutRequest"]["Item"]


def _cancel_unknown(key: RecordKey, now: float, expires_at: int) -> Mapping[str, Any]:
    """Write a record where there is none, or one that counts for nothing.

    An update, though it writes all: who may cancel need not be let put items.
    """
    tombstone = JobRecord(key=key, state="cancelled", version=_first_version(now), expires_at=expires_at)
    values = items.fields(tombstone)
    gone = sorted(items.OPTIONAL - values.keys())
    return {
        "Key": items.key_item(key),
        "UpdateExpression": f"SET {', '.join(f'#{name} = :{name}' for name in values)}"
        f" REMOVE {', '.join(f'#{name}' for name in gone)}",
        "ConditionExpression": "attribute_not_exists(pk) OR expires_at <= :now",
        "ExpressionAttributeNames": {f"#{name}": name for name in (*values, *gone)},
        "ExpressionAttributeValues": {
            **{f":{name}": value for name, value in values.items()},
            ":now": items.number(now),
        },
    }


def _cancel_scheduled(key: RecordKey, now: float) -> Mapping[str, Any]:
    return {
        "Key": items.key_item(key),
        "UpdateExpression": "SET #state = :cancelled ADD version :one",
        "ConditionExpression": "#state = :scheduled AND expires_at > :now AND lease_until <= :now"
        " AND attribute_not_exists(#open)",
        "ExpressionAttributeNames": {"#state": "state", "#open": "open"},
        "ExpressionAttributeValues": {
            ":cancelled": {"S": "cancelled"},
            ":scheduled": {"S": "scheduled"},
            ":now": items.number(now),
            ":one": items.number(1),
        },
    }


def _unreachable(error: ClientError | BotoCoreError) -> Unreachable:
    return Unreachable(code=sessions.error_code(error))
