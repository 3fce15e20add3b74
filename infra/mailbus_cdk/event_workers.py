"""The workers that read queues of events, by the mails a second that the account sends.

Nothing here needs the CDK or the settings.
"""

from __future__ import annotations

import math
from typing import Final

import msgspec

from mailbus_cdk.lanes import FEWEST_WORKERS, SPARE
from mailbus_cdk.quotas import BY_NAME

#: The most workers of a queue that is no lane, so that all of them leave workers to the lanes.
MOST_EVENT_WORKERS: Final = 100


class EventReader(msgspec.Struct, frozen=True, kw_only=True):
    """A function that reads events: how many a mail has, and how many a worker does in a second."""

    events_of_a_mail: float
    events_a_second: int

    @property
    def most_mails_a_second(self) -> float:
        """How many mails a second as many workers as there may be are enough for, if all are busy."""
        return MOST_EVENT_WORKERS * self.events_a_second / self.events_of_a_mail

    def workers(self, rate: float) -> int:
        """Return how many workers the events of so many mails a second take, with those to spare."""
        needed = math.ceil(rate * self.events_of_a_mail * SPARE / self.events_a_second)
        return min(MOST_EVENT_WORKERS, max(FEWEST_WORKERS, needed))


# A hundred notifications take 20 ms of a processor (`python -m bench.cost.processor`), of which Lambda gives
# a worker of 256 MB a seventh (https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html), 40 ms
# of calls, and about 60 until they are received.
TRACKING: Final = EventReader(
    events_of_a_mail=BY_NAME["sns-publish"].per_mail,
    events_a_second=400,
)
# A hundred events of as many mails take 120 ms of a processor, of which Lambda gives a worker of 1,024 MB
# 0.58, and about 40 until they are received.
TIMELINE: Final = EventReader(
    events_of_a_mail=BY_NAME["events-invocations"].per_mail_in_timeline,
    events_a_second=400,
)
