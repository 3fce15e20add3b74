"""The tracking function: SQS records with SES's reports, to normalized events on the bus."""

from __future__ import annotations

import functools
import time
from typing import Any

from aws_lambda_powertools import Logger

from mailbus import aws
from mailbus.bus import EventBus
from mailbus.dead_letters import DeadLetterQueue
from mailbus.ledger import Ledger
from mailbus.settings import TrackingSettings, from_environment
from mailbus.sqs import batch_response, records
from tracking.batch import process
from tracking.esp_events import EspEvents
from tracking.tracker import Tracker
from tracking.tracking_queue import TrackingQueue

MAX_ATTEMPTS = 3


@functools.cache
def wire() -> Tracker:
    """Read the settings and make the clients, once per process."""
    settings = from_environment(TrackingSettings)
    session = aws.session()
    config = aws.config(max_attempts=MAX_ATTEMPTS, read_timeout=aws.SHORT_READ_TIMEOUT)
    # the bus tries again by itself
    events = session.client("events", config=aws.config(max_attempts=1, read_timeout=aws.SHORT_READ_TIMEOUT))
    sqs = session.client("sqs", config=config)
    # a client of S3 takes long to make, and an event that large comes hardly ever
    esp_events = functools.cache(
        lambda: EspEvents(
            session.client("s3", config=config),
            bucket=settings.events_bucket_name,
            prefix=settings.esp_events_prefix,
        )
    )
    return Tracker(
        settings=settings,
        ledger=Ledger(session.client("dynamodb", config=config), settings.ledger_table_name),
        bus=EventBus(events, settings.event_bus_name, entry_bytes=settings.event_bytes),
        esp_events=esp_events,
        queue=TrackingQueue(sqs, settings.tracking_queue_url),
        dead_letters=DeadLetterQueue(sqs, settings.dead_letter_queue_url),
        log=Logger(),
        now=time.time,
    )


def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, list[dict[str, str]]]:
    """Answer for `ReportBatchItemFailures`."""
    return batch_response(process(records(event), wire()))
