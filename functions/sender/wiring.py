"""What a batch of jobs works with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec
from aws_lambda_powertools import Logger

from mailbus.aws.dead_letters import DeadLetterQueue
from mailbus.aws.event_bus import EventBus
from mailbus.aws.sqs import Record  # noqa: TC001 - as the others, whose annotations are read at run time
from mailbus.environment import SenderSettings
from mailbus.ledger.claims import Claims
from mailbus.metrics import Metric
from sender.aws.s3 import Objects
from sender.aws.scheduler import Schedules
from sender.aws.send_queues import SendQueues
from sender.rate.gcra import Lane  # noqa: TC001 - as the others, whose annotations are read at run time
from sender.rate.pacer import Pacer
from sender.ses.client import MailService


class Sender(msgspec.Struct, frozen=True, kw_only=True):
    """What a batch works with.

    `uniform(low, high)` draws the jitter, `now()` is in UTC, `wait_until` takes epoch seconds, and
    `put_metric` one of `mailbus.metrics` with its value.
    """

    settings: SenderSettings
    mail: MailService
    bus: EventBus
    queues: SendQueues
    dead_letters: DeadLetterQueue
    ledger: Claims
    objects: Objects
    schedules: Schedules
    pacer: Pacer
    wait_until: Callable[[float], None]
    log: Logger
    now: Callable[[], datetime]
    uniform: Callable[[float, float], float]
    put_metric: Callable[[Metric, float], None]

    def lane_of(self, record: Record) -> Lane:
        """Tell a message's lane by its queue."""
        return "bulk" if record.queue_arn == self.settings.bulk_queue_arn else "transactional"
