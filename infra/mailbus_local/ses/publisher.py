"""Publishes to SNS in the background, so that no response waits for it.

The publications of one message stay in order, as in SES; others may be reordered.
"""

from __future__ import annotations

import logging
import queue
import threading
import zlib
from typing import TYPE_CHECKING, Final

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from types_boto3_sns.client import SNSClient

WORKERS: Final = 4
ATTEMPTS: Final = 6
BACKOFF_SECONDS: Final = 0.1

_LOG = logging.getLogger(__name__)


class Publication(msgspec.Struct, frozen=True, kw_only=True):
    """A message for a topic. Publications with the same `order_key` arrive in order."""

    topic_arn: str
    text: str
    order_key: str
    subject: str | None = None


class Publisher:
    """A pool of threads, each with its own queue."""

    def __init__(self, client: SNSClient) -> None:
        self._client = client
        self._stopping = threading.Event()
        self._unreachable = threading.Event()
        self._counting = threading.Lock()
        self._unfinished = 0
        self._queues: list[queue.SimpleQueue[Publication | None]] = [
            queue.SimpleQueue() for _ in range(WORKERS)
        ]
        self._threads = [
            threading.Thread(target=self._run, args=(pending,), name="ses-publisher", daemon=True)
            for pending in self._queues
        ]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    @property
    def unfinished(self) -> int:
        """How many publications have not reached SNS yet."""
        with self._counting:
            return self._unfinished

    def submit(self, publication: Publication) -> None:
        """Queue a publication. Thread-safe."""
        self._count(1)
        self._queues[zlib.crc32(publication.order_key.encode()) % WORKERS].put(publication)

    def stop(self) -> None:
        """Publish what is queued, unless SNS is unreachable, and end the threads."""
        self._stopping.set()
        for pending in self._queues:
            pending.put(None)
        for thread in self._threads:
            thread.join()

    def _run(self, pending: queue.SimpleQueue[Publication | None]) -> None:
        while (publication := pending.get()) is not None:
            if not self._unreachable.is_set():
                self._publish(publication)
            self._count(-1)

    def _count(self, change: int) -> None:
        with self._counting:
            self._unfinished += change

    def _publish(self, publication: Publication) -> None:
        for attempt in range(ATTEMPTS):
            try:
                if publication.subject is None:
                    self._client.publish(TopicArn=publication.topic_arn, Message=publication.text)
                else:
                    self._client.publish(
                        TopicArn=publication.topic_arn,
                        Message=publication.text,
                        Subject=publication.subject,
                    )
            except (ClientError, BotoCoreError) as error:
                stopping = self._stopping.is_set()
                if stopping and isinstance(error, BotoCoreError):
                    self._unreachable.set()
                if stopping or attempt == ATTEMPTS - 1:
                    _LOG.error("could not publish to %s: %s", publication.topic_arn, error)
                    return
                self._stopping.wait(BACKOFF_SECONDS * 2**attempt)
            else:
                return
