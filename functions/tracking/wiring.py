"""How a batch's tracker is made of what lasts as long as the process, and how its time is shared out.

First the ledger is asked, then events are published, then what is not done is given back or kept. Each ends
in time for the next: a service that hangs must not keep from the bus what needs nothing of it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from mailbus.aws import sessions
from mailbus.aws.dead_letters import DeadLetterQueue
from mailbus.aws.event_bus import EventBus
from mailbus.ledger.table import Ledger
from tracking.aws.tracking_queue import TrackingQueue
from tracking.esp_events import EspEvents
from tracking.tracker import Tracker

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_lambda_powertools import Logger
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_events.client import EventBridgeClient
    from types_boto3_s3.client import S3Client
    from types_boto3_sqs.client import SQSClient

    from mailbus.environment import TrackingSettings

# of every client here, in seconds
CONNECT_TIMEOUT: Final = 1.0
READ_TIMEOUT: Final = 2.0
ATTEMPTS: Final = 2
PUT_READ_TIMEOUT: Final = sessions.SHORT_READ_TIMEOUT
# the longest that a call takes that begins: its attempts, and up to a second between them; PutEvents has one
CALL_SECONDS: Final = ATTEMPTS * (CONNECT_TIMEOUT + READ_TIMEOUT) + 1
PUT_SECONDS: Final = CONNECT_TIMEOUT + PUT_READ_TIMEOUT
# for the queue's answers where it does answer, and the function's own
ANSWER_SECONDS: Final = 1.0
# when the last call of each step begins, before the end
GIVE_BACK_SECONDS: Final = CALL_SECONDS + ANSWER_SECONDS
PUBLISH_SECONDS: Final = GIVE_BACK_SECONDS + ANSWER_SECONDS + PUT_SECONDS
STORE_SECONDS: Final = PUBLISH_SECONDS + CALL_SECONDS
# the part of the time in which calls to the ledger begin
LEDGER_SHARE: Final = 0.2


def tracker(  # noqa: PLR0913 - keyword-only options
    settings: TrackingSettings,
    seconds: float,
    *,
    dynamodb: DynamoDBClient,
    events: EventBridgeClient,
    sqs: SQSClient,
    s3: Callable[[], S3Client],
    log: Logger,
    now: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> Tracker:
    """Wire what works on a batch that has to be done in so many seconds; `now` gives epoch seconds."""
    begun, end = now(), now() + seconds
    queues = sessions.with_deadline(sqs, lambda: now() < end - GIVE_BACK_SECONDS)
    return Tracker(
        settings=settings,
        ledger=Ledger(
            sessions.with_deadline(dynamodb, lambda: now() < begun + seconds * LEDGER_SHARE),
            settings.ledger_table_name,
            sleep=sleep,
        ),
        bus=EventBus(
            events, settings.event_bus_name, entry_bytes=settings.event_bytes, sleep=sleep, clock=now
        ),
        esp_events=lambda: EspEvents(
            sessions.with_deadline(s3(), lambda: now() < end - STORE_SECONDS),
            bucket=settings.events_bucket_name,
            prefix=settings.esp_events_prefix,
        ),
        queue=TrackingQueue(queues, settings.tracking_queue_url),
        dead_letters=DeadLetterQueue(queues, settings.dead_letter_queue_url),
        log=log,
        now=now,
        publish_until=end - PUBLISH_SECONDS,
    )
