"""The figures beside every page, kept up to date by one thread for as long as somebody looks."""

from __future__ import annotations

import logging
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from mailbus_cli import pace
from mailbus_cli.doctor import durations
from mailbus_cli.room import attention, chart

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailbus_cli.room.doctor_run import DoctorRun
    from mailbus_cli.room.failures import Failure
    from mailbus_cli.room.readings import Reading

_LOG: Final = logging.getLogger(__name__)
#: A page asks again each interval; after so many without a question nobody looks.
IDLE_INTERVALS: Final = 3
#: How long a page of these figures waits for the first.
WAIT_SECONDS: Final = 15.0
# Figures from before nobody looked are not shown as those of now.
OLD_SECONDS: Final = 300


class Sidebar(msgspec.Struct, frozen=True, kw_only=True):
    """The figures as texts; None where one is not known. The counts are of badges, which 0 does not have."""

    pace: str | None = None
    sparkline: chart.Sparkline | None = None
    waiting: str | None = None
    oldest: str | None = None
    read_at: datetime | None = None
    received: int | None = None
    dead_letters: int = 0
    attention: int = 0


class Vitals:
    """The last reading, by a thread that `read` is called in every so many seconds while somebody looks."""

    def __init__(self, read: Callable[[], Reading], seconds: float) -> None:
        self.seconds = seconds
        self._read = read
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._reading: Reading | None = None
        self._failure: Failure | None = None
        self._looked_at = 0.0
        self._ended_at = 0.0

    @property
    def last(self) -> Reading | None:
        """The last reading, at once; None before the first, and if it is old."""
        reading = self._reading
        is_old = reading is None or datetime.now(UTC) - reading.at > timedelta(seconds=OLD_SECONDS)
        return reading if self._failure or not is_old else None

    @property
    def failure(self) -> Failure | None:
        """Why the last reading was in vain; what is shown is older then."""
        return self._failure

    def look(self) -> Reading | None:
        """Return a reading of about now, for which this waits if need be; None if nothing can be read."""
        with self._changed:
            self._looked_at = begun = time.monotonic()
            if self._thread is None:
                self._ended_at = 0.0
                self._thread = threading.Thread(target=self._run, name="vitals", daemon=True)
                self._thread.start()
            self._changed.wait_for(lambda: self._ended_at > begun - 2 * self.seconds, timeout=WAIT_SECONDS)
            return self._reading

    def _run(self) -> None:
        while True:
            reading = self._try()
            with self._changed:
                if reading is not None:
                    self._failure = reading.failure
                    if reading.failure is None or self._reading is None:
                        self._reading = reading
                self._ended_at = time.monotonic()
                self._changed.notify_all()
            time.sleep(self.seconds)
            with self._changed:
                if time.monotonic() - self._looked_at > self.seconds * IDLE_INTERVALS:
                    self._thread = None
                    return

    def _try(self) -> Reading | None:
        try:
            return self._read()
        except Exception:  # noqa: BLE001 - a page without figures says less, but the thread must not end
            _LOG.exception("the figures could not be read")
            return None


def sidebar(reading: Reading | None, run: DoctorRun | None) -> Sidebar:
    """Return the texts of a reading."""
    if reading is None or reading.failure:
        return Sidebar()
    limits, rates, queues = reading.limits.value, reading.pace.value, reading.queues.value
    ages = [queue.oldest for queue in queues.all if queue.oldest is not None] if queues else []
    return Sidebar(
        pace=f"{pace.number(rates.now)} of {pace.number(limits.rate)} / s" if rates and limits else None,
        sparkline=chart.sparkline(rates, limits.rate) if rates and limits else None,
        waiting=f"{queues.waiting:,}" if queues and queues.waiting is not None else None,
        oldest=durations.words(max(ages)) if ages else None,
        read_at=reading.at,
        received=reading.received.value,
        dead_letters=sum(queues.dead_letters.values()) if queues else 0,
        attention=len(attention.items(reading, run)),
    )
