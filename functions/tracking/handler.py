"""The tracking function: SQS records with SES's reports, to normalized events on the bus.

A record goes back to its queue while the bus cannot take its events, or the ledger cannot be told or asked:
events have deterministic ids, so that repeating them is harmless. What can never become an event is kept in
the dead-letter queue with the reason, then acknowledged.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import msgspec
from aws_lambda_powertools import Logger

from mailbus import aws
from mailbus.bus import TOO_LARGE, EventBus, PublishFailure
from mailbus.dead_letters import DeadLetterQueue
from mailbus.errors import InvalidNotification, PublishError
from mailbus.events import BusEntry, EmailEvent, entry
from mailbus.ledger import Ledger, Unreachable
from mailbus.settings import TrackingSettings, from_environment
from mailbus.sns import parse_notification
from mailbus.sqs import Record, batch_response, records
from tracking.lookup import complete, news
from tracking.normalize import Report, normalize

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mailbus.errors import MailbusError
    from mailbus.job_records import JobRecord, RecordKey

MAX_ATTEMPTS = 3


class Wiring(msgspec.Struct, frozen=True, kw_only=True):
    """What the function works with; the topic is the one that its queue subscribes to."""

    topic_arn: str
    metadata_in_headers: bool = True
    ledger: Ledger
    bus: EventBus
    dead_letters: DeadLetterQueue
    log: Logger


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What a record reports."""

    record: Record
    report: Report


class Parcel(msgspec.Struct, frozen=True, kw_only=True):
    """One event on its way, wrapped as it is, with the record that it came from."""

    record: Record
    event: EmailEvent
    resources: tuple[str, ...]
    whole: BusEntry

    def bare(self) -> BusEntry:
        """Wrap the event without SES's own JSON."""
        return entry(msgspec.structs.replace(self.event, esp_event=None), self.resources)


@functools.cache
def wire() -> Wiring:
    """Read the settings and make the clients, once per process."""
    settings = from_environment(TrackingSettings)
    session = aws.session()
    # the bus tries again by itself
    events = session.client("events", config=aws.config(max_attempts=1, read_timeout=aws.SHORT_READ_TIMEOUT))
    dynamodb = session.client(
        "dynamodb", config=aws.config(max_attempts=MAX_ATTEMPTS, read_timeout=aws.SHORT_READ_TIMEOUT)
    )
    sqs = session.client(
        "sqs", config=aws.config(max_attempts=MAX_ATTEMPTS, read_timeout=aws.SHORT_READ_TIMEOUT)
    )
    return Wiring(
        topic_arn=settings.tracking_topic_arn,
        metadata_in_headers=settings.metadata_in_headers,
        ledger=Ledger(dynamodb, settings.ledger_table_name),
        bus=EventBus(events, settings.event_bus_name),
        dead_letters=DeadLetterQueue(sqs, settings.dead_letter_queue_url),
        log=Logger(),
    )


def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, list[dict[str, str]]]:
    """Answer for `ReportBatchItemFailures`."""
    return batch_response(process(records(event), wire()))


def process(batch: Sequence[Record], wiring: Wiring) -> tuple[Record, ...]:
    """Publish what the records report; return those that have to be tried again."""
    readings: list[Reading] = []
    parcels: list[Parcel] = []
    again: dict[str, Record] = {}
    for record in batch:
        try:
            readings += _read(record, wiring)
        except Exception as error:  # noqa: BLE001 - one record must not take its batch along
            again[record.message_id] = _given_back(record, error, wiring)
    readings, unmet = _settle(readings, wiring)
    again |= {record.message_id: record for record in unmet}
    for reading in readings:
        try:
            parcels += _wrapped(reading)
        except Exception as error:  # noqa: BLE001 - as above
            again[reading.record.message_id] = _given_back(reading.record, error, wiring)
    failures = _publish(parcels, wiring.bus)
    again |= {record.message_id: record for record, failure in failures if failure.retryable}
    hopeless = {r.message_id: (r, failure) for r, failure in failures if r.message_id not in again}
    for record, failure in hopeless.values():
        try:
            _keep(record, PublishError(failure.code, failure.reason), wiring)
        except Exception as error:  # noqa: BLE001 - as above
            again[record.message_id] = _given_back(record, error, wiring)
    wiring.log.info("batch done", records=len(batch), events=len(parcels), given_back=len(again))
    return tuple(again.values())


