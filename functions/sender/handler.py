"""The Lambda function on the send queues."""

from __future__ import annotations

import functools
import random
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from mailbus.aws import sessions
from mailbus.aws.dead_letters import DeadLetterQueue
from mailbus.aws.event_bus import EventBus
from mailbus.aws.sqs import records
from mailbus.environment import SenderSettings, from_environment
from mailbus.ledger.claims import Claims
from mailbus.ledger.table import LedgerTable
from mailbus.metrics import put_metric
from sender.aws.s3 import Objects
from sender.aws.scheduler import Schedules
from sender.aws.send_queues import SendQueues
from sender.batch import process
from sender.dispatch import WORKERS
from sender.rate.account import Account
from sender.rate.pacer import Pacer
from sender.rate.table import RateTable
from sender.ses.client import MailService
from sender.wiring import Sender

if TYPE_CHECKING:
    from typing import Final

    from aws_lambda_powertools.utilities.typing import LambdaContext

ATTEMPTS: Final = 2


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, list[dict[str, str]]]:
    """Send the jobs of an SQS event; answers with the messages that go back to the queue."""
    deadline = time.time() + context.get_remaining_time_in_millis() / 1000
    return process(wire(context.function_name), records(event), deadline)


def wait_until(moment: float) -> None:
    """Sleep until a moment, in epoch seconds."""
    time.sleep(max(0.0, moment - time.time()))


@functools.cache
def wire(function_name: str) -> Sender:
    """Build settings and clients, at the first event."""
    settings = from_environment(SenderSettings)
    session = sessions.open_session()
    # a function that runs out of time after SES's answers leaves its jobs in doubt
    quick = sessions.config(max_attempts=ATTEMPTS, read_timeout=sessions.SHORT_READ_TIMEOUT)
    sqs = session.client("sqs", config=quick)
    at_home = settings.ses_role_arn is None and settings.ses_region is None
    whose = (
        session
        if at_home
        else sessions.open_remote_session(
            session.client("sts", config=quick), role_arn=settings.ses_role_arn, region=settings.ses_region
        )
    )
    ses = whose.client(
        "sesv2",
        # one attempt: a hidden retry after a timeout would be a second mail
        config=sessions.config(
            max_attempts=1,
            max_pool_connections=WORKERS,
            connect_timeout=settings.ses_connect_timeout,
            read_timeout=settings.ses_read_timeout,
        ),
    )
    events = session.client(
        "events", config=sessions.config(max_attempts=1, read_timeout=sessions.SHORT_READ_TIMEOUT)
    )
    dynamodb = session.client("dynamodb", config=quick)
    return Sender(
        settings=settings,
        mail=MailService(ses),
        bus=EventBus(events, settings.event_bus_name, entry_bytes=settings.event_bytes),
        queues=SendQueues(
            sqs,
            {
                settings.send_queue_arn: settings.send_queue_url,
                settings.bulk_queue_arn: settings.bulk_queue_url,
            },
        ),
        dead_letters=DeadLetterQueue(sqs, settings.dead_letter_queue_url),
        ledger=Claims(
            LedgerTable(dynamodb, settings.ledger_table_name), index_messages=settings.index_messages
        ),
        objects=Objects(
            session.client("s3", config=quick),
            own_bucket=settings.jobs_bucket_name,
            buckets=settings.source_buckets,
        ),
        schedules=Schedules(
            session.client("scheduler", config=quick),
            group_name=settings.schedule_group_name,
            role_arn=settings.schedule_role_arn,
            dead_letter_queue_arn=settings.dead_letter_queue_arn,
        ),
        pacer=Pacer(
            RateTable(dynamodb, settings.ledger_table_name),
            Account(ses).limits,
            cache_seconds=settings.rate_cache_seconds,
            bulk_share=settings.bulk_share,
        ),
        wait_until=wait_until,
        log=Logger(service="sender"),
        now=lambda: datetime.now(UTC),
        uniform=random.uniform,
        put_metric=functools.partial(put_metric, function_name),
    )
