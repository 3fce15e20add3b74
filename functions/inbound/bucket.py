"""The edge to S3: the deployment's own bucket, where SES puts mail and its parts go."""

from __future__ import annotations

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

# SES's "Encrypt message" is the S3 encryption client's envelope, which stands in the metadata.
ENVELOPE_KEYS: Final = frozenset({"x-amz-key", "x-amz-key-v2"})


class StoredMail(msgspec.Struct, frozen=True, kw_only=True):
    """A mail out of the bucket. `size` is in bytes; `content` is None where it is more than `RAW_BYTES`."""

    content: bytes | None
    size: int
    encrypted: bool


class Unavailable(msgspec.Struct, frozen=True, kw_only=True):
    """No object, or no right to read it: S3 tells them apart only to those who may list. `code` is S3's."""

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
        encrypted = not ENVELOPE_KEYS.isdisjoint(name.lower() for name in answer["Metadata"])
        content = None if size > RAW_BYTES else answer["Body"].read()
        return StoredMail(content=content, size=size, encrypted=encrypted)

    def write(self, key: str, content: bytes) -> StoredObject:
        """Store bytes, over what lies there.

        Without a content type: S3 would serve a sender's HTML or script under it.
        """
        self._client.put_object(Bucket=self.name, Key=key, Body=content)
        return StoredObject(bucket=self.name, key=key)
