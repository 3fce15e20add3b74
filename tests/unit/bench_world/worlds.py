"""What the models' tests share: work in virtual time, and processes that do it."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, TypeVar

from bench.world.clock import START, Clock
from bench.world.process import Process

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def chance(seed: int = 1) -> random.Random:
    return random.Random(seed)  # noqa: S311 - the same each time


def process(clock: Clock, **options: Any) -> Process:
    return Process(clock, chance(), **options)


def timed(clock: Clock, work: Callable[[], T]) -> tuple[T, float]:
    """Run work; return its result and how many virtual seconds it took."""
    results: list[tuple[T, float]] = []

    def run() -> None:
        began = clock.now
        results.append((work(), round(clock.now - began, 6)))

    clock.spawn(run)
    clock.run()
    return results[0]


def seconds(clock: Clock) -> float:
    """Return how long a simulation has run."""
    return round(clock.now - START, 6)
