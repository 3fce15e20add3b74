"""Writes to the bucket side by side: a mail of very many parts is stored within the function's time."""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Final, Self

from mailbus.events import StoredObject

if TYPE_CHECKING:
    from concurrent.futures import Future
    from types import TracebackType

    from inbound.aws.s3 import Bucket

# A put takes some 30 ms, most of it waiting. boto3's pool has ten connections where nobody asks for more:
# https://botocore.amazonaws.com/v1/documentation/api/latest/reference/config.html
WORKERS: Final = 8
# What waits or is on its way, besides the mail itself; boto3 copies a body once to send it.
BYTES_UNDER_WAY: Final = 16 * 1024 * 1024


class Uploads:
    """A block in which writes are begun; leaving it means that all are done.

    What the bucket raises for one of them comes out of the next call or out of the block. A block that is
    left by an exception begins no other write. None outlives it.
    """

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._pool = ThreadPoolExecutor(max_workers=WORKERS)
        self._under_way: dict[Future[StoredObject], int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            while kind is None and self._under_way:
                self._settle()
        finally:
            self._pool.shutdown(cancel_futures=True)

    def make_room(self, size: int) -> None:
        """Wait until `size` bytes more may be in memory. What is larger than all room has it for itself."""
        while self._under_way and (
            len(self._under_way) >= WORKERS or sum(self._under_way.values()) + size > BYTES_UNDER_WAY
        ):
            self._settle()

    def begin(self, key: str, content: bytes) -> StoredObject:
        """Begin to write `content`, for which there is room; answers where it will be."""
        self._under_way[self._pool.submit(self._bucket.write, key, content)] = len(content)
        return StoredObject(bucket=self._bucket.name, key=key)

    def _settle(self) -> None:
        done, _ = wait(self._under_way, return_when=FIRST_COMPLETED)
        for upload in done:
            del self._under_way[upload]
            upload.result()
