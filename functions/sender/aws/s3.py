"""The edge to S3: what jobs refer to, and what is too large for a queue message or a schedule."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final, Literal

from botocore.exceptions import BotoCoreError, ClientError

from mailbus.aws import sessions
from mailbus.errors import InvalidJob, SendError

if TYPE_CHECKING:
    from collections.abc import Collection

    from types_boto3_s3.client import S3Client

    from mailbus.jobs.contract import S3Object

Prefix = Literal["jobs/", "scheduled/"]

# What says that the object is not there, or not for us; everything else may pass.
# A missing object answers AccessDenied where the role may not list the bucket.
_NOT_THERE: Final = {
    "NoSuchKey": "does not exist",
    "NoSuchBucket": "is in a bucket that does not exist",
    "NoSuchVersion": "does not exist in this version",
    "404": "does not exist",
    "AccessDenied": "does not exist, or the sender's role may not read it",
    "403": "does not exist, or the sender's role may not read it",
    "InvalidObjectState": "is archived; restore it",
    "InvalidArgument": "has a version_id that is none",
    "InvalidBucketName": "is in a bucket that cannot exist",
    "PermanentRedirect": "is in a bucket of another region",
    "IllegalLocationConstraintException": "is in a bucket of another region",
    "MethodNotAllowed": "is a delete marker in this version",
}


class Objects:
    """Reads only from `buckets`, and writes to `own_bucket`, which is one of them."""

    def __init__(self, client: S3Client, *, own_bucket: str, buckets: Collection[str]) -> None:
        self._client = client
        self._own = own_bucket
        self._buckets = frozenset((own_bucket, *buckets))

    def read(self, at: S3Object, path: str, *, most: int) -> bytes:
        """Read an object of at most so many bytes.

        `InvalidJob` at `path` where that can never be; a retryable `SendError` where S3 did not answer.
        """
        if at.bucket not in self._buckets:
            reason = (
                "is in a bucket that the deployment's source_buckets do not name; add it there, and deploy"
            )
            path = f"{path}.bucket"
            raise InvalidJob(path, reason)
        try:
            answer = (
                self._client.get_object(Bucket=at.bucket, Key=at.key)
                if at.version_id is None
                else self._client.get_object(Bucket=at.bucket, Key=at.key, VersionId=at.version_id)
            )
            with answer["Body"] as body:
                if answer["ContentLength"] > most:
                    reason = (
                        f"has {answer['ContentLength']} bytes; there is room for {most}; send a link instead"
                    )
                    raise InvalidJob(path, reason)
                return body.read()
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _NOT_THERE:
                raise InvalidJob(path, f"{_NOT_THERE[code]} ({code})") from error
            raise SendError(code, f"{path} could not be read from S3", retryable=True) from error
        except (BotoCoreError, OSError) as error:
            name = type(error).__name__
            raise SendError(name, f"{path} could not be read from S3", retryable=True) from error

    def store(self, prefix: Prefix, job_id: str, body: bytes) -> dict[str, str]:
        """Keep a document; the answer is its `content_ref`. The same document has the same key."""
        digest = hashlib.sha256(body).hexdigest()[:32]
        key = f"{prefix}{job_id}/{digest}.json"
        try:
            self._client.put_object(Bucket=self._own, Key=key, Body=body, ContentType="application/json")
        except (ClientError, BotoCoreError) as error:
            code = sessions.error_code(error)
            raise SendError(code, "the job could not be kept in S3", retryable=True) from error
        return {"bucket": self._own, "key": key}
