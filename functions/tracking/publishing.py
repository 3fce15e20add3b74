"""Publishes a batch's events on the bus, those that are too large without SES's own JSON.

Each recipient's event carries all of SES's JSON, so a notification of many recipients becomes large: only
so many events are encoded at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from mailbus.aws.event_bus import TOO_LARGE, PublishFailure
from mailbus.bus_entries import BusEntry, bus_entry
from mailbus.errors import PublishError
from mailbus.events import EmailEvent
from tracking.tracker import TrackedRecord, Unfinished, each

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tracking.tracker import Tracker

# the encoded events that are in memory at a time
CHUNK_BYTES: Final = 16 * 1024 * 1024
# An event has SES's JSON, and the fields that are read from it.
SIZES_PER_EVENT: Final = 2


class PendingEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One event to be published, with the record that it came from."""

    tracked: TrackedRecord
    event: EmailEvent


class _Published(msgspec.Struct, frozen=True, kw_only=True):
    """What was not published: events that the bus refused, records of events that cannot be encoded."""

    failures: list[tuple[PendingEvent, PublishFailure]]
    unfinished: list[Unfinished]


def publish(tracked_records: Iterable[TrackedRecord], tracker: Tracker) -> list[Unfinished]:
    """Put events on the bus; return the records that are not done.

    An event that is too large refers to SES's own JSON in S3 instead of carrying it. Such events come last,
    since they need S3 too.
    """
    pending = [
        PendingEvent(tracked=tracked, event=event)
        for tracked in tracked_records
        for event in tracked.normalized.events
    ]
    first = _publish(pending, tracker)
    too_large = [one for one, failure in first.failures if failure.code == TOO_LARGE]
    stored, unstored = each(
        _by_record(too_large),
        lambda of_record: _stored(of_record, tracker),
        lambda of_record: of_record[0].tracked.record,
    )
    last = _publish(stored, tracker)
    failures = [
        *((one, failure) for one, failure in first.failures if failure.code != TOO_LARGE),
        *last.failures,
    ]
    return [
        *first.unfinished,
        *unstored,
        *last.unfinished,
        *(
            Unfinished(
                record=one.tracked.record,
                error=PublishError(failure.code, failure.reason),
                retry=failure.retryable,
            )
            for one, failure in failures
        ),
    ]


def _publish(pending: Iterable[PendingEvent], tracker: Tracker) -> _Published:
    published = _Published(failures=[], unfinished=[])
    for chunk in _chunks(pending):
        encoded, unfinished = each(chunk, _encoded, lambda one: one.tracked.record)
        failures = tracker.bus.publish([one for _, one in encoded], seconds=tracker.seconds_to_publish)
        published.failures.extend((encoded[index][0], failure) for index, failure in failures.items())
        published.unfinished.extend(unfinished)
    return published


def _chunks(pending: Iterable[PendingEvent]) -> Iterator[list[PendingEvent]]:
    """Group events, in order, into chunks that may be encoded at a time."""
    chunk: list[PendingEvent] = []
    filled = 0
    for one in pending:
        size = SIZES_PER_EVENT * len(one.tracked.normalized.esp_event)
        if chunk and filled + size > CHUNK_BYTES:
            yield chunk
            chunk, filled = [], 0
        chunk.append(one)
        filled += size
    if chunk:
        yield chunk


def _encoded(pending: PendingEvent) -> list[tuple[PendingEvent, BusEntry]]:
    return [(pending, bus_entry(pending.event, pending.tracked.normalized.resources))]


def _by_record(pending: Iterable[PendingEvent]) -> list[list[PendingEvent]]:
    """Group events of one record, which have SES's JSON in common."""
    groups: dict[str, list[PendingEvent]] = {}
    for one in pending:
        groups.setdefault(one.tracked.record.message_id, []).append(one)
    return list(groups.values())


def _stored(pending: Sequence[PendingEvent], tracker: Tracker) -> list[PendingEvent]:
    """Store SES's JSON of one record, and return its events with the reference to it instead."""
    reference = tracker.esp_events().store(pending[0].tracked.normalized.esp_event)
    return [
        PendingEvent(
            tracked=one.tracked,
            event=msgspec.structs.replace(one.event, esp_event=None, esp_event_ref=reference),
        )
        for one in pending
    ]
