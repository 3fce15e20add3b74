from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from mailbus.errors import InvalidJob, SendError
from mailbus.jobs.contract import S3Object
from sender.aws.s3 import Objects
from tests.unit.fakes.clients import refusal
from tests.unit.fakes.s3 import FakeS3

URL = "https://s3.eu-west-1.amazonaws.com"
INVOICE = S3Object(bucket="shop-invoices", key="17.pdf")
PATH = "$.attachments[0].s3"


def objects(s3: FakeS3) -> Objects:
    client: Any = s3
    return Objects(client, own_bucket="mailbus-jobs", buckets=("shop-invoices",))


def read(*, error: Exception | None = None, ref: S3Object = INVOICE, max_bytes: int = 100) -> bytes:
    s3 = FakeS3(content_type="application/json")
    s3.objects["shop-invoices", "17.pdf"] = b"%PDF"
    s3.objects["mailbus-jobs", "jobs/1.json"] = b"{}"
    s3.errors = [error]
    return objects(s3).read(ref, PATH, max_bytes=max_bytes)


def test_an_object_is_read_from_a_named_bucket_and_from_the_deployments_own() -> None:
    assert read() == b"%PDF"
    assert read(ref=S3Object(bucket="mailbus-jobs", key="jobs/1.json")) == b"{}"


def test_an_object_may_be_as_large_as_the_limit_and_not_larger() -> None:
    assert read(max_bytes=4) == b"%PDF"
    with pytest.raises(InvalidJob, match="has 4 bytes, where at most 3 are allowed; send a link instead"):
        read(max_bytes=3)


def test_a_bucket_that_the_settings_do_not_name_is_an_invalid_job() -> None:
    with pytest.raises(InvalidJob, match="add the bucket there and deploy again") as raised:
        read(ref=S3Object(bucket="somebody-elses", key="17.pdf"))
    assert raised.value.path == "$.attachments[0].s3.bucket"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("NoSuchKey", "does not exist"),
        ("NoSuchBucket", "is in a bucket that does not exist"),
        ("NoSuchVersion", "does not exist in this version"),
        ("404", "does not exist"),
        ("AccessDenied", "does not exist, or the sender's role may not read it"),
        ("403", "does not exist, or the sender's role may not read it"),
        ("InvalidObjectState", "is archived; restore it"),
        ("InvalidArgument", "has an invalid version_id"),
        ("InvalidBucketName", "has an invalid bucket name"),
        ("PermanentRedirect", "is in a bucket in another region"),
        ("IllegalLocationConstraintException", "is in a bucket in another region"),
        ("MethodNotAllowed", "is a delete marker at this version"),
    ],
)
def test_an_object_that_can_never_be_read_is_an_invalid_job(code: str, reason: str) -> None:
    with pytest.raises(InvalidJob) as raised:
        read(error=refusal(code, operation="GetObject"))
    assert (raised.value.path, raised.value.reason) == (PATH, f"{reason} ({code})")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (EndpointConnectionError(endpoint_url=URL), "EndpointConnectionError"),
        (ReadTimeoutError(endpoint_url=URL), "ReadTimeoutError"),
        (refusal("SlowDown", operation="GetObject"), "SlowDown"),
        (refusal("InternalError", "GetObject"), "InternalError"),
    ],
)
def test_any_other_error_is_retryable(error: Exception, code: str) -> None:
    with pytest.raises(SendError) as raised:
        read(error=error)
    assert (raised.value.code, raised.value.retryable) == (code, True)


def test_a_document_that_is_stored_twice_has_one_key() -> None:
    stored = objects(FakeS3(content_type="application/json"))
    first = stored.store("scheduled/", "job-ann", b"{}")
    assert first["bucket"] == "mailbus-jobs"
    assert first["key"].startswith("scheduled/job-ann/")
    assert stored.store("scheduled/", "job-ann", b"{}") == first
    assert stored.store("scheduled/", "job-ann", b'{"a": 1}') != first


def test_a_document_that_cannot_be_stored_is_retryable() -> None:
    s3 = FakeS3(content_type="application/json")
    s3.errors = [refusal("SlowDown", "PutObject")]
    with pytest.raises(SendError, match="the job could not be written to S3") as raised:
        objects(s3).store("jobs/", "job-ann", b"{}")
    assert raised.value.retryable
