"""A stand-in for S3."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from tests.unit.fakes.clients import refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class FakeS3:
    """S3 without versions: objects by bucket and key.

    `errors` are raised by the next calls, None standing for one that works; `refused` has error codes by key.
    `reads` and `writes` list the keys in order, and `on_read` is called before each read. A write must have
    the content type `content_type`.
    """

    def __init__(
        self,
        objects: Mapping[tuple[str, str], bytes] | None = None,
        *,
        refused: Mapping[str, str] | None = None,
        content_type: str | None = None,
    ) -> None:
        self.objects = dict(objects or {})
        self.metadata: dict[str, str] = {}
        self.refused = dict(refused or {})
        self.errors: list[Exception | None] = []
        self.reads: list[tuple[str, str]] = []
        self.writes: list[str] = []
        self.on_read: Callable[[str], None] = lambda _: None
        self._content_type = content_type

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 - AWS's names
        self.reads.append((Bucket, Key))
        self._fail(Key, "GetObject")
        self.on_read(Key)
        if (Bucket, Key) not in self.objects:
            missing = "NoSuchKey"
            raise refusal(missing, operation="GetObject")
        content = self.objects[Bucket, Key]
        return {"ContentLength": len(content), "Metadata": self.metadata, "Body": io.BytesIO(content)}

    def put_object(
        self,
        *,
        Bucket: str,  # noqa: N803 - AWS's name
        Key: str,  # noqa: N803 - AWS's name
        Body: bytes,  # noqa: N803 - AWS's name
        ContentType: str | None = None,  # noqa: N803 - AWS's name
        IfNoneMatch: str | None = None,  # noqa: N803 - AWS's name
    ) -> None:
        assert ContentType == self._content_type
        self._fail(Key, "PutObject")
        if IfNoneMatch == "*" and (Bucket, Key) in self.objects:
            exists = "PreconditionFailed"
            raise refusal(exists, operation="PutObject")
        self.writes.append(Key)
        self.objects[Bucket, Key] = Body

    def _fail(self, key: str, operation: str) -> None:
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error
        if key in self.refused:
            raise refusal(self.refused[key], operation=operation)
