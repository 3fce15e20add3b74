"""The edge to S3: jobs and files that jobs refer to, and jobs too large for a queue message or a schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from mailbus.aws import sessions
from mailbus.errors import InvalidJob, SendError
from mailbus.jobs.claim_check import object_key

if TYPE_CHECKING:
    from collections.abc import Collection

    from types_boto3_s3.client import S3Client

    from mailbus.jobs.claim_check import Prefix
    from mailbus.jobs.contract import S3Object

# The codes that mean that the object does not exist or may not be read; every other error is retried.
# For a missing object S3 answers AccessDenied if the role may not list the bucket.
_PERMANENT: Final = {
    "NoSuchKey": "does not exist",
    "NoSuchBucket": "is in a bucket that does not exist",
    "NoSuchVersion": "does not exist in this version",
    "404": "does not exist",
    "AccessDenied": "does not exist, or the sender's role may not read it",
    "403": "does not exist, or the sender's role may not read it",
    "InvalidObjectState": "is archived; restore it",
    "InvalidArgument": "has an invalid version_id",
    "InvalidBucketName": "has an invalid bucket name",
    "PermanentRedirect": "is in a bucket in another region",
    "IllegalLocationConstraintException": "is in a bucket in another region",
    "MethodNotAllowed": "is a delete marker at this version",
}


class Objects:
    """Reads objects from `own_bucket` and `buckets` only, and writes to `own_bucket`."""

    def __init__(self, client: S3Client, *, own_bucket: str, buckets: Collection[str]) -> None:
        self._client = client
        self._own = own_bucket
        self._buckets = frozenset((own_bucket, *buckets))

    def read(self, ref: S3Object, path: str, *, max_bytes: int) -> bytes:
        """Return the content of an object.

        Raise `InvalidJob` at `path` if it can never be read or is larger than `max_bytes`, and a retryable
        `SendError` if S3 did not answer.
        """
        if ref.bucket not in self._buckets:
            reason = "is not in the deployment's source_buckets; add the bucket there and deploy again"
            path = f"{path}.bucket"
            raise InvalidJob(path, reason)
        try:
            answer = (
                self._client.get_object(Bucket=ref.bucket, Key=ref.key)
                if ref.version_id is None
                else self._client.get_object(Bucket=ref.bucket, Key=ref.key, VersionId=ref.version_id)
            )
            with answer["Body"] as body:
                if answer["ContentLength"] > max_bytes:
                    reason = (
                        f"has {answer['ContentLength']} bytes, where at most {max_bytes} are allowed; "
                        "send a link instead"
                    )
                    raise InvalidJob(path, reason)
                return body.read()
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _PERMANENT:
                raise InvalidJob(path, f"{_PERMANENT[code]} ({code})") from error
            raise SendError(code, f"{path} could not be read from S3", retryable=True) from error
        except (BotoCoreError, OSError) as error:
            name = type(error).__name__
            raise SendError(name, f"{path} could not be read from S3", retryable=True) from error

    def store(self, prefix: Prefix, job_id: str, body: bytes) -> dict[str, str]:
        """Write a document and return its `content_ref`. The same document always has the same key."""
        key = object_key(prefix, job_id, body)
        try:
            self._client.put_object(Bucket=self._own, Key=key, Body=body, ContentType="application/json")
        except (ClientError, BotoCoreError) as error:
            code = sessions.error_code(error)
            raise SendError(code, "the job could not be written to S3", retryable=True) from error
        return {"bucket": self._own, "key": key}
