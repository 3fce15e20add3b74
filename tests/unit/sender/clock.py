"""Simulated time."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

from tests.unit.sender.settings import (
    START,
)


class Clock:
    """Time that passes only while something waits for it."""

    def __init__(self) -> None:
        self.now = START
        self._lock = threading.Lock()

    def wait_until(self, moment: float) -> None:
        with self._lock:
            self.now = max(self.now, moment)


def moment(seconds: float) -> str:
    """Return the time that many seconds after the start, as a job has it."""
    return datetime.fromtimestamp(START + seconds, UTC).isoformat()
