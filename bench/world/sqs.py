"""A model of SQS: standard queues, and a process's client of them.

Which visible message is received next is undefined in a standard queue. Here those that came for the first
time and those that came again are drawn in proportion to their numbers.
"""

from __future__ import annotations

import heapq
import itertools
from collections import Counter, deque
from typing import TYPE_CHECKING, Any, Final

from bench.world.costs import CALL_CPU, ITEM_CPU, OTHER_SPREAD, SQS_SECONDS

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping

    from bench.world.clock import Clock
    from bench.world.process import Process

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
MOST_IN_FLIGHT: Final = 120_000
MAX_DELAY_SECONDS: Final = 900


class Message:
    """A message; `attributes` as Lambda passes them. It can be received if `visible_at` has passed."""

    __slots__ = ("attributes", "body", "is_deleted", "message_id", "receives", "sent_at", "visible_at")

    def __init__(self, message_id: str, body: str, attributes: Mapping[str, Any], sent_at: float) -> None:
        self.message_id = message_id
        self.body = body
        self.attributes = attributes
        self.sent_at = sent_at
        self.visible_at = sent_at
        self.receives = 0
        self.is_deleted = False

    @property
    def receipt_handle(self) -> str:
        """The handle of the last receive."""
        return f"{self.message_id}:{self.receives}"

    def record(self, queue_arn: str) -> dict[str, Any]:
        """Return the message as Lambda passes it."""
        return {
            "messageId": self.message_id,
            "receiptHandle": self.receipt_handle,
            "body": self.body,
            "attributes": {
                "ApproximateReceiveCount": str(self.receives),
                "SentTimestamp": str(round(self.sent_at * 1000)),
            },
            "messageAttributes": self.attributes,
            "eventSourceARN": queue_arn,
        }


class Queue:
    """A standard queue.

    `messages` is how many there are, visible or not; since `filled_at` there has been one at any time.
    """

    def __init__(
        self,
        clock: Clock,
        chance: random.Random,
        *,
        arn: str,
        visibility: float,
        most_in_flight: int = MOST_IN_FLIGHT,
    ) -> None:
        self.arn = arn
        self.messages = 0
        self.filled_at = clock.now
        self.in_flight: dict[str, Message] = {}
        self._clock = clock
        self._chance = chance
        self._visibility = visibility
        self._most_in_flight = most_in_flight
        self._ids = itertools.count()
        self._order = itertools.count()
        self._first: deque[Message] = deque()
        self._again: deque[Message] = deque()
        self._hidden: list[tuple[float, int, Message]] = []

    def put(self, body: str, attributes: Mapping[str, Any] | None = None, *, delay: int = 0) -> str:
        """Add a message that is visible after `delay`; return its id."""
        message_id = f"{self.arn.rpartition(':')[2]}-{next(self._ids):08}"
        message = Message(message_id, body, attributes or {}, self._clock.now)
        if not self.messages:
            self.filled_at = self._clock.now
        self.messages += 1
        if attributes is None:
            self._first.append(message)
        else:
            self._hide(message, delay)
        return message_id

    def receive(self, most: int) -> list[Message]:
        """Receive visible messages; none while as many are in flight as there may be."""
        self._show()
        first, again = len(self._first), len(self._again)
        count = min(most, first + again, self._most_in_flight - len(self.in_flight))
        if count <= 0:
            return []
        share = count * again / (first + again)
        of_again = int(share) + (self._chance.random() < share % 1)
        of_again = max(min(of_again, again), count - first)
        taken = [self._again.popleft() for _ in range(of_again)]
        taken += [self._first.popleft() for _ in range(count - of_again)]
        for message in taken:
            message.receives += 1
            self._hide(message, self._visibility)
            self.in_flight[message.receipt_handle] = message
        return taken

    def delete(self, receipt_handle: str) -> None:
        """Delete a message; without effect if it was received again."""
        message = self.in_flight.pop(receipt_handle, None)
        if message is not None:
            message.is_deleted = True
            self.messages -= 1

    def change_visibility(self, receipt_handle: str, seconds: float) -> None:
        """Make a message in flight visible after so many seconds."""
        if receipt_handle in self.in_flight:
            self._hide(self.in_flight[receipt_handle], seconds)

    def _hide(self, message: Message, seconds: float) -> None:
        message.visible_at = self._clock.now + seconds
        heapq.heappush(self._hidden, (message.visible_at, next(self._order), message))

    def _show(self) -> None:
        """Make messages visible whose time has come; what was deleted or hidden for longer is skipped."""
        while self._hidden and self._hidden[0][0] <= self._clock.now:
            moment, _, message = heapq.heappop(self._hidden)
            if not message.is_deleted and message.visible_at == moment:
                self.in_flight.pop(message.receipt_handle, None)
                self._again.append(message)


