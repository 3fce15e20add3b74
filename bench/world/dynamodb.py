"""A model of DynamoDB: one table, and a process's client of it.

The table answers at once, and the client adds how long that takes. Items are kept in MessagePack: nobody else
can change them, and they need little room.
"""

from __future__ import annotations

import math
from collections import Counter
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import msgspec
from botocore.exceptions import ClientError

from bench.world.capacity import ITEM_UNITS, READ_UNIT_BYTES, UNIT_BYTES, Capacity, item_bytes
from bench.world.costs import CALL_CPU, DYNAMODB_SPREAD, ITEM_CPU
from bench.world.expressions import check_placeholders, holds, updated
from bench.world.partiql import inserted
from mailbus.timeline.items import CREATED
from sender.wiring import ATTEMPTS

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from bench.world.clock import Clock
    from bench.world.process import Process

    Key = tuple[str, str]
    Item = dict[str, Any]

# the partition of the items that all workers share
RATE_PARTITION: Final = "rate"
CONDITION_FAILED: Final = "ConditionalCheckFailedException"
ITEM_THROTTLED: Final = "ProvisionedThroughputExceededException"
TABLE_THROTTLED: Final = "ThrottlingException"
# botocore's standard mode retries these, after up to a second
THROTTLED: Final = frozenset({ITEM_THROTTLED, TABLE_THROTTLED})
# of an item, or an entry in an index, in its price:
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
ADDED_BYTES: Final = 100
# the codes of a statement's error
DUPLICATE: Final = "DuplicateItem"
STATEMENT_THROTTLED: Final = "ThrottlingError"

_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(dict[str, Any])


class ConditionalCheckFailed(ClientError):  # noqa: N818 - as DynamoDB names it
    """A condition does not hold."""


