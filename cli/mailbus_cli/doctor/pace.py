"""Keeps calls of SES apart: all its actions but those that send take about one call a second each.

https://docs.aws.amazon.com/ses/latest/dg/quotas.html
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

SECONDS: Final = 1.05
# the functions call some of them too
ATTEMPTS: Final = 4
THROTTLED: Final = frozenset({"TooManyRequestsException", "Throttling", "ThrottlingException"})


class Pace:
    """Makes one call of an action at a time, and the next one a second later; threads may share it.

    `clock` returns seconds, `sleep` takes them.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._next: dict[str, float] = {}

    def call(self, operation: str, call: Callable[[], T]) -> T:
        """Return what `call` returns, in its turn; again if SES refuses it because of others' calls."""
        from botocore.exceptions import ClientError  # noqa: PLC0415 - takes long to load

        for attempt in range(1, ATTEMPTS + 1):
            self._sleep(self._reserve(operation))
            try:
                return call()
            except ClientError as error:
                if attempt == ATTEMPTS or error.response["Error"]["Code"] not in THROTTLED:
                    raise
        raise AssertionError

    def _reserve(self, operation: str) -> float:
        """Return how long the turn is away."""
        with self._lock:
            now = self._clock()
            turn = max(now, self._next.get(operation, 0.0))
            self._next[operation] = turn + SECONDS
            return turn - now
