"""A stand-in for what Lambda passes to a handler beside the event."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class FakeLambdaContext:
    """An invocation with `seconds` left, which may be a function of what happened since."""

    def __init__(
        self, seconds: float | Callable[[], float] = 60.0, *, function_name: str = "mailbus-dev-function"
    ) -> None:
        self.function_name = function_name
        self._seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        seconds = self._seconds() if callable(self._seconds) else self._seconds
        return int(seconds * 1000)
