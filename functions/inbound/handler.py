"""The inbound function: publishes the mails of SQS records with SES's receipt notifications.

A record with a permanent error is sent to the dead-letter queue with the reason, and deleted. A record goes
back to its queue if S3, KMS or the bus failed and a retry may help.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import msgspec
from aws_lambda_powertools import Logger

from inbound.aws.kms import Keys
from inbound.aws.s3 import Bucket
from inbound.receive import RetryLater, receive
from mailbus.aws import sessions
from mailbus.aws.dead_letters import DeadLetterQueue
from mailbus.aws.event_bus import EventBus
from mailbus.aws.sqs import batch_response, records
from mailbus.environment import InboundSettings, from_environment
from mailbus.errors import InvalidNotification, PublishError
from mailbus.events import DETAIL_TYPE_PREFIX
from mailbus.metrics import BatchMetrics, count_events

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aws_lambda_powertools.utilities.typing import LambdaContext

    from mailbus.aws.sqs import Record

MAX_ATTEMPTS = 3
OUT_OF_TIME = "OutOfTime"


class Wiring(msgspec.Struct, frozen=True, kw_only=True):
    """The function's settings and clients."""

    settings: InboundSettings
    bucket: Bucket
    keys: Keys
    bus: EventBus
    dead_letters: DeadLetterQueue
    metrics: BatchMetrics
    log: Logger


@functools.cache
def wire(function_name: str) -> Wiring:
    """Read the settings and make the clients, once per process."""
    settings = from_environment(InboundSettings)
    session = sessions.open_function_session()
    config = sessions.config(max_attempts=MAX_ATTEMPTS)
    # EventBus retries itself
    events = session.client(
        "events", config=sessions.config(max_attempts=1, read_timeout=sessions.SHORT_READ_TIMEOUT)
    )
    return Wiring(
        settings=settings,
        bucket=Bucket(session.client("s3", config=config), settings.inbound_bucket_name),
        keys=Keys(sessions.when_needed(lambda: session.client("kms", config=config))),
        bus=EventBus(events, settings.event_bus_name, entry_bytes=settings.event_bytes),
        dead_letters=DeadLetterQueue(
            sessions.when_needed(lambda: session.client("sqs", config=config)), settings.dead_letter_queue_url
        ),
        metrics=BatchMetrics(function_name),
        log=Logger(),
    )


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, list[dict[str, str]]]:
    """Return the response for `ReportBatchItemFailures`."""
    half = context.get_remaining_time_in_millis() / 2
    return batch_response(
        process(
            records(event),
            wire(context.function_name),
            has_time=lambda: context.get_remaining_time_in_millis() > half,
        )
    )


def process(
    batch: Sequence[Record], wiring: Wiring, *, has_time: Callable[[], bool] = lambda: True
) -> tuple[Record, ...]:
    """Publish the mails of a batch; return the records that must be retried.

    Each mail is published before the next one is fetched, since a mail may fill the memory. After the first
    mail others begin only while `has_time` is true: if the function timed out, the whole batch would be
    retried, and a few mails with very many parts would delay the others.
    """
    requeued = tuple(
        record
        for number, record in enumerate(batch)
        if not _is_done(record, wiring, has_time=number == 0 or has_time())
    )
    wiring.metrics.write()
    return requeued


def _is_done(record: Record, wiring: Wiring, *, has_time: bool) -> bool:
    try:
        error = _publish(record, wiring) if has_time else _out_of_time()
    except (InvalidNotification, PublishError) as permanent:
        return _is_dead_lettered(record, permanent, wiring)
    except Exception as unexpected:  # noqa: BLE001 - one record must not fail its batch
        error = PublishError(
            sessions.error_code(unexpected), "unexpected: an error of S3 or KMS, or a bug in Mailbus"
        )
    if error is None:
        return True
    if record.receive_count < wiring.settings.max_receives:
        return _requeue(record, error.code, wiring)
    return _is_dead_lettered(record, error, wiring)


def _out_of_time() -> PublishError:
    return PublishError(
        OUT_OF_TIME, "the mails before it took the function's time; move it back to its queue"
    )


def _publish(record: Record, wiring: Wiring) -> PublishError | None:
    """Publish the event of a mail; return an error that may be temporary, raise a permanent one."""
    outcome = receive(record, wiring.settings, wiring.bucket, wiring.keys)
    if outcome is None:
        return None
    if isinstance(outcome, RetryLater):
        return PublishError(outcome.code, "the mail or its key is not available yet")
    failure = wiring.bus.publish([outcome]).get(0)
    if failure is None:
        for metric, count in count_events([outcome.detail_type.removeprefix(DETAIL_TYPE_PREFIX)]).items():
            wiring.metrics.put(metric, count)
        wiring.log.info("mail published", detail_type=outcome.detail_type, sqs_message_id=record.message_id)
        return None
    error = PublishError(failure.code, failure.reason)
    if failure.retryable:
        return error
    raise error


def _is_dead_lettered(record: Record, error: InvalidNotification | PublishError, wiring: Wiring) -> bool:
    try:
        wiring.dead_letters.send(record, error)
    except Exception as unreachable:  # noqa: BLE001 - as above
        return _requeue(record, type(unreachable).__name__, wiring)
    wiring.log.error("record dead-lettered", error=type(error).__name__, sqs_message_id=record.message_id)
    return True


def _requeue(record: Record, error: str, wiring: Wiring) -> bool:
    wiring.log.warning(
        "record requeued", error=error, sqs_message_id=record.message_id, deliveries=record.receive_count
    )
    return False
