"""The Lambda function on the send queue."""

from __future__ import annotations

import functools
import random
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from mailbus import aws
from mailbus.bus import EventBus
from mailbus.dead_letters import DeadLetterQueue
from mailbus.settings import SenderSettings, from_environment
from mailbus.sqs import records
from sender.batch import WORKERS, Sender, process
from sender.send_queue import SendQueue
from sender.ses import MailService

if TYPE_CHECKING:
    from typing import Final

ATTEMPTS: Final = 4


def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, list[dict[str, str]]]:
    """Send the jobs of an SQS event; answers with the messages that go back to the queue."""
    return process(wire(), records(event))


@functools.cache
def wire() -> Sender:
    """Build settings and clients, at the first event."""
    settings = from_environment(SenderSettings)
    session = aws.session()
    sqs = session.client("sqs", config=aws.config(max_attempts=ATTEMPTS))
    # one attempt: a hidden retry after a timeout would be a second mail
    ses = session.client("sesv2", config=aws.config(max_attempts=1, max_pool_connections=WORKERS))
    events = session.client("events", config=aws.config(max_attempts=ATTEMPTS))
    return Sender(
        settings=settings,
        mail=MailService(ses),
        bus=EventBus(events, settings.event_bus_name),
        queue=SendQueue(sqs, settings.send_queue_url),
        dead_letters=DeadLetterQueue(sqs, settings.dead_letter_queue_url),
        log=Logger(service="sender"),
        now=lambda: datetime.now(UTC),
        uniform=random.uniform,
    )