class Table:
    """One on-demand table. `table_units` limits its writes a second; None for none.

    `indexes` has the attributes of the partition keys of its indexes, which hold keys alone, by `created`.

    `calls` counts requests by operation, `rate_writes` those to items that all workers share, and how many of
    them were throttled.
    """

    def __init__(
        self, clock: Clock, *, table_units: float | None = None, indexes: Collection[str] = ()
    ) -> None:
        self.calls: Counter[str] = Counter()
        self.write_units = 0.0
        self.read_units = 0.0
        self.rate_writes = 0
        self.rate_writes_throttled = 0
        self._indexes = indexes
        self._items: dict[Key, bytes] = {}
        self._of_items = Capacity(ITEM_UNITS, clock.time)
        self._of_table = None if table_units is None else Capacity(table_units, clock.time)

    def items(self) -> Iterator[Item]:
        """Yield all items, as they are."""
        for data in self._items.values():
            yield _DECODER.decode(data)

    @property
    def stored_bytes(self) -> int:
        """The size of all items and of their entries in indexes, each with what DynamoDB adds to it."""
        return sum(self._stored_bytes(item) for item in self.items())

    def _stored_bytes(self, item: Item) -> int:
        entries = [
            {name: item[name] for name in ("pk", "sk", CREATED, attribute)}
            for attribute in self._indexes
            if _entry(item, attribute)
        ]
        return sum(item_bytes(each) + ADDED_BYTES for each in (item, *entries))

    def get_item(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer GetItem."""
        found = self._read(_key(request["Key"]))
        return {"Item": found} if found else {}

    def batch_get_item(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer BatchGetItem, for one table."""
        ((name, asked),) = request["RequestItems"].items()
        found = [self._read(_key(key)) for key in asked["Keys"]]
        return {"Responses": {name: [item for item in found if item]}, "UnprocessedKeys": {}}

    def put_item(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer PutItem."""
        self._write_one("PutItem", _key(request["Item"]), request, lambda _: request["Item"])
        return {}

    def update_item(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer UpdateItem."""
        key = _key(request["Key"])
        new = self._write_one("UpdateItem", key, request, lambda old: updated(request, old or request["Key"]))
        return {"Attributes": new} if request.get("ReturnValues") == "ALL_NEW" else {}

    def batch_write_item(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer BatchWriteItem, for one table: what is throttled is unprocessed."""
        ((name, asked),) = request["RequestItems"].items()
        throttled = ""
        left: list[Any] = []
        for each in asked:
            item = each["PutRequest"]["Item"]
            key, data = _key(item), _ENCODER.encode(item)
            units = _units(item, data) + self._index_units(self._item(key), item)
            throttled = self._throttled(key, units)
            if throttled:
                left.append(each)
            else:
                self._use(key, units)
                self._items[key] = data
        if len(left) == len(asked):
            raise _error(throttled, "BatchWriteItem")
        return {"UnprocessedItems": {name: left} if left else {}}

    def batch_execute_statement(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer BatchExecuteStatement, with INSERT alone: each by itself."""
        responses: list[dict[str, Any]] = []
        for statement in request["Statements"]:
            name, item = inserted(statement)
            key, data = _key(item), _ENCODER.encode(item)
            units = _units(item, data)
            error = STATEMENT_THROTTLED if self._throttled(key, units) else ""
            if not error:
                self._use(key, units)
                error = DUPLICATE if key in self._items else ""
            if error:
                responses.append({"Error": {"Code": error, "Message": "refused"}})
            else:
                self._items[key] = data
                responses.append({"TableName": name})
        return {"Responses": responses}

    def _read(self, key: Key) -> Item:
        self.read_units += max(1, math.ceil(len(self._items.get(key, b"")) / READ_UNIT_BYTES))
        return self._item(key)

    def _item(self, key: Key) -> Item:
        """Return an item; an empty one if there is none."""
        data = self._items.get(key)
        return _DECODER.decode(data) if data else {}

    def _write_one(
        self, operation: str, key: Key, request: Mapping[str, Any], change: Callable[[Item], Item]
    ) -> Item:
        """Write one item; a refused condition uses up as much as the item that it refused for."""
        check_placeholders(request)
        old_data, old = self._items.get(key), self._item(key)
        is_accepted = holds(request, old)
        new = change(old) if is_accepted else old
        data = _ENCODER.encode(new)
        units = max(_units(new, data), _units(old, old_data or b"")) + self._index_units(old, new)
        throttled = self._throttled(key, units)
        if key[0] == RATE_PARTITION:
            self.rate_writes += 1
            self.rate_writes_throttled += bool(throttled)
        if throttled:
            raise _error(throttled, operation)
        self._use(key, units)
        if not is_accepted:
            shown = {"Item": old} if old and "ReturnValuesOnConditionCheckFailure" in request else {}
            raise _error(CONDITION_FAILED, operation, **shown)
        self._items[key] = data
        return new

    def _index_units(self, old: Item, new: Item) -> int:
        """Return what the indexes use up: a unit for an entry that comes or goes, two for one that moves.

        https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html#GSI.ThroughputConsiderations
        """
        if not self._indexes:
            return 0
        entries = [(_entry(old, attribute), _entry(new, attribute)) for attribute in self._indexes]
        return sum((before is not None) + (after is not None) for before, after in entries if before != after)

    def _throttled(self, key: Key, units: float) -> str:
        """Return the code of the error if a write is throttled."""
        if not self._of_items.has(key, units):
            return ITEM_THROTTLED
        if self._of_table is not None and not self._of_table.has(None, units):
            return TABLE_THROTTLED
        return ""

    def _use(self, key: Key, units: float) -> None:
        self.write_units += units
        self._of_items.take(key, units)
        if self._of_table is not None:
            self._of_table.take(None, units)


class DynamoDbClient:
    """A process's client, which retries as the sender's does: in botocore's standard mode.

    `write_units` and `read_units` are those of its own calls.
    """

    exceptions = SimpleNamespace(ConditionalCheckFailedException=ConditionalCheckFailed)

    def __init__(self, process: Process, table: Table, *, round_trip: float, chance: random.Random) -> None:
        self.write_units = 0.0
        self.read_units = 0.0
        self._process = process
        self._table = table
        self._round_trip = round_trip
        self._chance = chance

    def get_item(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - a request of boto3
        """Get one item."""
        return self._call("GetItem", 1, lambda: self._table.get_item(request))

    def batch_get_item(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
        """Get many items."""
        [asked] = request["RequestItems"].values()
        return self._call("BatchGetItem", len(asked["Keys"]), lambda: self._table.batch_get_item(request))

    def put_item(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
        """Put one item."""
        return self._call("PutItem", 1, lambda: self._table.put_item(request))

    def update_item(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
        """Update one item."""
        return self._call("UpdateItem", 1, lambda: self._table.update_item(request))

    def batch_write_item(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
        """Put many items."""
        [asked] = request["RequestItems"].values()
        return self._call("BatchWriteItem", len(asked), lambda: self._table.batch_write_item(request))

    def batch_execute_statement(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
        """Insert many items, each by itself."""
        size = len(request["Statements"])
        answer = self._table.batch_execute_statement
        return self._call("BatchExecuteStatement", size, lambda: answer(request))

    def _call(self, operation: str, items: int, answer: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        def counted() -> dict[str, Any]:
            writes, reads = self._table.write_units, self._table.read_units
            try:
                return answer()
            finally:
                self.write_units += self._table.write_units - writes
                self.read_units += self._table.read_units - reads

        for attempt in range(ATTEMPTS):
            self._table.calls[operation] += 1
            try:
                return self._process.call(
                    CALL_CPU + items * ITEM_CPU, self._one_way(), self._one_way(), counted
                )
            except ClientError as error:
                if error.response["Error"]["Code"] not in THROTTLED or attempt == ATTEMPTS - 1:
                    raise
            self._process.pause(self._chance.random() * 2**attempt)
        raise AssertionError

    def _one_way(self) -> float:
        return self._round_trip / 2 * self._chance.uniform(*DYNAMODB_SPREAD)


def _key(item: Mapping[str, Any]) -> Key:
    return item["pk"]["S"], item["sk"]["S"]


def _entry(item: Item, attribute: str) -> tuple[Any, Any] | None:
    """Return the key of an item in an index; None if it is not in it."""
    if attribute not in item or CREATED not in item:
        return None
    return item[attribute], item[CREATED]


def _units(item: Item, data: bytes) -> int:
    """Return an item's write units; its MessagePack is never smaller than what DynamoDB counts."""
    return 1 if len(data) <= UNIT_BYTES else max(1, math.ceil(item_bytes(item) / UNIT_BYTES))


def _error(code: str, operation: str, **more: Item | Sequence[Any]) -> ClientError:
    kind = ConditionalCheckFailed if code == CONDITION_FAILED else ClientError
    error = kind({"Error": {"Code": code, "Message": "refused"}}, operation)
    error.response.update(more)  # type: ignore[typeddict-item] # what single errors have beside
    return error
