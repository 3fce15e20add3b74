"""Lambda's workers of a lane: each receives batches, runs the sender, and acknowledges what it sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bench.world.costs import EMPTY_POLL_SECONDS, MESSAGE_CPU, POLL_SECONDS, POLL_SPREAD
from bench.world.process import Died
from mailbus.aws.sqs import records
from sender.batch import process

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from bench.world.clock import Clock
    from bench.world.process import Process
    from bench.world.scenario import LaneLoad
    from bench.world.sqs import Message, Queue
    from sender.wiring import Sender

# the sender's timeout
FUNCTION_SECONDS: Final = 60.0


class Worker:
    """One concurrent execution of the function, which has one process after another.

    `seconds` is how long it has run in so many `invocations`. Those that have ended `received` so many
    messages, and took `ended_seconds`, of which they `waited` for the rate. `died` is how many of its
    processes have.
    """

    def __init__(
        self,
        clock: Clock,
        chance: random.Random,
        lane: LaneLoad,
        queue: Queue,
        start: Callable[[], tuple[Process, Sender]],
    ) -> None:
        self.died = 0
        self.invocations = 0
        self.received = 0
        self.ended_seconds = 0.0
        self.waited = 0.0
        self._clock = clock
        self._chance = chance
        self._lane = lane
        self._queue = queue
        self._start = start
        self._process, self._sender = start()
        self._began: float | None = None

    @property
    def seconds(self) -> float:
        """The duration of all invocations, with that of the one in progress."""
        return self.ended_seconds + (0.0 if self._began is None else self._clock.now - self._began)

    def run(self) -> None:
        """Process batches for ever."""
        while True:
            self._clock.sleep(POLL_SECONDS * self._chance.uniform(*POLL_SPREAD))
            messages = self._receive()
            if messages:
                self._began = self._clock.now
                self.invocations += 1
                self._invoke(messages)
                self.received += len(messages)
                self.ended_seconds, self._began = self.seconds, None
            else:
                self._clock.sleep(EMPTY_POLL_SECONDS)

    def _receive(self) -> list[Message]:
        """Receive a batch: what there is, or until it is full or its window is over."""
        messages = self._queue.receive(self._lane.batch)
        closes = self._clock.now + self._lane.window
        while messages and len(messages) < self._lane.batch and self._clock.now < closes:
            self._clock.sleep(POLL_SECONDS)
            messages += self._queue.receive(self._lane.batch - len(messages))
        return messages

    def _invoke(self, messages: list[Message]) -> None:
        event = {"Records": [message.record(self._queue.arn) for message in messages]}
        deadline = self._process.time() + FUNCTION_SECONDS
        try:
            self._process.compute(MESSAGE_CPU * len(messages))
            response = process(self._sender, records(event), deadline)
        except Died:
            self.died += 1
            self._process, self._sender = self._start()
            return
        finally:
            self.waited += self._process.take_waited()
        failed = {failure["itemIdentifier"] for failure in response["batchItemFailures"]}
        for message in messages:
            if message.message_id not in failed:
                self._queue.delete(message.receipt_handle)
