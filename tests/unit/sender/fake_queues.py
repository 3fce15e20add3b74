"""A stand-in for SQS: the send queues and their dead-letter queue."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import msgspec

from mailbus.aws.sqs import Record
from tests.unit.sender.settings import (
    BULK_QUEUE,
    DEAD_LETTERS,
    MESSAGE_BYTES,
    SEND_QUEUE,
    SETTINGS,
    VISIBILITY_SECONDS,
)

if TYPE_CHECKING:
    from tests.unit.sender.clock import Clock


class Message(msgspec.Struct, kw_only=True):
    """A message on a send queue."""

    message_id: str
    body: str
    queue_arn: str
    visible_at: float
    sent_at: float
    part: int | None = None
    redriven_from: str | None = None
    receive_count: int = 0


class FakeQueues:
    """SQS: two send queues and the dead-letter queue, with visibility timeouts in simulated time.

    `errors` are raised by the next calls of an operation, None for one that works.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.messages: dict[str, Message] = {}
        self.dead: list[dict[str, Any]] = []
        self.delays: list[tuple[str, int]] = []
        self.errors: dict[str, list[Exception | None]] = {}
        self.failing_parts: list[set[str]] = []
        self.sender_fault = False
        self._ids = itertools.count()

    def put(
        self,
        body: str,
        *,
        queue_arn: str = SEND_QUEUE,
        part: int | None = None,
        redriven_from: str | None = None,
    ) -> str:
        message_id = f"sqs-{next(self._ids)}"
        self.messages[message_id] = Message(
            message_id=message_id,
            body=body,
            queue_arn=queue_arn,
            part=part,
            redriven_from=redriven_from,
            visible_at=self.clock.now,
            sent_at=self.clock.now,
        )
        return message_id

    def receive(self, most: int = 10) -> list[Record]:
        taken = [message for message in self.messages.values() if message.visible_at <= self.clock.now][:most]
        for message in taken:
            message.receive_count += 1
            message.visible_at = self.clock.now + VISIBILITY_SECONDS
        return [self.record(message) for message in taken]

    def record(self, message: Message) -> Record:
        return Record(
            message_id=message.message_id,
            receipt_handle=f"handle-{message.message_id}",
            body=message.body,
            receive_count=message.receive_count,
            sent_at=message.sent_at,
            part=message.part,
            queue_arn=message.queue_arn,
            redriven_from=message.redriven_from,
        )

    def send_message(self, **message: Any) -> None:
        self._fail("send_message")
        assert message["QueueUrl"] == DEAD_LETTERS
        self.dead.append(message)

    def send_message_batch(self, *, QueueUrl: str, Entries: list[Any]) -> dict[str, Any]:  # noqa: N803 - AWS's names
        self._fail("send_message_batch")
        assert len(Entries) <= 10
        assert sum(len(entry["MessageBody"].encode()) + 15 for entry in Entries) <= MESSAGE_BYTES
        failing = self.failing_parts.pop(0) if self.failing_parts else set()
        for entry in Entries:
            if entry["Id"] not in failing:
                part = int(entry["MessageAttributes"]["Part"]["StringValue"])
                self.put(entry["MessageBody"], queue_arn=arn(QueueUrl), part=part)
        failed = [
            {"Id": name, "Code": "InternalError", "SenderFault": self.sender_fault}
            for name in sorted(failing)
        ]
        return {"Failed": failed} if failed else {}

    def change_message_visibility(
        self,
        *,
        QueueUrl: str,  # noqa: N803 - AWS's name
        ReceiptHandle: str,  # noqa: N803 - AWS's name
        VisibilityTimeout: int,  # noqa: N803 - AWS's name
    ) -> None:
        self._fail("change_message_visibility")
        assert isinstance(VisibilityTimeout, int)
        assert 0 <= VisibilityTimeout <= 43_200
        message = self.messages[ReceiptHandle.removeprefix("handle-")]
        assert message.queue_arn == arn(QueueUrl)
        message.visible_at = self.clock.now + VisibilityTimeout
        self.delays.append((message.message_id, VisibilityTimeout))

    def _fail(self, call: str) -> None:
        errors = self.errors.get(call)
        error = errors.pop(0) if errors else None
        if error is not None:
            raise error


def arn(url: str) -> str:
    return {SETTINGS.send_queue_url: SEND_QUEUE, SETTINGS.bulk_queue_url: BULK_QUEUE}[url]
