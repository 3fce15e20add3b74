"""Measures a batch: how many events of each type it published, and how late SES's `Send` events were.

The sender waits for a `Send` event before a mail in doubt is sent again, so its delay is what matters; other
events may be of a time long before SES reports them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailbus.metrics import EVENT_DELAY_SECONDS, count_events

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mailbus.metrics import Metric
    from tracking.tracker import TrackedRecord


class Measures:
    """The measures of a batch, of which each chunk is added once it is published."""

    def __init__(self) -> None:
        self._event_types: list[str] = []
        self._delay_seconds = 0.0

    def add(self, tracked_records: Sequence[TrackedRecord], unfinished: Iterable[str], *, now: float) -> None:
        """Add records, without those whose SQS message id is among the unfinished: they are retried."""
        retried = set(unfinished)
        done = [tracked for tracked in tracked_records if tracked.record.message_id not in retried]
        self._event_types += [event.event_type for tracked in done for event in tracked.normalized.events]
        for tracked in done:
            accepted_at = tracked.normalized.accepted_at
            # what was redriven has waited for somebody to do so
            if accepted_at is not None and tracked.record.redriven_from is None:
                self._delay_seconds = max(self._delay_seconds, now - accepted_at)

    def metrics(self) -> dict[Metric, float]:
        """Return the batch's metrics."""
        return {**count_events(self._event_types), EVENT_DELAY_SECONDS: self._delay_seconds}
