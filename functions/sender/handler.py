"""The Lambda function on the send queue."""

from __future__ import annotations

import functools
import random
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from mailbus import aws
from mailbus.bus import EventBus
from mailbus.dead_letters import DeadLetterQueue
from mailbus.ledger import Ledger
from mailbus.settings import SenderSettings, from_environment
from mailbus.sqs import records
from sender.account import Account
from sender.batch import WORKERS, process
from sender.pacing import Pacer
from sender.send_queue import SendQueue
from sender.ses import MailService
from sender.wiring import Sender

if TYPE_CHECKING:
    from typing import Final

ATTEMPTS: Final = 2


def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, list[dict[str, str]]]:
    """Send the jobs of an SQS event; answers with the messages that go back to the queue."""
    return process(wire(), records(event))


def wait_until(moment: float) -> None:
    """Sleep until a moment, in epoch seconds."""
    time.sleep(max(0.0, moment - time.time()))


@functools.cache
def wire() -> Sender:
    """Build settings and clients, at the first event."""
    settings = from_environment(SenderSettings)
    session = aws.session()
    # a function that runs out of time after SES's answers sends all its mail again
    quick = aws.config(max_attempts=ATTEMPTS, read_timeout=aws.SHORT_READ_TIMEOUT)
    sqs = session.client("sqs", config=quick)
    # one attempt: a hidden retry after a timeout would be a second mail
    ses = session.client("sesv2", config=aws.config(max_attempts=1, max_pool_connections=WORKERS))
    events = session.client("events", config=aws.config(max_attempts=1, read_timeout=aws.SHORT_READ_TIMEOUT))
    dynamodb = session.client("dynamodb", config=quick)
    ledger = Ledger(dynamodb, settings.ledger_table_name)
    return Sender(
        settings=settings,
        mail=MailService(ses),
        bus=EventBus(events, settings.event_bus_name),
        queue=SendQueue(sqs, settings.send_queue_url),
        dead_letters=DeadLetterQueue(sqs, settings.dead_letter_queue_url),
        ledger=ledger,
        pacer=Pacer(
            ledger,
            Account(ses).max_send_rate,
            cache_seconds=settings.rate_cache_seconds,
            clock=time.time,
        ),
        wait_until=wait_until,
        log=Logger(service="sender"),
        now=lambda: datetime.now(UTC),
        uniform=random.uniform,
    )