class SqsClient:
    """A process's client of some queues by their URLs, which does not retry. `calls` counts requests.

    `dead_letters` gets the requests that dead-letter a message.
    """

    def __init__(
        self,
        process: Process,
        queues: Mapping[str, Queue],
        chance: random.Random,
        *,
        calls: Counter[str],
        dead_letters: list[dict[str, Any]],
    ) -> None:
        self._process = process
        self._queues = queues
        self._chance = chance
        self._calls = calls
        self._dead_letters = dead_letters

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - AWS's names
        """Send messages, each after its delay."""

        def answer() -> dict[str, Any]:
            for entry in Entries:
                attributes = {
                    name: {"dataType": value["DataType"], "stringValue": value["StringValue"]}
                    for name, value in entry["MessageAttributes"].items()
                }
                delay = entry.get("DelaySeconds", 0)
                assert isinstance(delay, int)  # noqa: S101 - a model fails where the service refuses
                assert 0 <= delay <= MAX_DELAY_SECONDS  # noqa: S101 - as above
                self._queues[QueueUrl].put(entry["MessageBody"], attributes, delay=delay)
            return {}

        return self._call("SendMessageBatch", len(Entries), answer)

    def change_message_visibility(
        self,
        *,
        QueueUrl: str,  # noqa: N803 - AWS's name
        ReceiptHandle: str,  # noqa: N803 - AWS's name
        VisibilityTimeout: int,  # noqa: N803 - AWS's name
    ) -> dict[str, Any]:
        """Hide a message for longer, or show it sooner."""

        def answer() -> dict[str, Any]:
            self._queues[QueueUrl].change_visibility(ReceiptHandle, VisibilityTimeout)
            return {}

        return self._call("ChangeMessageVisibility", 1, answer)

    def change_message_visibility_batch(
        self,
        *,
        QueueUrl: str,  # noqa: N803 - AWS's name
        Entries: list[dict[str, Any]],  # noqa: N803 - AWS's name
    ) -> dict[str, Any]:
        """Hide messages for longer, or show them sooner."""

        def answer() -> dict[str, Any]:
            for entry in Entries:
                self._queues[QueueUrl].change_visibility(entry["ReceiptHandle"], entry["VisibilityTimeout"])
            return {}

        return self._call("ChangeMessageVisibilityBatch", len(Entries), answer)

    def send_message(self, **message: Any) -> dict[str, Any]:  # noqa: ANN401 - a request of boto3
        """Dead-letter a message."""

        def answer() -> dict[str, Any]:
            self._dead_letters.append(message)
            return {}

        return self._call("SendMessage", 1, answer)

    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: tuple[str, ...]) -> dict[str, Any]:  # noqa: N803 - AWS's names
        """Return how many messages there are, as the first number; of a queue that is not simulated none."""

        def answer() -> dict[str, Any]:
            queue = self._queues.get(QueueUrl)
            counts = dict.fromkeys(AttributeNames, "0")
            return {"Attributes": {**counts, AttributeNames[0]: str(queue.messages if queue else 0)}}

        return self._call("GetQueueAttributes", 1, answer)

    def _call(self, operation: str, items: int, answer: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        self._calls[operation] += 1
        half = SQS_SECONDS / 2 * self._chance.uniform(*OTHER_SPREAD)
        return self._process.call(CALL_CPU + ITEM_CPU * items, half, half, answer)
