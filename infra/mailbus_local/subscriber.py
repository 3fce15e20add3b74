"""Subscribes to the event bus as an application does: with a rule, a queue and a reader."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

WAIT_SECONDS: Final = 1
JOIN_SECONDS: Final = 10


class Aws(Protocol):
    """What a subscriber needs of the embedded AWS: its outputs, and clients for its services."""

    @property
    def outputs(self) -> Mapping[str, Any]:
        """The outputs of the stacks, and where the services listen."""

    def client(self, service: str) -> Any:
        """Make a boto3 client."""


def subscribe(aws: Aws, sqs: Any, name: str) -> str:
    """Create a rule and a queue of this name for all events of the bus. Return the queue's URL."""
    bus = aws.outputs["EventBusName"]
    queue_url = str(sqs.create_queue(QueueName=name)["QueueUrl"])
    attributes = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])
    arn = attributes["Attributes"]["QueueArn"]
    events = aws.client("events")
    events.put_rule(Name=name, EventBusName=bus, EventPattern=json.dumps({"source": ["mailbus"]}))
    events.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])
    events.close()
    return queue_url


class Subscriber:
    """Collects all events of the bus, in order of arrival, inside its `with` block."""

    def __init__(self, aws: Aws, name: str) -> None:
        self._aws = aws
        self._name = name
        self._events: list[dict[str, Any]] = []
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._reader = threading.Thread(target=self._read, name=f"subscriber-{name}", daemon=True)

    def __enter__(self) -> Self:
        self._sqs = self._aws.client("sqs")
        self._queue_url = subscribe(self._aws, self._sqs, self._name)
        self._reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._reader.join(JOIN_SECONDS)
        self._sqs.close()

    @property
    def events(self) -> tuple[dict[str, Any], ...]:
        """The EventBridge events that have arrived so far, each with its envelope."""
        with self._changed:
            return tuple(self._events)

    def wait(self, enough: Callable[[tuple[dict[str, Any], ...]], bool], seconds: float) -> bool:
        """Wait until the events satisfy `enough`. Return False if they do not within `seconds`."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while not enough(tuple(self._events)):
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    return enough(tuple(self._events))
        return True

    def _read(self) -> None:
        while not self._closing.is_set():
            answer = self._sqs.receive_message(
                QueueUrl=self._queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=WAIT_SECONDS
            )
            messages = answer.get("Messages", [])
            if not messages:
                continue
            with self._changed:
                self._events += [json.loads(message["Body"]) for message in messages]
                self._changed.notify_all()
            self._sqs.delete_message_batch(
                QueueUrl=self._queue_url,
                Entries=[
                    {"Id": str(index), "ReceiptHandle": message["ReceiptHandle"]}
                    for index, message in enumerate(messages)
                ],
            )
