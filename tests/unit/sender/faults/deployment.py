"""What the journeys with faults run on, and how probable each fault is."""

from __future__ import annotations

import threading
from typing import Final, Literal

import msgspec

from tests.unit.sender import settings as sender_settings
from tests.unit.sender.settings import BULK_QUEUE, SEND_QUEUE

HIDDEN_SECONDS: Final = 90.0
DOUBT_SECONDS: Final = 120.0
WORKERS: Final = 6
BATCH: Final = 10
# how long the applications go on enqueuing
SECONDS: Final = 600.0
TOPIC: Final = "arn:aws:sns:eu-west-1:210987654321:mailbus-dev-tracking"
SEND, BULK = SEND_QUEUE, BULK_QUEUE
QUEUES: Final = {SEND: sender_settings.SETTINGS.send_queue_url, BULK: sender_settings.SETTINGS.bulk_queue_url}

Fault = Literal[
    "killed before the call",
    "killed after SES accepted",
    "killed after the ledger write",
    "killed before the acknowledgement",
    "killed after the copies",
    "answer broken",
    "delivered twice",
]
# how probable each is for a batch, so that a tenth of the jobs, or some more, meet it
DEATHS: Final[dict[Fault, float]] = {
    "killed before the call": 0.15,
    "killed after SES accepted": 0.2,
    "killed after the ledger write": 0.13,
    "killed before the acknowledgement": 0.07,
    # in a batch in which nothing waits there are no copies
    "killed after the copies": 0.6,
}

SETTINGS: Final = msgspec.structs.replace(
    sender_settings.SETTINGS, max_attempts=20, bulk_share=1.0, source_buckets=(), doubt_seconds=DOUBT_SECONDS
)


class Killed(BaseException):
    """The worker's process has ended: none of its code may catch this or continue."""


class Likely(msgspec.Struct, frozen=True, kw_only=True):
    """How probable each fault is: of a call, or of a delivery; how many times `DEATHS` that a worker dies."""

    deaths: float = 1.0
    broken: float = 0.18
    twice: float = 0.1
    throttled: float = 0.03
    ledger: float = 0.02
    bus: float = 0.02
    # the events of accepted mails that arrive when they are no longer waited for
    late_event: float = 0.0


# the threads of one worker's calls take their times one after the other
TIMES: Final = threading.Lock()
