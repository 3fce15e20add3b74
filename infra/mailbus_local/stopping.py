"""SIGINT and SIGTERM as a request that is looked at between steps.

An exception out of a signal handler could come between the start of a process and the note that it
has to be ended.
"""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType


class StopRequest:
    """Set by the first SIGINT or SIGTERM after `listen`."""

    def __init__(self) -> None:
        self.number = 0
        self._asked = threading.Event()

    def listen(self) -> None:
        """Take the signals; only a program's main thread may."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask)

    def wait(self, seconds: float) -> bool:
        """Wait so long at most; true as soon as it is asked."""
        return self._asked.wait(seconds)

    def _ask(self, number: int, _frame: FrameType | None) -> None:
        self.number = number
        self._asked.set()
