"""Builds the settings and clients of a batch, once per process."""

from __future__ import annotations

import functools
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec
from aws_lambda_powertools import Logger

from mailbus.aws import sessions
from mailbus.aws.dead_letters import DeadLetterQueue
from mailbus.aws.event_bus import EventBus
from mailbus.aws.sqs import Record  # noqa: TC001 - as the others, whose annotations are read at run time
from mailbus.environment import SenderSettings, from_environment
from mailbus.ledger.claims import Claims
from mailbus.ledger.table import LedgerTable
from mailbus.metrics import BatchMetrics, Metric
from mailbus.side_by_side import SideBySide, in_threads
from mailbus.stages import Lane  # noqa: TC001 - as above
from sender import account_limits
from sender.aws.s3 import Objects
from sender.aws.scheduler import Schedules
from sender.aws.send_queues import SendQueues
from sender.aws.tracking_queue import TrackingQueue
from sender.pauses import Pauses
from sender.rate.account import Account
from sender.rate.pacer import Pacer
from sender.rate.table import RateTable
from sender.ses.client import MAX_CALLS, MailService

if TYPE_CHECKING:
    import boto3
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_sesv2.client import SESV2Client
    from types_boto3_sqs.client import SQSClient

    from sender.rate.slots import Limits

ATTEMPTS: Final = 2


class Sender(msgspec.Struct, frozen=True, kw_only=True):
    """The settings and clients of a batch.

    `uniform(low, high)` draws the jitter, `now()` is in UTC, `wait_until` takes epoch seconds, and
    `put_metric` one of `mailbus.metrics` with its value; `write_metrics` writes those of a batch. Calls are
    made `side_by_side`.
    """

    settings: SenderSettings
    mail: MailService
    bus: EventBus
    queues: SendQueues
    dead_letters: DeadLetterQueue
    ledger: Claims
    tracking_queue: TrackingQueue
    objects: Objects
    schedules: Schedules
    pacer: Pacer
    wait_until: Callable[[float], None]
    log: Logger
    now: Callable[[], datetime]
    uniform: Callable[[float, float], float]
    put_metric: Callable[[Metric, float], None]
    write_metrics: Callable[[], None]
    pauses: Pauses = msgspec.field(default_factory=Pauses)
    side_by_side: SideBySide = in_threads

    def lane_of(self, record: Record) -> Lane:
        """Return a message's lane, which its queue decides."""
        return "bulk" if record.queue_arn == self.settings.bulk_queue_arn else "transactional"

    def reports_may_be_late(self) -> bool:
        """Return whether an old report of SES may still be on the tracking queue.

        Raises a retryable `SendError` if the queue or the ledger does not answer.
        """
        if self.tracking_queue.is_empty():
            return False
        return self.ledger.tracking_health().is_late(self.now().timestamp())


@functools.cache
def wire(function_name: str) -> Sender:
    """Return the function's sender, built at the first event."""
    settings = from_environment(SenderSettings)
    session = sessions.open_function_session()
    # a function that runs out of time after SES's answers leaves its jobs in doubt
    quick = sessions.config(max_attempts=ATTEMPTS, read_timeout=sessions.SHORT_READ_TIMEOUT)
    dynamodb = session.client("dynamodb", config=quick)
    # the bus retries by itself; a copy of a message that is sent twice waits twice
    once = sessions.config(max_attempts=1, read_timeout=sessions.SHORT_READ_TIMEOUT)
    sqs = sessions.when_needed(lambda: session.client("sqs", config=once))
    events = session.client("events", config=once)
    ses = _ses_client(settings, session)
    log = Logger(service="sender")
    metrics = BatchMetrics(function_name)
    return Sender(
        settings=settings,
        mail=MailService(ses),
        bus=EventBus(events, settings.event_bus_name, entry_bytes=settings.event_bytes),
        queues=_send_queues(settings, sqs),
        dead_letters=DeadLetterQueue(sqs, settings.dead_letter_queue_url),
        ledger=Claims(
            LedgerTable(dynamodb, settings.ledger_table_name), index_messages=settings.index_messages
        ),
        tracking_queue=TrackingQueue(sqs, settings.tracking_queue_url),
        objects=Objects(
            sessions.when_needed(lambda: session.client("s3", config=quick)),
            own_bucket=settings.jobs_bucket_name,
            buckets=settings.source_buckets,
        ),
        schedules=Schedules(
            sessions.when_needed(lambda: session.client("scheduler", config=quick)),
            group_name=settings.schedule_group_name,
            role_arn=settings.schedule_role_arn,
            dead_letter_queue_arn=settings.dead_letter_queue_arn,
        ),
        pacer=_pacer(
            settings,
            dynamodb,
            ses,
            report=account_limits.reporter(settings.expected_rate, log=log, put_metric=metrics.put),
        ),
        wait_until=wait_until,
        log=log,
        now=lambda: datetime.now(UTC),
        uniform=random.uniform,
        put_metric=metrics.put,
        write_metrics=metrics.write,
    )


def wait_until(moment: float) -> None:
    """Sleep until a moment, in epoch seconds."""
    seconds = moment - time.time()
    if seconds > 0:
        # of no time, too, it would let other threads go first
        time.sleep(seconds)


def _ses_client(settings: SenderSettings, session: boto3.Session) -> SESV2Client:
    """Return a client of SES in the account and region that the settings name."""
    if settings.ses_role_arn is not None or settings.ses_region is not None:
        quick = sessions.config(max_attempts=ATTEMPTS, read_timeout=sessions.SHORT_READ_TIMEOUT)
        session = sessions.open_remote_session(
            session.client("sts", config=quick), role_arn=settings.ses_role_arn, region=settings.ses_region
        )
    return session.client(
        "sesv2",
        # one attempt: a hidden retry after a timeout would be a second mail
        config=sessions.config(
            max_attempts=1,
            max_pool_connections=MAX_CALLS,
            connect_timeout=settings.ses_connect_timeout,
            read_timeout=settings.ses_read_timeout,
        ),
    )


def _send_queues(settings: SenderSettings, sqs: SQSClient) -> SendQueues:
    urls = {
        settings.send_queue_arn: settings.send_queue_url,
        settings.bulk_queue_arn: settings.bulk_queue_url,
    }
    return SendQueues(sqs, urls)


def _pacer(
    settings: SenderSettings,
    dynamodb: DynamoDBClient,
    ses: SESV2Client,
    *,
    report: Callable[[Limits], None],
) -> Pacer:
    return Pacer(
        RateTable(dynamodb, settings.ledger_table_name, bulk_share=settings.bulk_share),
        Account(ses).limits,
        cache_seconds=settings.rate_cache_seconds,
        on_limits=report,
    )
