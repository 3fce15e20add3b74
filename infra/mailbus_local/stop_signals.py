"""Turns SIGINT, SIGTERM, SIGHUP and other requests to stop into a flag that is checked between steps.

An exception raised by a signal handler could come between the start of a process and the statement that
registers it for cleanup. An event of `threading` could lock itself out: the handler runs in the thread that
waits, which may hold the event's lock (https://docs.python.org/3/library/signal.html#signals-and-threads). A
`SimpleQueue` is made for handlers: https://docs.python.org/3/library/queue.html#queue.SimpleQueue.put
"""

from __future__ import annotations

import contextlib
import queue
import signal
from typing import TYPE_CHECKING

from mailbus_local.errors import EmbeddedAwsError

if TYPE_CHECKING:
    from types import FrameType


class StopRequest:
    """Set by the first SIGINT, SIGTERM or SIGHUP after `listen`, or by `request`.

    `number` is the signal's, or 0. SIGHUP comes when a terminal is closed, unless `nohup` ignores it.
    """

    def __init__(self) -> None:
        self.number = 0
        self._requested = False
        self._requests: queue.SimpleQueue[None] = queue.SimpleQueue()

    def listen(self) -> None:
        """Install the signal handlers. Works only in the main thread."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._handle)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            signal.signal(signal.SIGHUP, self._handle)

    def request(self) -> None:
        """Request a stop, from any thread."""
        self._requests.put(None)

    def wait(self, seconds: float) -> bool:
        """Wait for a request, in one thread. Return True as soon as one came, False after `seconds`."""
        if not self._requested:
            with contextlib.suppress(queue.Empty):
                self._requests.get(timeout=seconds)
                self._requested = True
        return self._requested

    def sleep(self, seconds: float) -> None:
        """Wait. Raise `EmbeddedAwsError` as soon as a stop is requested."""
        if self.wait(seconds):
            reason = "stopped before the system was ready"
            raise EmbeddedAwsError(reason)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        self.number = number
        self._requests.put(None)
