"""A batch of SES's reports, step by step: read, find its jobs, complete, publish, give back.

A record goes back to its queue while the bus cannot take its events, or the ledger cannot be told or asked:
events have deterministic ids, so that repeating them is harmless. What can never become an event, or has
come too often, is kept in the dead-letter queue with the reason, then acknowledged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

import msgspec
from aws_lambda_powertools import Logger

from mailbus.bus import TOO_LARGE, EventBus, PublishFailure
from mailbus.dead_letters import DeadLetterQueue
from mailbus.errors import InvalidNotification, MailbusError, PublishError
from mailbus.events import BusEntry, EmailEvent, entry
from mailbus.ledger import Ledger, Unreachable
from mailbus.settings import TrackingSettings
from mailbus.sns import parse_notification
from mailbus.sqs import Record
from tracking.esp_events import EspEvents
from tracking.lookup import complete, found_by_message, identified, news
from tracking.normalize import Report, normalize
from tracking.tracking_queue import TrackingQueue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from mailbus.job_records import JobRecord, RecordKey, SentEntry

NOT_WRITTEN_DOWN: Final = "NotWrittenDown"
T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")


class Tracker(msgspec.Struct, frozen=True, kw_only=True):
    """What the function works with; `now` gives epoch seconds."""

    settings: TrackingSettings
    ledger: Ledger
    bus: EventBus
    esp_events: Callable[[], EspEvents]
    queue: TrackingQueue
    dead_letters: DeadLetterQueue
    log: Logger
    now: Callable[[], float]


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What a record reports."""

    record: Record
    report: Report


class Parcel(msgspec.Struct, frozen=True, kw_only=True):
    """One event on its way, wrapped as it is, with the record that it came from."""

    reading: Reading
    event: EmailEvent
    whole: BusEntry


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A record that is not done, and why; without `again` it never can be.

    It comes again when the queue's visibility timeout is over, or after so many `seconds`.
    """

    record: Record
    error: MailbusError
    again: bool = True
    seconds: float | None = None


def process(batch: Sequence[Record], tracker: Tracker) -> tuple[Record, ...]:
    """Publish what the records report; return those that have to be tried again."""
    readings, held = _each(batch, lambda record: _read(record, tracker), lambda record: record)
    readings, unidentified = _identify(readings, tracker)
    readings, unsettled = _settle(readings, tracker)
    parcels, unwrapped = _each(readings, _wrapped, lambda reading: reading.record)
    held += unidentified + unsettled + unwrapped + _publish(parcels, tracker)
    back = _give_back(held, tracker)
    tracker.log.info("batch done", records=len(batch), events=len(parcels), given_back=len(back))
    return back
