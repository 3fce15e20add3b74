"""A model of EventBridge: a bus that takes all entries, and a process's client of it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from bench.world.costs import CALL_CPU, EVENTS_SECONDS, ITEM_CPU, OTHER_SPREAD

if TYPE_CHECKING:
    import random
    from collections import Counter
    from collections.abc import Callable

    from bench.world.process import Process

# EventBridge bills each 64 KB of an event: https://aws.amazon.com/eventbridge/pricing/
CHUNK_BYTES: Final = 64 * 1024


class Bus:
    """A bus, which counts what is put on it: `events`, their `bytes`, and how many EventBridge bills.

    `on_event` is called with each entry.
    """

    def __init__(self) -> None:
        self.events = 0
        self.bytes = 0
        self.chunks = 0
        self.on_event: Callable[[dict[str, Any]], None] = lambda _: None

    def put(self, entry: dict[str, Any]) -> None:
        """Take an entry."""
        size = len(entry["Detail"].encode()) + len(entry["DetailType"]) + len(entry["Source"])
        self.events += 1
        self.bytes += size
        self.chunks += math.ceil(size / CHUNK_BYTES)
        self.on_event(entry)


class EventsClient:
    """A process's client. `calls` counts requests."""

    def __init__(self, process: Process, chance: random.Random, *, bus: Bus, calls: Counter[str]) -> None:
        self._process = process
        self._chance = chance
        self._bus = bus
        self._calls = calls

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - AWS's name
        """Put entries."""
        self._calls["PutEvents"] += 1
        half = EVENTS_SECONDS / 2 * self._chance.uniform(*OTHER_SPREAD)

        def answer() -> dict[str, Any]:
            for entry in Entries:
                self._bus.put(entry)
            return {"FailedEntryCount": 0, "Entries": [{} for _ in Entries]}

        return self._process.call(CALL_CPU + ITEM_CPU * len(Entries), half, half, answer)
