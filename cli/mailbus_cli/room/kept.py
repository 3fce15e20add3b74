"""Keeps what is costly to read, so that reading it takes a small share of the time however large it grows."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from mailbus.errors import MailbusError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

#: The share of the time that may go into reading.
SHARE: Final = 0.05
#: A page waits so long for a reading: one that is quick is always fresh.
WAIT_SECONDS: Final = 0.02


class Kept(Generic[T]):
    """A value that `read` returns, read in the background; `clock` returns seconds."""

    def __init__(
        self,
        read: Callable[[], T],
        *,
        wait_seconds: float = WAIT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._wait_seconds = wait_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._value: T | None = None
        self._due = 0.0

    @property
    def value(self) -> T | None:
        """The value as it was read last; None before."""
        return self._value

    def get(self) -> T | None:
        """Return the value, read again if that is due; the one before if it takes long, None at first."""
        with self._lock:
            if self._thread is None and self._clock() >= self._due:
                self._thread = threading.Thread(target=self._refresh, daemon=True)
                self._thread.start()
            thread = self._thread
        if thread is not None:
            thread.join(self._wait_seconds)
        return self._value

    def _refresh(self) -> None:
        begun = self._clock()
        try:
            self._value = self._read()
        except (MailbusError, ClientError, BotoCoreError):
            # the page itself reads as well, and says what is wrong
            pass
        finally:
            now = self._clock()
            with self._lock:
                self._due = now + (now - begun) / SHARE
                self._thread = None
