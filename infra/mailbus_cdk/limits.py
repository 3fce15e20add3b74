"""Memory, timeouts and batches of the functions that read queues: fixed, or derived from the settings.

Nothing here needs the CDK, so that tests of the functions can check what they are given.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import msgspec

from mailbus_cdk import lanes
from mailbus_cdk.settings.doubt import TRACKING_SECONDS, TRACKING_WINDOW_SECONDS

if TYPE_CHECKING:
    from mailbus_cdk.settings import Settings

# What a batch may take in addition to one call of SES: waiting for the account's rate, the ledger, the bus.
WITHOUT_SES_SECONDS: Final = 42
SENDER_MEMORY_MB: Final = 1024
# Waiting for the rate, a slow SES and a slow bus take 51 s together. A function that is stopped leaves its
# mails in doubt until SES's own event arrives.
LEAST_SENDER_SECONDS: Final = 60

# A send queue delivers a job again once the function can no longer be working on it, and this much later.
# AWS recommends six timeouts, as for notifications below; but a job that is delivered twice does no harm,
# since the ledger knows which worker leased it, and one whose worker died should not wait for minutes.
SEND_SLACK_SECONDS: Final = 30
# A job that waits is sent again as a copy, whose receives count anew, so this limits only jobs whose workers
# die, and those that Lambda cannot hand over: 90 s each, as above, which makes 12 hours. A function that does
# not start, or is throttled, is to be repaired within a night without a dead letter for each job; a job that
# kills its workers is to do so no longer. A job of which SQS takes no copy waits for up to 15 minutes each
# time: more than 4 days.
SEND_RECEIVES: Final = 480

# So that mail that Lambda could not hand to a function at once is not delivered twice:
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html#services-sqs-configure-queue
INBOUND_TIMEOUTS: Final = 6
INBOUND_RECEIVES: Final = 10

# Half an hour in which Lambda throttles the function, or the function dies. It counts its own retries.
REPORT_RECEIVES: Final = 100
# The function retries a report so often, and for so long, before it dead-letters it with the reason.
REPORT_RETRIES: Final = 10


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The memory and timeout of a function, and the batches in which Lambda reads its queue."""

    memory_mb: int
    timeout_seconds: int
    batch_size: int
    batch_window_seconds: int = 0


TRACKING: Final = Limits(
    memory_mb=256,
    timeout_seconds=TRACKING_SECONDS,
    batch_size=100,
    batch_window_seconds=TRACKING_WINDOW_SECONDS,
)
# The largest mail is kept in memory whole, and its parts are written to S3.
INBOUND: Final = Limits(memory_mb=1024, timeout_seconds=120, batch_size=10)
# Its events may wait a little: a batch makes one update for each mail, whatever the number of its events.
TIMELINE: Final = Limits(memory_mb=1024, timeout_seconds=60, batch_size=100, batch_window_seconds=2)
TIMELINE_TIMEOUTS: Final = 6
# an hour at least in which the table does not answer; then the events wait as dead letters
TIMELINE_RECEIVES: Final = 10

# A custom resource's function, and how long CloudFormation waits for its answer. The function makes no call
# that would leave it no time to answer (`mailbus.aws.custom_resource.has_time`).
CUSTOM_RESOURCE_SECONDS: Final = 240
CUSTOM_RESOURCE_ANSWER_SECONDS: Final = 300


def sender(settings: Settings) -> Limits:
    """Return the sender's limits: its timeout leaves room for SES's own, its batches follow the rate."""
    timeout = max(LEAST_SENDER_SECONDS, math.ceil(batch_seconds(settings)))
    batch_size = lanes.batch_size(settings.expected_rate)
    return Limits(memory_mb=SENDER_MEMORY_MB, timeout_seconds=timeout, batch_size=batch_size)


def batch_seconds(settings: Settings) -> float:
    """Return the longest that a batch of the sender takes until the ledger has what was sent."""
    return WITHOUT_SES_SECONDS + settings.client_params.call_seconds


def rate_cache_seconds(settings: Settings) -> float:
    """Return how long the account's sending rate is cached: GetAccount takes one call a second.

    On the embedded AWS, where tests change the rate, a second.
    """
    return 1 if settings.ephemeral else 60


def expected_rate(settings: Settings) -> float | None:
    """Return the rate that the sender compares the account's with.

    None on the embedded AWS, whose account is simulated: people and tests change its rate.
    """
    return None if settings.ephemeral else settings.expected_rate


def timeline(settings: Settings) -> Limits:
    """Return the timeline's limits; on the embedded AWS people wait for it."""
    if settings.ephemeral:
        return msgspec.structs.replace(TIMELINE, batch_size=10, batch_window_seconds=0)
    return TIMELINE


def timeline_concurrency(settings: Settings) -> int:
    """Return how many workers write the timeline at a time; on the embedded AWS each is a process."""
    return 2 if settings.ephemeral else settings.timeline_workers


def tracking_concurrency(settings: Settings) -> int:
    """Return how many workers track events at a time; on the embedded AWS each is a process."""
    return 3 if settings.ephemeral else settings.tracking_workers


def workers(settings: Settings) -> int:
    """Return how many workers of all queues may run at a time."""
    return (
        settings.transactional_workers
        + settings.bulk_workers
        + tracking_concurrency(settings)
        + (settings.inbound.max_concurrency if settings.inbound.domains else 0)
        + (timeline_concurrency(settings) if settings.timeline.days else 0)
    )
