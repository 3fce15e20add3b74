"""A DynamoDB table in memory: the calls and expressions that are used, as DynamoDB answers them."""

from __future__ import annotations

import copy
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from bench.world.expressions import check_placeholders, holds, updated
from bench.world.partiql import STATEMENTS, inserted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TABLE: Final = "mailbus-dev-ledger"
COMPARISONS: Final[dict[str, Callable[[str, str], bool]]] = {
    "EQ": lambda left, right: left == right,
    "LT": lambda left, right: left < right,
    "BEGINS_WITH": lambda left, right: left.startswith(right),
}


def refused(code: str, operation: str = "UpdateItem", **more: Any) -> ClientError:
    """Make an error as botocore raises it."""
    error = ClientError({"Error": {"Code": code, "Message": "refused"}}, operation)
    error.response.update(more)  # type: ignore[typeddict-item] # what single errors hold beside
    return error


class FakeDynamoDb:
    """`errors` are raised by the next calls, one each, None for a call that works.

    `unprocessed` counts how many requests of the next batch calls are left unprocessed, one number for each.
    `statement_errors` has the codes of the next batches of statements, by the places of those that fail.
    `indexes` has the partition key of each index by its name, all with keys alone, sorted by `created`. A
    query is answered in pages of `page_items`.
    """

    def __init__(
        self, *, table: str = TABLE, indexes: Mapping[str, str] = MappingProxyType({}), page_items: int = 1000
    ) -> None:
        self.table = table
        self.indexes = indexes
        self.page_items = page_items
        self.items: dict[tuple[str, str], dict[str, Any]] = {}
        self.calls: list[tuple[str, int]] = []
        self.errors: list[Exception | None] = []
        self.unprocessed: list[int] = []
        self.statement_errors: list[dict[int, str]] = []
        self.before: Callable[[], None] = lambda: None

    def batch_execute_statement(self, *, Statements: list[Any]) -> dict[str, Any]:  # noqa: N803 - AWS's name
        self._called("BatchExecuteStatement", len(Statements))
        items = [inserted(statement) for statement in Statements]
        assert {table for table, _ in items} == {self.table}
        keys = [item_key(item) for _, item in items]
        assert 0 < len(set(keys)) == len(keys) <= STATEMENTS, "each item once, 25 in all"
        codes = self.statement_errors.pop(0) if self.statement_errors else {}
        responses: list[dict[str, Any]] = []
        for place, (key, (_, item)) in enumerate(zip(keys, items, strict=True)):
            code = codes.get(place, "DuplicateItem" if key in self.items else None)
            if code is None:
                self.items[key] = copy.deepcopy(item)
                responses.append({"TableName": self.table})
            else:
                responses.append({"Error": {"Code": code, "Message": "refused"}})
        return {"Responses": responses}

    def put_item(self, **request: Any) -> dict[str, Any]:
        self._write("PutItem", request, request["Item"], lambda _: request["Item"])
        return {}

    def batch_write_item(self, *, RequestItems: dict[str, list[Any]]) -> dict[str, Any]:  # noqa: N803 - as above
        requests = RequestItems[self.table]
        self._called("BatchWriteItem", len(requests))
        puts = [request["PutRequest"]["Item"] if "PutRequest" in request else None for request in requests]
        keys = [
            item_key(request["DeleteRequest"]["Key"] if put is None else put)
            for request, put in zip(requests, puts, strict=True)
        ]
        assert len(set(keys)) == len(keys) <= 25, "each item once, 25 in all"
        taken = len(requests) - self._left_over()
        for key, put in zip(keys[:taken], puts[:taken], strict=True):
            if put is None:
                self.items.pop(key, None)
            else:
                self.items[key] = copy.deepcopy(put)
        left = requests[taken:]
        return {"UnprocessedItems": {self.table: left} if left else {}}

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803 - as above
        request = RequestItems[self.table]
        keys = request["Keys"]
        self._called("BatchGetItem", len(keys))
        assert request.get("ConsistentRead") or self.table != TABLE, "the ledger is read as it is now"
        assert 0 < len({item_key(key) for key in keys}) == len(keys) <= 100, "each key once, 100 in all"
        taken = len(keys) - self._left_over()
        found = [copy.deepcopy(self.items[item_key(k)]) for k in keys[:taken] if item_key(k) in self.items]
        left = keys[taken:]
        unprocessed = {self.table: {"Keys": left}} if left else {}
        return {"Responses": {self.table: found}, "UnprocessedKeys": unprocessed}

    def query(self, **request: Any) -> dict[str, Any]:
        self._called("Query", 1)
        assert request["TableName"] == self.table
        index, conditions = request.get("IndexName"), request["KeyConditions"]
        names = ("pk", "sk") if index is None else (self.indexes[index], "created")
        assert names[0] in conditions, "the partition key"
        assert conditions.keys() <= set(names), "keys alone"
        order = [names[1], "pk", "sk"]

        def sort_key(item: dict[str, Any]) -> list[str]:
            return [item[name]["S"] for name in order]

        found = sorted(
            (item for item in self.items.values() if all(name in item for name in names)),
            key=sort_key,
            reverse=not request.get("ScanIndexForward", True),
        )
        found = [item for item in found if all(compares(item, *each) for each in conditions.items())]
        if start := request.get("ExclusiveStartKey"):
            found = found[[item_key(item) for item in found].index(item_key(start)) + 1 :]
        size = min(self.page_items, request.get("Limit", self.page_items))
        page = [copy.deepcopy(item) for item in found[:size]]
        keys = {"pk", "sk", *names}
        if index is not None:
            page = [{name: item[name] for name in keys} for item in page]
        last = {name: page[-1][name] for name in keys} if len(page) == size else None
        return {"Items": page} | ({"LastEvaluatedKey": last} if last else {})

    def update_item(self, **request: Any) -> dict[str, Any]:
        self._write(
            "UpdateItem", request, request["Key"], lambda old: updated(request, old or request["Key"])
        )
        return {}

    def _write(
        self,
        operation: str,
        request: dict[str, Any],
        keyed: dict[str, Any],
        change: Callable[[dict[str, Any]], dict[str, Any]],
    ) -> None:
        self._called(operation, 1)
        assert request["TableName"] == self.table
        check_placeholders(request)
        found = self.items.get(item_key(keyed), {})
        if not holds(request, found):
            shown = {"Item": copy.deepcopy(found)} if found else {}
            code = "ConditionalCheckFailedException"
            raise refused(code, operation, **shown)
        self.items[item_key(keyed)] = copy.deepcopy(change(found))

    def _called(self, operation: str, size: int) -> None:
        self.before()
        self.calls.append((operation, size))
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error

    def _left_over(self) -> int:
        return self.unprocessed.pop(0) if self.unprocessed else 0


def item_key(item: dict[str, Any]) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]


def compares(item: dict[str, Any], name: str, condition: dict[str, Any]) -> bool:
    """Evaluate one of a query's conditions on keys."""
    ((_, value),) = condition["AttributeValueList"][0].items()
    return COMPARISONS[condition["ComparisonOperator"]](item[name]["S"], value)
