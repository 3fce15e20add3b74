"""The rate's item in a model of DynamoDB, for workers that share it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from bench.world.clock import START, Clock
from bench.world.dynamodb import ConditionalCheckFailed, Table
from sender.rate.table import RateTable

if TYPE_CHECKING:
    from collections.abc import Callable

NOW: Final = START


class SharedItem:
    """A client of a table in memory, which takes 1,000 writes a second of its `clock`.

    `outage` is raised by each call; `before` runs before each update.
    """

    exceptions = SimpleNamespace(ConditionalCheckFailedException=ConditionalCheckFailed)

    def __init__(self) -> None:
        self.clock = Clock()
        self._table = Table(self.clock)
        self.calls: list[str] = []
        self.outage: Exception | None = None
        self.before: Callable[[], object] | None = None

    def get_item(self, **request: Any) -> dict[str, Any]:
        assert request["ConsistentRead"], "the rate is read as it is now"
        self._called("read")
        return self._table.get_item(request)

    def update_item(self, **request: Any) -> dict[str, Any]:
        self._called("write")
        if before := self.before:
            self.before = None
            before()
        return self._table.update_item(request)

    def rates(self, *, bulk_share: float = 1.0) -> RateTable:
        """Return a worker's view of the item."""
        client: Any = self
        return RateTable(client, "ledger", bulk_share=bulk_share)

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if self.outage:
            raise self.outage
