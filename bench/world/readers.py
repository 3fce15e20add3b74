"""Lambda's pollers and workers of a queue of events: each gathers a batch, runs a function, and deletes it.

How Lambda's pollers gather a batch larger than ten is not documented. Here each receives up to ten messages a
call, as SQS allows, until the batch is full or its window is over.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import msgspec

from bench.world.costs import FULL_PROCESSOR_MB, LAMBDA_LOG_BYTES, POLL_SECONDS, POLL_SPREAD
from bench.world.process import Process

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

    from bench.world.clock import Clock
    from bench.world.sqs import Message, Queue
    from mailbus_cdk.limits import Limits

    # a function in a process: takes an event of Lambda, returns its response
    Function = Callable[[dict[str, Any]], dict[str, Any]]

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
RECEIVE_MESSAGES: Final = 10
# SQS bills each 64 KB of a request: https://aws.amazon.com/sqs/pricing/
REQUEST_BYTES: Final = 64 * 1024


class ReaderCounts(msgspec.Struct, kw_only=True):
    """What the workers of a queue have used so far; `requests` are those that SQS bills."""

    messages: int = 0
    message_bytes: int = 0
    requests: int = 0
    invocations: int = 0
    seconds: float = 0.0
    log_bytes: int = 0


class Reader:
    """One poller with the function that it invokes, whose memory decides on its share of a processor."""

    def __init__(  # noqa: PLR0913 - keyword-only options
        self,
        clock: Clock,
        chance: random.Random,
        *,
        queue: Queue,
        limits: Limits,
        start: Callable[[Process], Function],
        counts: ReaderCounts,
    ) -> None:
        self._clock = clock
        self._chance = chance
        self._queue = queue
        self._limits = limits
        self._counts = counts
        self._process = Process(clock, chance, speed=min(1.0, limits.memory_mb / FULL_PROCESSOR_MB))
        self._function = start(self._process)

    def run(self) -> None:
        """Process batches for ever."""
        while True:
            self._invoke(self._gather())

    def _gather(self) -> list[Message]:
        """Receive until the batch is full, or its window, from the first message on, is over."""
        messages = self._receive(RECEIVE_MESSAGES, math.inf)
        closes = self._clock.now + self._limits.batch_window_seconds
        while (room := self._limits.batch_size - len(messages)) > 0 and self._clock.now < closes:
            messages += self._receive(min(RECEIVE_MESSAGES, room), closes)
        return messages

    def _receive(self, most: int, until: float) -> list[Message]:
        """Return what a long poll receives until a time; those of an idle queue are not counted."""
        while True:
            self._clock.sleep(POLL_SECONDS * self._chance.uniform(*POLL_SPREAD))
            messages = self._queue.receive(most)
            if messages or self._clock.now >= until:
                break
        size = sum(len(message.body.encode()) for message in messages)
        self._counts.requests += max(1, math.ceil(size / REQUEST_BYTES))
        self._counts.messages += len(messages)
        self._counts.message_bytes += size
        return messages

    def _invoke(self, messages: Sequence[Message]) -> None:
        began = self._clock.now
        event = {"Records": [message.record(self._queue.arn) for message in messages]}
        response = self._function(event)
        self._counts.seconds += self._clock.now - began
        self._counts.invocations += 1
        self._counts.log_bytes += LAMBDA_LOG_BYTES
        failed = {failure["itemIdentifier"] for failure in response["batchItemFailures"]}
        done = [message for message in messages if message.message_id not in failed]
        for message in done:
            self._queue.delete(message.receipt_handle)
        self._counts.requests += math.ceil(len(done) / RECEIVE_MESSAGES)
