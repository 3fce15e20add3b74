"""What a batch of jobs works with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec
from aws_lambda_powertools import Logger

from mailbus.bus import EventBus
from mailbus.dead_letters import DeadLetterQueue
from mailbus.ledger import Ledger
from mailbus.settings import SenderSettings
from sender.pacing import Pacer
from sender.send_queue import SendQueue
from sender.ses import MailService


class Sender(msgspec.Struct, frozen=True, kw_only=True):
    """What a batch works with.

    `uniform(low, high)` draws the jitter, `now()` is in UTC, `wait_until` takes epoch seconds.
    """

    settings: SenderSettings
    mail: MailService
    bus: EventBus
    queue: SendQueue
    dead_letters: DeadLetterQueue
    ledger: Ledger
    pacer: Pacer
    wait_until: Callable[[float], None]
    log: Logger
    now: Callable[[], datetime]
    uniform: Callable[[float, float], float]
