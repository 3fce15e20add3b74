"""A model of EventBridge, as a process's client of it: it takes all entries, and counts calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.world.costs import CALL_CPU, EVENTS_SECONDS, ITEM_CPU, OTHER_SPREAD

if TYPE_CHECKING:
    import random
    from collections import Counter

    from bench.world.process import Process


class EventsClient:
    """A process's client. `calls` counts requests."""

    def __init__(self, process: Process, chance: random.Random, *, calls: Counter[str]) -> None:
        self._process = process
        self._chance = chance
        self._calls = calls

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - AWS's name
        """Put entries."""
        self._calls["PutEvents"] += 1
        half = EVENTS_SECONDS / 2 * self._chance.uniform(*OTHER_SPREAD)
        answer = {"FailedEntryCount": 0, "Entries": [{} for _ in Entries]}
        return self._process.call(CALL_CPU + ITEM_CPU * len(Entries), half, half, lambda: answer)
