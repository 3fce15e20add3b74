"""What came out of a run: mails that SES accepted, events on the bus, dead letters."""

from __future__ import annotations

import json
import threading
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, Self

import msgspec

from mailbus_local.subscriber import Aws, subscribe

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

WAIT_SECONDS: Final = 1
BATCH: Final = 10
READERS: Final = 3


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """A message that SES accepted, at `at` (epoch seconds)."""

    message_id: str
    job_id: str
    recipients: tuple[str, ...]
    at: float


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """What matters here of an event of the bus."""

    event_type: str
    event_id: str
    job_id: str | None = None
    message_id: str | None = None
    recipient: str | None = None
    error_code: str | None = None


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A dead letter; `text` is a job's message, or what was published on a topic."""

    queue: str
    text: str
    code: str | None = None
    reason: str | None = None
    job_id: str | None = None


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """What came out: the letters as they were first, and after all were redriven."""

    accepted: tuple[Accepted, ...]
    events: tuple[Event, ...]
    letters: tuple[Letter, ...]
    letters_after: tuple[Letter, ...]


def event_of(event: Mapping[str, Any]) -> Event:
    """Return what matters of an event as EventBridge delivers it."""
    return msgspec.convert(event["detail"], Event)


class Events:
    """Collects the events of the bus, by several readers: the embedded AWS is slow with long queues."""

    def __init__(self, aws: Aws, name: str) -> None:
        self._aws = aws
        self._name = name
        self._events: list[Event] = []
        # epoch seconds
        self._sent_at: list[float] = []
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._readers = [threading.Thread(target=self._read, daemon=True) for _ in range(READERS)]

    def __enter__(self) -> Self:
        self._sqs = self._aws.client("sqs")
        self.queue_url = subscribe(self._aws, self._sqs, self._name)
        for reader in self._readers:
            reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        for reader in self._readers:
            reader.join()
        self._sqs.close()

    def so_far(self) -> tuple[Event, ...]:
        """Return the events so far."""
        with self._lock:
            return tuple(self._events)

    def longest_silence(self, until: float) -> float:
        """Return the longest time in which no event came to the queue, until then (epoch seconds)."""
        with self._lock:
            moments = sorted(moment for moment in self._sent_at if moment <= until)
        return max((later - earlier for earlier, later in pairwise(moments)), default=0.0)

    def _read(self) -> None:
        while not self._closing.is_set():
            answer = self._sqs.receive_message(
                QueueUrl=self.queue_url,
                MaxNumberOfMessages=BATCH,
                WaitTimeSeconds=WAIT_SECONDS,
                MessageSystemAttributeNames=["SentTimestamp"],
            )
            messages = answer.get("Messages", [])
            if not messages:
                continue
            with self._lock:
                self._events += (event_of(json.loads(message["Body"])) for message in messages)
                self._sent_at += (int(message["Attributes"]["SentTimestamp"]) / 1000 for message in messages)
            self._sqs.delete_message_batch(
                QueueUrl=self.queue_url,
                Entries=[
                    {"Id": str(place), "ReceiptHandle": message["ReceiptHandle"]}
                    for place, message in enumerate(messages)
                ],
            )
