"""The edge to S3: the deployment's bucket of received mail and its parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import msgspec
from botocore.exceptions import ClientError

from inbound.mapped import MAPPED_BYTES, Raw, mapped
from mailbus.events import StoredObject

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from types_boto3_s3.client import S3Client

# SES receives up to 40 MB (https://docs.aws.amazon.com/ses/latest/dg/quotas.html). A larger object is not a
# mail, and does not fit into the function's memory.
RAW_BYTES: Final = 64 * 1024 * 1024

# Without s3:ListBucket S3 answers "access denied" for a missing object too:
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
NO_SUCH_KEY: Final = "NoSuchKey"
UNAVAILABLE: Final = frozenset({NO_SUCH_KEY, "NoSuchBucket", "AccessDenied", "403", "404"})

# The codes of a conditional write if the object exists:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
_EXISTS: Final = frozenset({"PreconditionFailed", "412"})


class StoredMail(msgspec.Struct, frozen=True, kw_only=True):
    """A mail in the bucket. `size` is its object's, in bytes; `content` is None over `RAW_BYTES`.

    `metadata` is the object's, with names as they were written.
    """

    content: Raw | None
    size: int
    metadata: Mapping[str, str] = msgspec.field(default_factory=dict)


class Unavailable(msgspec.Struct, frozen=True, kw_only=True):
    """The object does not exist, or access to it or its key is denied. `code` is S3's, or KMS's.

    S3 distinguishes the two only for callers that may list the bucket.
    """

    code: str


class Bucket:
    """Reads and writes one bucket, and no other."""

    def __init__(self, client: S3Client, name: str) -> None:
        self._client = client
        self.name = name

    def read(self, key: str) -> StoredMail | Unavailable:
        """Return a mail. Temporary errors are raised."""
        try:
            answer = self._client.get_object(Bucket=self.name, Key=key)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in UNAVAILABLE:
                return Unavailable(code=code)
            raise
        size = answer["ContentLength"]
        content = None if size > RAW_BYTES else _content(answer["Body"], size)
        return StoredMail(content=content, size=size, metadata=answer["Metadata"])

    def write_or_read(self, key: str, content: bytes) -> StoredMail | Unavailable:
        """Store a mail if there is no object yet, else return the object. Temporary errors are raised.

        An object that SES stored is the better copy, and may be encrypted.
        """
        try:
            self._client.put_object(Bucket=self.name, Key=key, Body=content, IfNoneMatch="*")
        except ClientError as error:
            if error.response["Error"]["Code"] not in _EXISTS:
                raise
            return self.read(key)
        return StoredMail(content=content, size=len(content))

    def write(self, key: str, content: bytes) -> StoredObject:
        """Store bytes, and replace an object that exists.

        It has no content type: S3 would serve a sender's HTML or script with it.
        """
        self._client.put_object(Bucket=self.name, Key=key, Body=content)
        return StoredObject(bucket=self.name, key=key)


def _content(body: StreamingBody, size: int) -> Raw:
    return body.read() if size < MAPPED_BYTES else mapped(body)
