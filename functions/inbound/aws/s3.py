"""The edge to S3: the deployment's own bucket, where SES puts mail and its parts go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import msgspec
from botocore.exceptions import ClientError

from mailbus.events import StoredObject

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

# SES takes 40 MB (https://docs.aws.amazon.com/ses/latest/dg/quotas.html); more is no mail, and
# would not fit into the function's memory.
RAW_BYTES: Final = 64 * 1024 * 1024

# Without s3:ListBucket a missing object is "access denied" too:
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
NO_SUCH_KEY: Final = "NoSuchKey"
UNAVAILABLE: Final = frozenset({NO_SUCH_KEY, "NoSuchBucket", "AccessDenied", "403", "404"})

# What a conditional write says of a key at which something lies:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
_EXISTS: Final = frozenset({"PreconditionFailed", "412"})


class StoredMail(msgspec.Struct, frozen=True, kw_only=True):
    """A mail out of the bucket. `size` is its object's, in bytes; `content` is None over `RAW_BYTES`.

    `metadata` is the object's own, as its writer named it.
    """

    content: bytes | None
    size: int
    metadata: Mapping[str, str] = msgspec.field(default_factory=dict)


class Unavailable(msgspec.Struct, frozen=True, kw_only=True):
    """No object, or no right to it or to its key. `code` is S3's, or KMS's.

    S3 tells a missing object from a missing right only to those who may list.
    """

    code: str


class Bucket:
    """Reads and writes one bucket, and no other."""

    def __init__(self, client: S3Client, name: str) -> None:
        self._client = client
        self.name = name

    def read(self, key: str) -> StoredMail | Unavailable:
        """Fetch a mail. Trouble that may pass is raised as it came."""
        try:
            answer = self._client.get_object(Bucket=self.name, Key=key)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in UNAVAILABLE:
                return Unavailable(code=code)
            raise
        size = answer["ContentLength"]
        content = None if size > RAW_BYTES else answer["Body"].read()
        return StoredMail(content=content, size=size, metadata=answer["Metadata"])

    def keep(self, key: str, content: bytes) -> StoredMail | Unavailable:
        """Store a mail where nothing lies yet; else fetch what does. Trouble that may pass is raised.

        What SES itself stored is the better copy, and may be an encrypted one.
        """
        try:
            self._client.put_object(Bucket=self.name, Key=key, Body=content, IfNoneMatch="*")
        except ClientError as error:
            if error.response["Error"]["Code"] not in _EXISTS:
                raise
            return self.read(key)
        return StoredMail(content=content, size=len(content))

    def write(self, key: str, content: bytes) -> StoredObject:
        """Store bytes, over what lies there.

        Without a content type: S3 would serve a sender's HTML or script under it.
        """
        self._client.put_object(Bucket=self.name, Key=key, Body=content)
        return StoredObject(bucket=self.name, key=key)
