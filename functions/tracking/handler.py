"""The tracking function: SQS records with SES's reports, to normalized events on the bus.

A record goes back to its queue only while the bus cannot take its events. What can never become
an event is kept in the dead-letter queue with the reason, then acknowledged.
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
from mailbus.settings import TrackingSettings, from_environment
from mailbus.sns import parse_notification
from mailbus.sqs import Record, batch_response, records
from tracking.normalize import normalize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailbus.errors import MailbusError

MAX_ATTEMPTS = 3


class Wiring(msgspec.Struct, frozen=True, kw_only=True):
    """What the function works with; the topic is the one that its queue subscribes to."""

    topic_arn: str
    bus: EventBus
    dead_letters: DeadLetterQueue
    log: Logger


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
    sqs = session.client(
        "sqs", config=aws.config(max_attempts=MAX_ATTEMPTS, read_timeout=aws.SHORT_READ_TIMEOUT)
    )
    return Wiring(
        topic_arn=settings.tracking_topic_arn,
        bus=EventBus(events, settings.event_bus_name),
        dead_letters=DeadLetterQueue(sqs, settings.dead_letter_queue_url),
        log=Logger(),
    )


def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, list[dict[str, str]]]:
    """Answer for `ReportBatchItemFailures`."""
    return batch_response(process(records(event), wire()))


def process(batch: Sequence[Record], wiring: Wiring) -> tuple[Record, ...]:
    """Publish what the records report; return those that have to be tried again."""
    parcels: list[Parcel] = []
    again: dict[str, Record] = {}
    for record in batch:
        try:
            parcels += _read(record, wiring)
        except Exception as error:  # noqa: BLE001 - one record must not take its batch along
            again[record.message_id] = _given_back(record, error, wiring)
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


def _read(record: Record, wiring: Wiring) -> list[Parcel]:
    try:
        report = normalize(parse_notification(record.body), topic_arn=wiring.topic_arn)
    except InvalidNotification as error:
        _keep(record, error, wiring)
        return []
    return [
        Parcel(record=record, event=event, resources=report.resources, whole=entry(event, report.resources))
        for event in report.events
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
