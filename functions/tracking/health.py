"""Records now and then that reports are processed, and at once that some were late."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from mailbus.errors import SendError
from mailbus.ledger.tracking_health import LATE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailbus.aws.sqs import Record
    from mailbus.ledger.acceptances import Acceptances

# how often a process records it
INTERVAL_SECONDS: Final = 10.0


class HealthNotes:
    """Writes the health of tracking for one process, which did so at `noted_at` (epoch seconds)."""

    def __init__(self, noted_at: float = 0.0) -> None:
        self._noted_at = noted_at

    def note(self, records: Iterable[Record], ledger: Acceptances, now: float) -> None:
        """Record that a batch was processed; without a record the sender waits, so no error matters."""
        oldest = min((record.sent_at for record in records if record.sent_at is not None), default=now)
        if now - oldest <= LATE_SECONDS and now - self._noted_at < INTERVAL_SECONDS:
            return
        with contextlib.suppress(SendError):
            ledger.note_processed(now, oldest)
            self._noted_at = now
