"""The workers and batches of a lane of sending, by the mails a second that the account sends.

Nothing here needs the CDK or the settings, which check what follows from their own values.
"""

from __future__ import annotations

import math
from typing import Final

#: The most jobs of a batch. Lambda would collect a larger one for a second, which urgent mail would wait for:
#: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-parameters.html
BATCH: Final = 10
# How long a batch takes, whose mails are sent side by side: the slowest of SES's answers about 100 ms, the
# ledger and the bus 40 ms, or twice as long if DynamoDB is far away, which the spare workers make up for.
BATCH_MILLISECONDS: Final = 140
# Twice as many workers as are always busy: calls take longer at times, and workers start one by one.
SPARE: Final = 2
#: The mails a second for which a lane has one worker.
WORKER_RATE: Final = BATCH * 1000 / (BATCH_MILLISECONDS * SPARE)
# Lambda's limits of MaximumConcurrency:
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
FEWEST_WORKERS: Final = 2
MOST_WORKERS: Final = 1000
# A batch has no more mails than the account sends in so many seconds. At one mail a second, ten would take
# longer than a worker waits for the rate, so that it would give most of them back.
LONGEST_BATCH_SECONDS: Final = 2


def workers(rate: float) -> int:
    """Return how many workers a lane takes to send so many mails a second, all of them if need be."""
    # in milliseconds, so that whole numbers stay exact
    needed = math.ceil(rate * BATCH_MILLISECONDS * SPARE / (BATCH * 1000))
    return min(MOST_WORKERS, max(FEWEST_WORKERS, needed))


def batch_size(rate: float) -> int:
    """Return how many jobs a batch has: fewer at a rate that is lower than their number."""
    return min(BATCH, max(1, math.ceil(rate * LONGEST_BATCH_SECONDS)))
