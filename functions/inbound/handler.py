"""The inbound function: SQS records with SES's receipt notifications, to received mail on the bus.

What can never become an event is kept in the dead-letter queue with the reason, then
acknowledged. A record goes back to its queue while S3, KMS or the bus may still answer otherwise.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import msgspec
from aws_lambda_powertools import Logger

from inbound.aws.kms import Keys
from inbound.aws.s3 import Bucket
from inbound.receive import NotYet, receive
from mailbus.aws import sessions
from mailbus.aws.dead_letters import DeadLetterQueue
from mailbus.aws.event_bus import EventBus
from mailbus.aws.sqs import batch_response, records
from mailbus.environment import InboundSettings, from_environment
from mailbus.errors import InvalidNotification, PublishError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aws_lambda_powertools.utilities.typing import LambdaContext

    from mailbus.aws.sqs import Record

MAX_ATTEMPTS = 3
OUT_OF_TIME = "OutOfTime"


class Wiring(msgspec.Struct, frozen=True, kw_only=True):
    """What the function works with."""

    settings: InboundSettings
    bucket: Bucket
    keys: Keys
    bus: EventBus
    dead_letters: DeadLetterQueue
    log: Logger


@functools.cache
def wire() -> Wiring:
    """Read the settings and make the clients, once per process."""
    settings = from_environment(InboundSettings)
    session = sessions.open_session()
    config = sessions.config(max_attempts=MAX_ATTEMPTS)
    # the bus tries again by itself
    events = session.client(
        "events", config=sessions.config(max_attempts=1, read_timeout=sessions.SHORT_READ_TIMEOUT)
    )
    return Wiring(
        settings=settings,
        bucket=Bucket(session.client("s3", config=config), settings.inbound_bucket_name),
        keys=Keys(session.client("kms", config=config)),
        bus=EventBus(events, settings.event_bus_name, entry_bytes=settings.event_bytes),
        dead_letters=DeadLetterQueue(session.client("sqs", config=config), settings.dead_letter_queue_url),
        log=Logger(),
    )


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, list[dict[str, str]]]:
    """Answer for `ReportBatchItemFailures`."""
    half = context.get_remaining_time_in_millis() / 2
    return batch_response(
        process(records(event), wire(), has_time=lambda: context.get_remaining_time_in_millis() > half)
    )


def process(
    batch: Sequence[Record], wiring: Wiring, *, has_time: Callable[[], bool] = lambda: True
) -> tuple[Record, ...]:
    """Publish the mails that the records announce; return the records that have to be tried again.

    One after another, each published before the next is fetched: a mail may fill the memory. What
    follows the first is only begun while `has_time` says so: of a batch that runs out of time
    nothing is acknowledged, and a few mails of very many parts would take their neighbours along.
    """
    return tuple(
        record
        for number, record in enumerate(batch)
        if not _is_done(record, wiring, is_on=number == 0 or has_time())
    )


def _is_done(record: Record, wiring: Wiring, *, is_on: bool) -> bool:
    try:
        trouble = _publish(record, wiring) if is_on else _out_of_time()
    except (InvalidNotification, PublishError) as error:
        return _is_kept(record, error, wiring)
    except Exception as error:  # noqa: BLE001 - one record must not take its batch along
        trouble = PublishError(
            sessions.error_code(error), "unforeseen: a mistake of Mailbus's own, or trouble with S3 or KMS"
        )
    if trouble is None:
        return True
    if record.receive_count < wiring.settings.max_receives:
        return _given_back(record, trouble.code, wiring)
    return _is_kept(record, trouble, wiring)


def _out_of_time() -> PublishError:
    return PublishError(
        OUT_OF_TIME, "the mails before it took the function's time; move it back to its queue"
    )


def _publish(record: Record, wiring: Wiring) -> PublishError | None:
    """Put a mail's event on the bus; the answer is what stood in the way and may pass."""
    outcome = receive(record, wiring.settings, wiring.bucket, wiring.keys)
    if outcome is None:
        return None
    if isinstance(outcome, NotYet):
        return PublishError(outcome.code, "the mail, or its key, is not to be had yet")
    failure = wiring.bus.publish([outcome]).get(0)
    if failure is None:
        wiring.log.info("mail published", detail_type=outcome.detail_type, sqs_message_id=record.message_id)
        return None
    trouble = PublishError(failure.code, failure.reason)
    if failure.retryable:
        return trouble
    raise trouble


def _is_kept(record: Record, error: InvalidNotification | PublishError, wiring: Wiring) -> bool:
    try:
        wiring.dead_letters.send(record, error)
    except Exception as trouble:  # noqa: BLE001 - as above
        return _given_back(record, type(trouble).__name__, wiring)
    wiring.log.error("record refused", error=type(error).__name__, sqs_message_id=record.message_id)
    return True


def _given_back(record: Record, error: str, wiring: Wiring) -> bool:
    wiring.log.warning(
        "record given back", error=error, sqs_message_id=record.message_id, deliveries=record.receive_count
    )
    return False
