from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import (
    EndpointConnectionError,
)
from hypothesis import given
from hypothesis import strategies as st

from mailbus import SendJob
from mailbus.errors import InvalidJob, SendError
from mailbus.sqs_messages import MAX_MESSAGE_BYTES
from tests.unit.mailbus.fake_deployment import (
    QUEUE,
    refusal,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

from tests.unit.mailbus.deployment import Deployment, file_of, numbered


@pytest.mark.parametrize("job", [{"job_id": None}, {}])
def test_a_job_without_an_id_gets_one_so_that_its_retries_are_the_same_job(
    deployment: Deployment, job: dict[str, Any]
) -> None:
    sent = deployment.client.send({**job, "from_email": "a@example.com", "to": "b@example.net", "text": ""})

    assert [document["job_id"] for document in deployment.queue.jobs] == [sent.job_id]
    assert len(sent.job_id) == 32


def test_many_jobs_are_sent_ten_at_a_time_and_have_their_results_in_order(deployment: Deployment) -> None:
    results = deployment.client.send_many(numbered(number) for number in range(25))

    assert deployment.queue.calls == [10, 10, 5]
    assert [result.job_id for result in results] == [f"newsletter-{number}" for number in range(25)]
    assert [result.message_id for result in results] == [f"message-{number}" for number in range(1, 26)]


def test_without_jobs_nothing_is_called(deployment: Deployment) -> None:
    assert deployment.client.send_many([]) == []
    assert deployment.queue.calls == []


def test_a_batch_holds_no_more_bytes_than_sqs_takes(deployment: Deployment) -> None:
    results = deployment.client.send_many(numbered(n, text="é" * 150_000) for n in range(7))

    assert deployment.queue.calls == [3, 3, 1]
    assert 3 * 300_000 < MAX_MESSAGE_BYTES < 4 * 300_000
    assert all(result.error is None for result in results)


def test_invalid_jobs_are_reported_and_stop_no_other(deployment: Deployment) -> None:
    jobs: list[Any] = [
        numbered(1),
        {"job_id": "broken", "to": "nobody"},
        None,
        SendJob(job_id="empty"),
        numbered(2),
    ]

    results = deployment.client.send_many(jobs)

    assert [job["job_id"] for job in deployment.queue.jobs] == ["newsletter-1", "newsletter-2"]
    assert [result.job_id for result in results] == ["newsletter-1", "broken", None, "empty", "newsletter-2"]
    assert [type(result.error) for result in results] == [
        type(None),
        InvalidJob,
        InvalidJob,
        InvalidJob,
        type(None),
    ]
    assert [result.message_id is None for result in results] == [False, True, True, True, False]


def test_only_the_failed_messages_of_a_batch_are_retried(deployment: Deployment) -> None:
    deployment.queue.verdicts = [
        {1: ("InternalError", False), 3: ("InternalError", False)},
        {0: ("RequestThrottled", True)},
    ]

    results = deployment.client.send_many(numbered(number) for number in range(5))

    assert deployment.queue.calls == [5, 2, 1]
    assert all(result.error is None for result in results)
    assert sorted(job["job_id"] for job in deployment.queue.jobs) == [f"newsletter-{n}" for n in range(5)]
    assert len(deployment.waits) == 2


def test_retries_are_limited_and_increasingly_delayed(deployment: Deployment) -> None:
    deployment.queue.verdicts = [{0: ("InternalError", False)}] * 50

    (result, other) = deployment.client.send_many([numbered(1), numbered(2)])

    assert isinstance(result.error, SendError)
    assert (result.error.code, result.error.retryable) == ("InternalError", True)
    assert other.error is None
    assert deployment.queue.calls == [2, 1, 1, 1, 1]
    assert all(wait <= 0.1 * 2 ** (number + 1) for number, wait in enumerate(deployment.waits))


def test_a_permanent_error_of_a_job_is_not_retried(deployment: Deployment) -> None:
    deployment.queue.verdicts = [{0: ("InvalidMessageContents", True)}]

    (result,) = deployment.client.send_many([numbered(1)])

    assert isinstance(result.error, SendError)
    assert not result.error.retryable
    assert deployment.queue.calls == [1]


def test_a_failed_call_is_only_in_the_results_of_its_batch(deployment: Deployment) -> None:
    deployment.queue.outages = [EndpointConnectionError(endpoint_url=QUEUE)]

    results = deployment.client.send_many(numbered(number) for number in range(15))

    assert [result.error is None for result in results] == [False] * 10 + [True] * 5
    assert all(isinstance(r.error, SendError) and r.error.retryable for r in results[:10])


def test_a_failure_of_the_bucket_is_only_in_the_result_of_its_job(deployment: Deployment) -> None:
    deployment.bucket.outage = refusal("SlowDown", 503)

    small, large = deployment.client.send_many([numbered(1), numbered(2, attachments=file_of(2_000_000))])

    assert small.error is None
    assert isinstance(large.error, SendError)
    assert (large.job_id, large.error.retryable) == ("newsletter-2", True)


def test_a_message_without_a_result_is_retried_and_then_reported(deployment: Deployment) -> None:
    deployment.queue.silent = True

    (result,) = deployment.client.send_many([numbered(1)])

    assert isinstance(result.error, SendError)
    assert result.error.retryable
    assert len(deployment.waits) == 4


def test_a_generator_is_read_no_further_than_a_batch_ahead(deployment: Deployment) -> None:
    ahead: list[int] = []

    def jobs() -> Iterator[SendJob]:
        for number in range(100):
            ahead.append(number - len(deployment.queue.bodies))
            yield numbered(number)

    deployment.client.send_many(jobs())

    assert max(ahead) <= 11


def test_an_error_of_the_generator_passes_through_after_the_jobs_before_it(deployment: Deployment) -> None:
    def jobs() -> Iterator[SendJob]:
        yield numbered(1)
        reason = "the database is gone"
        raise RuntimeError(reason)

    with pytest.raises(RuntimeError, match="database"):
        deployment.client.send_many(jobs())
    assert [job["job_id"] for job in deployment.queue.jobs] == ["newsletter-1"]


@given(
    sizes=st.lists(st.integers(0, 400_000), max_size=30),
    lost=st.lists(st.dictionaries(st.integers(0, 9), st.just(("InternalError", False))), max_size=4),
)
def test_every_job_is_enqueued_once_whatever_the_sizes_and_the_failures(
    sizes: list[int], lost: list[Mapping[int, tuple[str, bool]]]
) -> None:
    deployment = Deployment()
    deployment.queue.verdicts = [dict(verdict) for verdict in lost]

    results = deployment.client.send_many(numbered(n, text="x" * size) for n, size in enumerate(sizes))

    enqueued = [job["job_id"] for job in deployment.queue.jobs]
    assert sorted(enqueued) == sorted(f"newsletter-{n}" for n in range(len(sizes)))
    assert [result.error for result in results] == [None] * len(sizes)
