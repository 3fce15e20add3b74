from __future__ import annotations

from typing import Any

import pytest

from mailbus.errors import ConfigurationError, InvalidJob, SendError
from mailbus.ledger.items import item, key_item
from mailbus.ledger.records import JobRecord, RecordKey
from tests.unit.fakes.dynamodb import item_key, refused
from tests.unit.mailbus.deployment import NOW, Deployment


def remember(deployment: Deployment, record: JobRecord) -> None:
    deployment.ledger.items[item_key(key_item(record.key))] = item(record)


def test_a_job_that_the_ledger_does_not_know_is_cancelled_for_longer_than_it_could_be_scheduled(
    deployment: Deployment,
) -> None:
    assert deployment.client.cancel("newsletter-1") == "cancelled"
    (kept,) = deployment.ledger.items.values()
    assert float(kept["expires_at"]["N"]) > NOW + 366 * 24 * 60 * 60


def test_cancelling_twice_is_reported(deployment: Deployment) -> None:
    deployment.client.cancel("newsletter-1")
    assert deployment.client.cancel("newsletter-1") == "already_cancelled"


def test_a_scheduled_job_is_cancelled_and_one_that_is_sent_is_not(deployment: Deployment) -> None:
    expires_at = int(NOW) + 700_000
    scheduled, sent = RecordKey(job_id="newsletter-1"), RecordKey(job_id="newsletter-2")
    remember(deployment, JobRecord(key=scheduled, state="scheduled", due=NOW + 3600, expires_at=expires_at))
    remember(deployment, JobRecord(key=sent, accepted={0: "0100019a"}, expires_at=expires_at))

    assert deployment.client.cancel("newsletter-1") == "cancelled"
    assert deployment.client.cancel("newsletter-2") == "too_late"


def test_cancelling_only_needs_permission_to_update_items(
    deployment: Deployment,
) -> None:
    key = RecordKey(job_id="newsletter-1")
    remember(deployment, JobRecord(key=key, state="scheduled", due=NOW + 60, expires_at=int(NOW) + 700_000))
    remember(deployment, JobRecord(key=RecordKey(job_id="newsletter-2"), expires_at=int(NOW) - 1))
    for job_id in ("newsletter-1", "newsletter-1", "newsletter-2", "newsletter-3"):
        deployment.client.cancel(job_id)
    assert {operation for operation, _ in deployment.ledger.calls} == {"UpdateItem"}


@pytest.mark.parametrize("job_id", ["", "no id", "x" * 129, "a/b", None, 17, b"x"])
def test_an_invalid_job_id_is_refused(deployment: Deployment, job_id: Any) -> None:
    with pytest.raises(InvalidJob, match="job_id"):
        deployment.client.cancel(job_id)


@pytest.mark.parametrize(
    ("code", "fix"),
    [("AccessDeniedException", "dynamodb:UpdateItem"), ("ResourceNotFoundException", "deploy")],
)
def test_a_ledger_that_cannot_be_used_says_what_to_do(deployment: Deployment, code: str, fix: str) -> None:
    deployment.ledger.errors = [refused(code)]
    with pytest.raises(ConfigurationError, match=fix):
        deployment.client.cancel("newsletter-1")


def test_an_unreachable_ledger_is_a_retryable_error(deployment: Deployment) -> None:
    deployment.ledger.errors = [refused("InternalServerError")]
    with pytest.raises(SendError) as raised:
        deployment.client.cancel("newsletter-1")
    assert raised.value.retryable
