"""A stand-in for SQS: the send queues and their dead-letter queue."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import msgspec

from mailbus.aws.sqs import ORIGINAL_ID_ATTRIBUTE, PART_ATTRIBUTE, Record, records
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
    """A message on a send queue; `attributes` as SQS takes them. It is in flight if it is `received`."""

    message_id: str
    body: str
    queue_arn: str
    visible_at: float
    sent_at: float
    attributes: dict[str, Any] = {}
    group_id: str | None = None
    receive_count: int = 0
    received: bool = False

    def attribute(self, name: str) -> str | None:
        return self.attributes[name]["StringValue"] if name in self.attributes else None


class FakeQueues:
    """SQS: two send queues and the dead-letter queue, in simulated time.

    `errors` are raised by the next calls of an operation, None for one that works. `delays` has how long
    messages wait as copies, by the ids of the first ones; those that wait in flight are `hidden`.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.messages: dict[str, Message] = {}
        self.dead: list[dict[str, Any]] = []
        self.delays: list[tuple[str, int]] = []
        self.hidden: list[str] = []
        self.errors: dict[str, list[Exception | None]] = {}
        self.failing_entries: list[set[str]] = []
        self.sender_fault = False
        self._ids = itertools.count()
        self._copies = itertools.count()

    def put(
        self,
        body: str,
        *,
        queue_arn: str = SEND_QUEUE,
        part: int | None = None,
        redriven_from: str | None = None,
        group_id: str | None = None,
    ) -> str:
        attributes: dict[str, Any] = {}
        if part is not None:
            attributes[PART_ATTRIBUTE] = {"DataType": "Number", "StringValue": str(part)}
        if redriven_from is not None:
            attributes[ORIGINAL_ID_ATTRIBUTE] = {"DataType": "String", "StringValue": redriven_from}
        message_id = f"sqs-{next(self._ids)}"
        self._add(message_id, body, queue_arn, attributes, group_id=group_id)
        return message_id

    def _add(  # noqa: PLR0913 - what a message consists of
        self,
        message_id: str,
        body: str,
        queue_arn: str,
        attributes: dict[str, Any],
        *,
        group_id: str | None = None,
        delay: int = 0,
    ) -> None:
        self.messages[message_id] = Message(
            message_id=message_id,
            body=body,
            queue_arn=queue_arn,
            attributes=attributes,
            group_id=group_id,
            visible_at=self.clock.now + delay,
            sent_at=self.clock.now,
        )

    def receive(self, most: int = 10, queue_arn: str | None = None) -> list[Record]:
        taken = [
            message
            for message in self.messages.values()
            if message.visible_at <= self.clock.now and queue_arn in {None, message.queue_arn}
        ][:most]
        for message in taken:
            message.receive_count += 1
            message.visible_at = self.clock.now + VISIBILITY_SECONDS
            message.received = True
        return [self.record(message) for message in taken]

    def record(self, message: Message) -> Record:
        """Return a message as Lambda passes it to the function."""
        attributes = {
            "ApproximateReceiveCount": str(message.receive_count),
            "SentTimestamp": str(round(message.sent_at * 1000)),
        }
        if message.group_id is not None:
            attributes["MessageGroupId"] = message.group_id
        delivered = {
            "messageId": message.message_id,
            "receiptHandle": f"handle-{message.message_id}",
            "body": message.body,
            "attributes": attributes,
            "messageAttributes": {
                name: {"dataType": value["DataType"], "stringValue": value["StringValue"]}
                for name, value in message.attributes.items()
            },
            "eventSourceARN": message.queue_arn,
        }
        [record] = records({"Records": [delivered]})
        return record

    @property
    def in_flight(self) -> int:
        return sum(
            message.received and message.visible_at > self.clock.now for message in self.messages.values()
        )

    def send_message(self, **message: Any) -> None:
        self._fail("send_message")
        assert message["QueueUrl"] == DEAD_LETTERS
        self.dead.append(message)

    def send_message_batch(self, *, QueueUrl: str, Entries: list[Any]) -> dict[str, Any]:  # noqa: N803 - AWS's names
        self._fail("send_message_batch")
        assert len({entry["Id"] for entry in Entries}) == len(Entries) <= 10
        assert (
            sum(
                len(entry["MessageBody"].encode()) + attribute_bytes(entry["MessageAttributes"])
                for entry in Entries
            )
            <= MESSAGE_BYTES
        )
        failing = self.failing_entries.pop(0) if self.failing_entries else set()
        for entry in Entries:
            if entry["Id"] not in failing:
                self._take(entry, arn(QueueUrl))
        failed = [
            {"Id": name, "Code": "InternalError", "SenderFault": self.sender_fault}
            for name in sorted(failing)
        ]
        return {"Failed": failed} if failed else {}

    def _take(self, entry: dict[str, Any], queue_arn: str) -> None:
        attributes, delay = entry["MessageAttributes"], entry.get("DelaySeconds", 0)
        assert isinstance(delay, int)
        assert 0 <= delay <= 900
        first = attributes.get("Waiting")
        message_id = f"sqs-{next(self._ids)}" if first is None else f"copy-{next(self._copies)}"
        self._add(
            message_id,
            entry["MessageBody"],
            queue_arn,
            attributes,
            group_id=entry.get("MessageGroupId"),
            delay=delay,
        )
        if first is not None:
            self.delays.append((json.loads(first["StringValue"])["message_id"], delay))

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
        self.hidden.append(message.message_id)

    def _fail(self, call: str) -> None:
        errors = self.errors.get(call)
        error = errors.pop(0) if errors else None
        if error is not None:
            raise error


def attribute_bytes(attributes: dict[str, Any]) -> int:
    return sum(
        len(name) + len(value["DataType"]) + len(value["StringValue"]) for name, value in attributes.items()
    )


def arn(url: str) -> str:
    return {SETTINGS.send_queue_url: SEND_QUEUE, SETTINGS.bulk_queue_url: BULK_QUEUE}[url]
