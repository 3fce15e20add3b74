"""Turns SIGINT, SIGTERM, SIGHUP and other requests to stop into a flag that is checked between steps.

An exception raised by a signal handler could come between the start of a process and the statement that
registers it for cleanup.
"""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType


class StopRequest:
    """Set by the first SIGINT, SIGTERM or SIGHUP after `listen`, or by `request`.

    `number` is the signal's, or 0. SIGHUP comes when a terminal is closed, unless `nohup` ignores it.
    """

    def __init__(self) -> None:
        self.number = 0
        self._requested = threading.Event()

    def listen(self) -> None:
        """Install the signal handlers. Works only in the main thread."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._handle)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            signal.signal(signal.SIGHUP, self._handle)

    def request(self) -> None:
        """Request a stop, from any thread."""
        self._requested.set()

    def wait(self, seconds: float) -> bool:
        """Wait for a signal. Return True as soon as one came, False after `seconds`."""
        return self._requested.wait(seconds)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        self.number = number
        self._requested.set()
