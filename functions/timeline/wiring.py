"""Makes a batch's recorder from the process's clients, and limits it to the batch's time."""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING, Final

from aws_lambda_powertools import Logger

from mailbus.aws import sessions
from mailbus.aws.dead_letters import DeadLetterQueue
from mailbus.environment import TimelineSettings, from_environment
from mailbus.side_by_side import SideBySide, in_threads
from timeline.aws.table import TimelineWrites
from timeline.batch import WORKERS, Recorder

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_sqs.client import SQSClient

# of every client, in seconds
CONNECT_TIMEOUT: Final = 1.0
READ_TIMEOUT: Final = 2.0
ATTEMPTS: Final = 2
# the longest that a call takes: its attempts, and up to a second between them
CALL_SECONDS: Final = ATTEMPTS * (CONNECT_TIMEOUT + READ_TIMEOUT) + 1
# How long before the end the last call of each step begins: first the table's, then the queue's, whose last
# one still leaves time for the function's answer.
DEAD_LETTER_SECONDS: Final = CALL_SECONDS + 1
WRITE_SECONDS: Final = DEAD_LETTER_SECONDS + CALL_SECONDS
DAY_SECONDS: Final = 24 * 60 * 60


@functools.cache
def wire() -> Callable[[float], Recorder]:
    """Read the settings and make the clients, once per process; return `recorder`, without its seconds."""
    settings = from_environment(TimelineSettings)
    session = sessions.open_function_session()
    quick = sessions.config(
        max_attempts=ATTEMPTS,
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        max_pool_connections=WORKERS,
    )
    return functools.partial(
        recorder,
        settings,
        dynamodb=session.client("dynamodb", config=quick),
        sqs=session.client("sqs", config=quick),
        log=Logger(),
    )


def recorder(  # noqa: PLR0913 - keyword-only options
    settings: TimelineSettings,
    seconds: float,
    *,
    dynamodb: DynamoDBClient,
    sqs: SQSClient,
    log: Logger,
    now: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
    side_by_side: SideBySide = in_threads,
) -> Recorder:
    """Return the recorder of a batch that must be done in so many seconds; `now` returns epoch seconds.

    Items are kept from now on, also those of an event that waited in a dead-letter queue.
    """
    end = now() + seconds
    table = sessions.with_deadline(dynamodb, lambda: now() < end - WRITE_SECONDS)
    queue = sessions.with_deadline(sqs, lambda: now() < end - DEAD_LETTER_SECONDS)
    return Recorder(
        table=TimelineWrites(table, settings.timeline_table_name, sleep=sleep),
        dead_letters=DeadLetterQueue(queue, settings.dead_letter_queue_url),
        log=log,
        expires_at=int(now()) + settings.timeline_days * DAY_SECONDS,
        max_receives=settings.max_receives,
        side_by_side=side_by_side,
    )
