"""Uploads objects in parallel, so that a mail with very many parts is stored within the function's time."""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Final, Self

from mailbus.events import StoredObject

if TYPE_CHECKING:
    from concurrent.futures import Future
    from types import TracebackType

    from inbound.aws.s3 import Bucket

# A put takes about 30 ms, most of it waiting. boto3's default pool has ten connections:
# https://botocore.amazonaws.com/v1/documentation/api/latest/reference/config.html
WORKERS: Final = 8
# The memory for uploads that wait or are running, besides the mail itself; boto3 copies a body once to send
# it.
BYTES_IN_FLIGHT: Final = 16 * 1024 * 1024


class Uploads:
    """A context in which uploads are begun; it ends when all are done.

    An upload's error is raised by the next call or at the end of the context. After an exception in the
    context no other upload begins. No upload outlives the context.
    """

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._pool = ThreadPoolExecutor(max_workers=WORKERS)
        self._in_flight: dict[Future[StoredObject], int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            while kind is None and self._in_flight:
                self._finish_some()
        finally:
            self._pool.shutdown(cancel_futures=True)

    def wait_for_memory(self, size: int) -> None:
        """Wait until `size` more bytes may be in memory. An upload larger than the limit runs alone."""
        while self._in_flight and (
            len(self._in_flight) >= WORKERS or sum(self._in_flight.values()) + size > BYTES_IN_FLIGHT
        ):
            self._finish_some()

    def begin(self, key: str, content: bytes) -> StoredObject:
        """Begin to write `content`, after `wait_for_memory`; return where it will be."""
        self._in_flight[self._pool.submit(self._bucket.write, key, content)] = len(content)
        return StoredObject(bucket=self._bucket.name, key=key)

    def _finish_some(self) -> None:
        done, _ = wait(self._in_flight, return_when=FIRST_COMPLETED)
        for upload in done:
            del self._in_flight[upload]
            upload.result()
