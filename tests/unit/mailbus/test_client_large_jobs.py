from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from mailbus.errors import ConfigurationError
from mailbus.sqs_messages import MAX_BODY_BYTES
from tests.unit.mailbus.deployment import JOB, NOW, Deployment, file_of, numbered
from tests.unit.mailbus.fake_deployment import (
    BUCKET,
    refusal,
)


def test_a_job_that_is_too_large_for_the_queue_goes_to_the_jobs_bucket(deployment: Deployment) -> None:
    deployment.client.send(numbered(1, attachments=file_of(2_000_000)))

    (message,) = deployment.queue.jobs
    ((key, body),) = deployment.bucket.objects.items()
    assert message == {"job_id": "newsletter-1", "content_ref": {"bucket": BUCKET, "key": key}}
    assert key.startswith("jobs/newsletter-1/")
    job = json.loads(body)
    assert (job["job_id"], len(job["attachments"][0]["content"])) == ("newsletter-1", 2_666_668)


def test_a_large_scheduled_job_is_stored_under_the_prefix_that_is_kept_longer(deployment: Deployment) -> None:
    later = datetime.fromtimestamp(NOW, UTC) + timedelta(days=300)
    deployment.client.send(numbered(1, attachments=file_of(2_000_000), send_at=later))

    assert [key.partition("/")[0] for key in deployment.bucket.objects] == ["scheduled"]


def test_the_same_large_job_has_one_key_and_another_job_with_its_id_has_another(
    deployment: Deployment,
) -> None:
    for size in (2_000_000, 2_000_000, 2_000_001):
        deployment.client.send(numbered(1, attachments=file_of(size)))

    assert len(deployment.bucket.objects) == 2


@pytest.mark.parametrize(("characters", "moved"), [(MAX_BODY_BYTES, True), (MAX_BODY_BYTES - 300, False)])
def test_the_size_is_counted_in_bytes_of_the_whole_message(
    deployment: Deployment, characters: int, *, moved: bool
) -> None:
    deployment.client.send(numbered(1, text="é" * (characters // 2)))

    assert bool(deployment.bucket.objects) is moved


def test_a_queue_without_the_tags_is_not_one_of_a_deployment() -> None:
    deployment = Deployment(tags={"team": "shop"})

    with pytest.raises(ConfigurationError, match=r"mailbus:jobs-bucket.*SendQueueUrl"):
        deployment.client.send(numbered(1, attachments=file_of(2_000_000)))


def test_the_tags_are_read_once_and_only_when_they_are_needed(deployment: Deployment) -> None:
    deployment.client.send(JOB)
    assert deployment.queue.lookups == 0

    for number in range(3):
        deployment.client.send(numbered(number, attachments=file_of(2_000_000)))
    deployment.client.cancel("newsletter-0")
    assert deployment.queue.lookups == 1


def test_a_missing_permission_is_named(deployment: Deployment) -> None:
    deployment.queue.outages = [refusal("AccessDenied", 403)]
    with pytest.raises(ConfigurationError, match=r"sqs:ListQueueTags.*grant_send"):
        deployment.client.send(numbered(1, attachments=file_of(2_000_000)))

    deployment.bucket.outage = refusal("AccessDenied", 403)
    with pytest.raises(ConfigurationError, match=r"s3:PutObject.*grant_send"):
        deployment.client.send(numbered(1, attachments=file_of(2_000_000)))


def test_large_jobs_among_many_go_to_the_bucket_each(deployment: Deployment) -> None:
    results = deployment.client.send_many(
        numbered(n, attachments=file_of(2_000_000)) if n % 2 else numbered(n) for n in range(6)
    )

    assert deployment.queue.calls == [6]
    assert len(deployment.bucket.objects) == 3
    assert all(result.error is None for result in results)
