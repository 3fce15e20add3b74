"""Makes a batch's tracker from the process's clients, and divides the batch's time.

First the ledger is read, then events are published, then records that are not done are requeued or
dead-lettered. Each ends in time for the next: a service that does not answer must not delay events that do
not need it.
"""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING, Final

from aws_lambda_powertools import Logger

from mailbus.aws import sessions
from mailbus.aws.dead_letters import DeadLetterQueue
from mailbus.aws.event_bus import EventBus
from mailbus.environment import TrackingSettings, from_environment
from mailbus.ledger.acceptances import Acceptances
from mailbus.ledger.table import LedgerTable
from mailbus.metrics import put_metrics
from mailbus.side_by_side import SideBySide, in_threads
from tracking.aws.esp_events import EspEvents
from tracking.aws.tracking_queue import TrackingQueue
from tracking.health import HealthNotes
from tracking.tracker import Tracker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_events.client import EventBridgeClient
    from types_boto3_s3.client import S3Client
    from types_boto3_sqs.client import SQSClient

    from mailbus.metrics import Metric

# of every client, in seconds
CONNECT_TIMEOUT: Final = 1.0
READ_TIMEOUT: Final = 1.0
ATTEMPTS: Final = 2
PUT_READ_TIMEOUT: Final = 3.0
# the longest that a call takes: its attempts, and up to a second between them; PutEvents has one attempt
CALL_SECONDS: Final = ATTEMPTS * (CONNECT_TIMEOUT + READ_TIMEOUT) + 1
PUT_SECONDS: Final = CONNECT_TIMEOUT + PUT_READ_TIMEOUT
# for the answers of a queue that does answer, and the function's own
ANSWER_SECONDS: Final = 1.0
# how long before the end the last call of each step begins
REQUEUE_SECONDS: Final = CALL_SECONDS + ANSWER_SECONDS
PUBLISH_SECONDS: Final = REQUEUE_SECONDS + ANSWER_SECONDS + PUT_SECONDS
STORE_SECONDS: Final = PUBLISH_SECONDS + CALL_SECONDS
# the share of the time in which calls to the ledger begin
LEDGER_SHARE: Final = 0.15


@functools.cache
def wire(function_name: str) -> Callable[[float], Tracker]:
    """Read the settings and make the clients, once per process; return `tracker`, which takes the seconds."""
    settings = from_environment(TrackingSettings)
    session = sessions.open_function_session()
    quick = sessions.config(max_attempts=ATTEMPTS, connect_timeout=CONNECT_TIMEOUT, read_timeout=READ_TIMEOUT)
    # `EventBus` retries by itself
    once = sessions.config(max_attempts=1, connect_timeout=CONNECT_TIMEOUT, read_timeout=PUT_READ_TIMEOUT)
    return functools.partial(
        tracker,
        settings,
        dynamodb=session.client("dynamodb", config=quick),
        events=session.client("events", config=once),
        sqs=sessions.when_needed(lambda: session.client("sqs", config=quick)),
        # it takes long to make, and hardly any event is that large
        s3=functools.cache(lambda: session.client("s3", config=quick)),
        health=HealthNotes(),
        log=Logger(),
        put_metrics=functools.partial(put_metrics, function_name),
    )


def tracker(  # noqa: PLR0913 - keyword-only options
    settings: TrackingSettings,
    seconds: float,
    *,
    dynamodb: DynamoDBClient,
    events: EventBridgeClient,
    sqs: SQSClient,
    s3: Callable[[], S3Client],
    health: HealthNotes,
    log: Logger,
    put_metrics: Callable[[Mapping[Metric, float]], None],
    now: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
    side_by_side: SideBySide = in_threads,
) -> Tracker:
    """Return the tracker of a batch that must be done in so many seconds; `now` returns epoch seconds."""
    begun, end = now(), now() + seconds
    queues = sessions.with_deadline(sqs, lambda: now() < end - REQUEUE_SECONDS)
    return Tracker(
        settings=settings,
        ledger=Acceptances(
            LedgerTable(
                sessions.with_deadline(dynamodb, lambda: now() < begun + seconds * LEDGER_SHARE),
                settings.ledger_table_name,
                sleep=sleep,
            )
        ),
        bus=EventBus(
            events,
            settings.event_bus_name,
            entry_bytes=settings.event_bytes,
            sleep=sleep,
            clock=now,
            side_by_side=side_by_side,
        ),
        esp_events=lambda: EspEvents(
            sessions.with_deadline(s3(), lambda: now() < end - STORE_SECONDS),
            bucket=settings.events_bucket_name,
            prefix=settings.esp_events_prefix,
        ),
        queue=TrackingQueue(queues, settings.tracking_queue_url),
        dead_letters=DeadLetterQueue(queues, settings.dead_letter_queue_url),
        health=health,
        log=log,
        put_metrics=put_metrics,
        now=now,
        publish_until=end - PUBLISH_SECONDS,
    )