def _read(record: Record, wiring: Wiring) -> list[Reading]:
    try:
        report = normalize(
            parse_notification(record.body),
            topic_arn=wiring.topic_arn,
            metadata_in_headers=wiring.metadata_in_headers,
        )
    except InvalidNotification as error:
        _keep(record, error, wiring)
        return []
    return [Reading(record=record, report=report)]


def _settle(readings: Sequence[Reading], wiring: Wiring) -> tuple[list[Reading], list[Record]]:
    """Ask and tell the ledger what is to be asked and told: one question for all, one mark for each news.

    The first value is what can be published now, the second the records that have to come again. An event
    that lacks something waits; it would count for consumers as the one that comes complete.
    """
    asked = {reading.report.lookup.key: None for reading in readings if reading.report.lookup}
    found = wiring.ledger.find(asked) if asked else {}
    if isinstance(found, Unreachable):
        wiring.log.warning("ledger does not answer", error=found.code)
        unmet = [reading.record for reading in readings if reading.report.lookup]
        return [reading for reading in readings if not _is_incomplete(reading)], unmet
    completed = [_completed(reading, found) for reading in readings]
    return completed, _mark(readings, found, wiring)


def _is_incomplete(reading: Reading) -> bool:
    return reading.report.lookup is not None and reading.report.lookup.incomplete


def _completed(reading: Reading, found: Mapping[RecordKey, JobRecord]) -> Reading:
    asked = reading.report.lookup
    record = found.get(asked.key) if asked is not None and asked.incomplete else None
    if asked is None or record is None:
        return reading
    events = complete(reading.report.events, record, asked.entry)
    return Reading(record=reading.record, report=msgspec.structs.replace(reading.report, events=events))


def _mark(readings: Sequence[Reading], found: Mapping[RecordKey, JobRecord], wiring: Wiring) -> list[Record]:
    """Write down what SES accepted; the answer is the records that have to come again for it."""
    unmet: list[Record] = []
    away: Unreachable | None = None
    for reading in readings:
        asked = reading.report.lookup
        acceptance = news(asked, found)
        if asked is None or acceptance is None:
            continue
        # a ledger that is away is not waited for once for each record
        if away is None:
            marked = wiring.ledger.mark_accepted(asked.key, asked.entry, acceptance.message_id, acceptance.at)
            away = marked if isinstance(marked, Unreachable) else None
        if away is not None:
            unmet.append(reading.record)
    if away is not None:
        wiring.log.warning("ledger does not answer", error=away.code)
    return unmet


def _wrapped(reading: Reading) -> list[Parcel]:
    resources = reading.report.resources
    return [
        Parcel(record=reading.record, event=event, resources=resources, whole=entry(event, resources))
        for event in reading.report.events
    ]


def _publish(parcels: Sequence[Parcel], bus: EventBus) -> list[tuple[Record, PublishFailure]]:
    """Put events on the bus; one that is too large goes without `esp_event`.

    Its record counts as failed all the same, not to be tried again: so SES's own JSON stays in the
    dead-letter queue and nothing is lost.
    """
    failures = bus.publish([parcel.whole for parcel in parcels])
    too_large = [index for index, failure in failures.items() if failure.code == TOO_LARGE]
    bare = bus.publish([parcels[index].bare() for index in too_large])
    for position, index in enumerate(too_large):
        stripped = PublishFailure(
            code=TOO_LARGE,
            reason=f"{failures[index].reason}: published without esp_event, which is here",
            retryable=False,
        )
        failures[index] = bare.get(position, stripped)
    return [(parcels[index].record, failure) for index, failure in failures.items()]


def _keep(record: Record, error: MailbusError, wiring: Wiring) -> None:
    wiring.dead_letters.put(record, error)
    wiring.log.warning("kept in dead-letter queue", message_id=record.message_id, error=type(error).__name__)


def _given_back(record: Record, error: Exception, wiring: Wiring) -> Record:
    # the text of a foreign error may quote the message, so its type has to do
    wiring.log.error("given back", message_id=record.message_id, error=type(error).__name__)
    return record
