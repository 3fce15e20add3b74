from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from botocore.exceptions import (
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
)
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st

import mailbus
from mailbus import Alternative, Attachment, Client, S3Object, SendJob
from mailbus.errors import ConfigurationError, InvalidJob, SendError, UnsupportedFeature
from mailbus.ledger.items import item, key_item
from mailbus.ledger.records import JobRecord, RecordKey
from mailbus.sqs_messages import MAX_BODY_BYTES
from tests.unit.fakes.dynamodb import FakeDynamoDb, place, refused
from tests.unit.mailbus.fake_deployment import (
    BUCKET,
    MOST_BYTES,
    QUEUE,
    TAGS,
    Bucket,
    Queue,
    refusal,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from types_boto3_dynamodb.client import DynamoDBClient

NOW = 1795341600.0
ROOT = Path(__file__).resolve().parents[3]
JOB = SendJob(
    job_id="order-1001-receipt",
    from_email="Shop <shop@example.com>",
    to=("Jürgen Müller <juergen@example.net>",),
    subject="Your receipt: € 38.50",
    text="Thank you for your order.",
    tags=("receipt",),
    metadata={"order": 1001},
)


class Deployment:
    """A client of a deployment in memory; waits between tries are noted, not waited."""

    def __init__(self, tags: dict[str, str] | None = None, **fields: Any) -> None:
        self.queue = Queue(tags)
        self.bucket = Bucket()
        self.ledger = FakeDynamoDb()
        self.waits: list[float] = []
        self.client = Client(
            QUEUE,
            sqs=self.queue.client,
            s3=self.bucket.client,
            dynamodb=cast("DynamoDBClient", self.ledger),
            sleep=self.waits.append,
            clock=lambda: NOW,
            **fields,
        )


@pytest.fixture
def deployment() -> Deployment:
    return Deployment()


def numbered(number: int, **fields: Any) -> SendJob:
    return SendJob(
        job_id=f"newsletter-{number}",
        from_email="news@example.com",
        to=f"reader{number}@example.net",
        subject="News",
        **{"text": "The news.", **fields},
    )


def file_of(size: int) -> tuple[Attachment, ...]:
    return (Attachment(content=b"x" * size, filename="report.pdf", content_type="application/pdf"),)


# --- one job


def test_a_typed_job_is_enqueued_as_the_contract_writes_it(deployment: Deployment) -> None:
    sent = deployment.client.send(JOB)

    assert (sent.job_id, sent.message_id) == ("order-1001-receipt", "message-1")
    assert deployment.queue.jobs == [
        {
            "job_id": "order-1001-receipt",
            "from_email": "Shop <shop@example.com>",
            "to": ["Jürgen Müller <juergen@example.net>"],
            "subject": "Your receipt: € 38.50",
            "text": "Thank you for your order.",
            "tags": ["receipt"],
            "metadata": {"order": 1001},
        }
    ]


def test_a_mapping_is_enqueued_as_the_same_job(deployment: Deployment) -> None:
    mapping = {
        "job_id": "order-1001-receipt",
        "from_email": "Shop <shop@example.com>",
        "to": ["Jürgen Müller <juergen@example.net>"],
        "subject": "Your receipt: € 38.50",
        "text": "Thank you for your order.",
        "tags": ["receipt"],
        "metadata": {"order": 1001},
    }

    deployment.client.send(JOB)
    deployment.client.send(MappingProxyType(mapping))

    first, second = deployment.queue.jobs
    assert first == second


def test_bytes_become_base64_and_times_rfc_3339(deployment: Deployment) -> None:
    invitation = Alternative(
        content="BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", content_type="text/calendar; method=REQUEST"
    )
    deployment.client.send(
        numbered(
            1,
            attachments=(
                Attachment(content=b"a;b\r\n\xff", filename="a.csv", content_type="text/csv"),
                Attachment(
                    s3=S3Object(bucket="mailbus-example-files", key="terms.pdf", version_id="3"),
                    filename="terms.pdf",
                ),
            ),
            alternatives=(invitation,),
            send_at=datetime(2026, 12, 24, 18, tzinfo=UTC),
        )
    )

    (job,) = deployment.queue.jobs
    assert job["attachments"] == [
        {"content": "YTtiDQr/", "filename": "a.csv", "content_type": "text/csv"},
        {
            "s3": {"bucket": "mailbus-example-files", "key": "terms.pdf", "version_id": "3"},
            "filename": "terms.pdf",
        },
    ]
    assert job["alternatives"][0]["content_type"] == "text/calendar; method=REQUEST"
    assert job["send_at"] == "2026-12-24T18:00:00Z"


@pytest.mark.parametrize("job", [{"job_id": None}, {}])
def test_a_job_without_an_id_gets_one_so_that_its_retries_are_the_same_job(
    deployment: Deployment, job: dict[str, Any]
) -> None:
    sent = deployment.client.send({**job, "from_email": "a@example.com", "to": "b@example.net", "text": ""})

    assert [document["job_id"] for document in deployment.queue.jobs] == [sent.job_id]
    assert len(sent.job_id) == 32


def test_two_jobs_without_an_id_are_two_jobs(deployment: Deployment) -> None:
    job = {"from_email": "a@example.com", "to": "b@example.net", "text": ""}
    assert deployment.client.send(job).job_id != deployment.client.send(job).job_id


@pytest.mark.parametrize(
    ("job", "path"),
    [
        ({"from_email": "a@example.com", "to": "b@example.net", "subjet": "Hi", "text": "Hi"}, "$.subjet"),
        ({"to": "b@example.net", "text": "Hi"}, "$.from_email"),
        ({"from_email": "a@example.com", "to": ["no address"], "text": "Hi"}, "$.to[0]"),
        (
            {"from_email": "a@example.com", "to": "b@example.net", "text": "Hi", "subject": "Hi\r\nBcc: x"},
            "$.subject",
        ),
        (
            {
                "from_email": "a@example.com",
                "to": "b@example.net",
                "text": "x",
                "metadata": {"price": float("nan")},
            },
            "$.metadata.price",
        ),
        ({"from_email": "a@example.com", "to": "b@example.net", "text": "half \ud83d"}, "$.text"),
        ({"from_email": "a@example.com", "to": "b@example.net", "text": "x", "tags": [object()]}, "$"),
        ({"job_id": "no id", "from_email": "a@example.com", "to": "b@example.net", "text": "x"}, "$.job_id"),
        ({"job_id": 17, "from_email": "a@example.com", "to": "b@example.net", "text": "x"}, "$.job_id"),
        ("{}", "$"),
        (None, "$"),
        (["from_email"], "$"),
        (SendJob(from_email="a@example.com", to="b@example.net", text=cast("str", 5)), "$.text"),
        (
            {
                "from_email": "a@example.com",
                "to": "b@example.net",
                "text": "x",
                "send_at": datetime(2026, 12, 24, 18),  # noqa: DTZ001 - the mistake
            },
            "$.send_at",
        ),
    ],
)
def test_an_invalid_job_is_refused_before_anything_is_enqueued(
    deployment: Deployment, job: Any, path: str
) -> None:
    with pytest.raises(InvalidJob) as refused_job:
        deployment.client.send(job)

    assert refused_job.value.path == path
    assert deployment.queue.calls == []


def test_a_job_that_refers_to_itself_is_refused(deployment: Deployment) -> None:
    data: dict[str, Any] = {}
    data["again"] = data
    with pytest.raises(InvalidJob, match="refers to itself"):
        deployment.client.send({"from_email": "a@example.com", "merge_global_data": data})


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"text": b"hello"}, "$.text"),
        ({"subject": bytearray(b"hello")}, "$.subject"),
        ({"html": memoryview(b"<p>")}, "$.html"),
        ({"to": [b"ann@example.com"]}, "$.to[0]"),
        ({"headers": {"X-A": b"hello"}}, "$.headers.X-A"),
        ({"metadata": {"a": b"x"}}, "$.metadata.a"),
        ({"attachments": [{"filename": b"a", "content": b"x"}]}, "$.attachments[0].filename"),
    ],
)
def test_bytes_are_refused_where_text_is_meant(
    deployment: Deployment, fields: dict[str, Any], path: str
) -> None:
    job = {"from_email": "shop@example.com", "to": "ann@example.com", "subject": "Hi", "text": "Hi", **fields}
    with pytest.raises(InvalidJob) as refusal:
        deployment.client.send(job)
    assert refusal.value.path == path
    assert "bytes" in refusal.value.reason


def test_what_ses_cannot_do_is_refused_by_name(deployment: Deployment) -> None:
    job = SendJob(
        from_email="a@example.com",
        to="b@example.net",
        template_id="welcome",
        subject="Over the template's",
    )
    with pytest.raises(UnsupportedFeature):
        deployment.client.send(job)


def test_the_deployments_defaults_fill_in_what_a_job_leaves_out_and_are_not_sent() -> None:
    deployment = Deployment(send_defaults={"from_email": "shop@example.com"})

    deployment.client.send({"to": "b@example.net", "subject": "Hi", "text": "Hi"})

    (job,) = deployment.queue.jobs
    assert "from_email" not in job


def test_values_of_other_libraries_are_written_as_json_has_them(deployment: Deployment) -> None:
    class Safe(str):
        """As frameworks mark text that needs no escaping."""

        __slots__ = ()

    data = {
        "name": Safe("Ann"),
        "price": Decimal("12.50"),
        17: ("a", "b"),
        "since": MappingProxyType({"y": 1}),
    }
    deployment.client.send(
        SendJob(
            from_email="a@example.com",
            to="b@example.net",
            template_id="welcome",
            merge_global_data=cast("dict[str, Any]", data),
        )
    )

    (job,) = deployment.queue.jobs
    assert job["merge_global_data"] == {"name": "Ann", "price": "12.50", "17": ["a", "b"], "since": {"y": 1}}


@given(text=st.text())
def test_any_text_arrives_as_it_was_written_or_is_refused(text: str) -> None:
    deployment = Deployment()
    try:
        deployment.client.send(numbered(1, text=text))
    except InvalidJob:
        assert deployment.queue.jobs == []
    else:
        assert [job["text"] for job in deployment.queue.jobs] == [text]


def test_characters_that_sqs_refuses_are_escaped(deployment: Deployment) -> None:
    deployment.client.send(numbered(1, text="\ufffe\uffff\x7f\u2028\U0001f600"))

    assert deployment.queue.jobs[0]["text"] == "\ufffe\uffff\x7f\u2028\U0001f600"


def test_a_reference_to_a_job_in_s3_passes_through(deployment: Deployment) -> None:
    reference = S3Object(bucket="mailbus-example-files", key="jobs/newsletter.json")

    sent = deployment.client.send(SendJob(job_id="newsletter-7", content_ref=reference))

    assert sent.job_id == "newsletter-7"
    assert deployment.queue.jobs == [
        {
            "job_id": "newsletter-7",
            "content_ref": {"bucket": "mailbus-example-files", "key": "jobs/newsletter.json"},
        }
    ]


@pytest.mark.parametrize(
    ("fields", "path"),
    [({}, "$.job_id"), ({"job_id": "newsletter-7", "subject": "News"}, "$.subject")],
)
def test_a_reference_needs_the_jobs_id_beside_it_and_nothing_else(
    deployment: Deployment, fields: dict[str, Any], path: str
) -> None:
    reference = {"content_ref": {"bucket": "mailbus-example-files", "key": "jobs/newsletter.json"}}
    with pytest.raises(InvalidJob) as refused_job:
        deployment.client.send({**reference, **fields})
    assert refused_job.value.path == path


# --- large jobs


def test_a_job_that_is_too_large_for_the_queue_goes_to_the_jobs_bucket(deployment: Deployment) -> None:
    deployment.client.send(numbered(1, attachments=file_of(2_000_000)))

    (message,) = deployment.queue.jobs
    ((key, body),) = deployment.bucket.objects.items()
    assert message == {"job_id": "newsletter-1", "content_ref": {"bucket": BUCKET, "key": key}}
    assert key.startswith("jobs/newsletter-1/")
    job = json.loads(body)
    assert (job["job_id"], len(job["attachments"][0]["content"])) == ("newsletter-1", 2_666_668)


def test_a_large_job_for_later_lies_where_objects_are_kept_longer(deployment: Deployment) -> None:
    later = datetime.fromtimestamp(NOW, UTC) + timedelta(days=300)
    deployment.client.send(numbered(1, attachments=file_of(2_000_000), send_at=later))

    assert [key.partition("/")[0] for key in deployment.bucket.objects] == ["scheduled"]


def test_the_same_large_job_lies_at_one_place_and_another_of_that_id_at_another(
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


def test_a_missing_right_says_what_to_grant(deployment: Deployment) -> None:
    deployment.queue.outages = [refusal("AccessDenied", 403)]
    with pytest.raises(ConfigurationError, match=r"sqs:ListQueueTags.*grant_send"):
        deployment.client.send(numbered(1, attachments=file_of(2_000_000)))

    deployment.bucket.outage = refusal("AccessDenied", 403)
    with pytest.raises(ConfigurationError, match=r"s3:PutObject.*grant_send"):
        deployment.client.send(numbered(1, attachments=file_of(2_000_000)))


# --- AWS's errors


@pytest.mark.parametrize(
    ("error", "fix"),
    [
        (refusal("AccessDenied", 403), "sqs:SendMessage"),
        (refusal("AccessDeniedException"), "sqs:SendMessage"),
        (refusal("AWS.SimpleQueueService.NonExistentQueue"), "SendQueueUrl"),
        (refusal("InvalidClientTokenId", 403), "credentials"),
        (refusal("ExpiredToken", 403), "credentials"),
        (NoCredentialsError(), "credentials"),
        (ParamValidationError(report="value: Dear Jane, your password is …"), "wrong type"),
    ],
)
def test_what_has_to_be_set_up_is_a_configuration_error(
    deployment: Deployment, error: Exception, fix: str
) -> None:
    deployment.queue.outages = [error]
    with pytest.raises(ConfigurationError, match=fix) as raised:
        deployment.client.send(JOB)
    assert "password" not in str(raised.value)


@pytest.mark.parametrize(
    ("error", "code", "retryable"),
    [
        (refusal("InternalError", 500), "InternalError", True),
        (refusal("ServiceUnavailable", 503), "ServiceUnavailable", True),
        (refusal("RequestThrottled", 403), "RequestThrottled", True),
        (refusal("ThrottlingException", 400), "ThrottlingException", True),
        (refusal("InvalidMessageContents", 400), "InvalidMessageContents", False),
        (EndpointConnectionError(endpoint_url=QUEUE), "EndpointConnectionError", True),
        (ConnectTimeoutError(endpoint_url=QUEUE), "ConnectTimeoutError", True),
    ],
)
def test_every_other_error_says_whether_to_try_again(
    deployment: Deployment, error: Exception, code: str, *, retryable: bool
) -> None:
    deployment.queue.outages = [error]
    with pytest.raises(SendError) as raised:
        deployment.client.send(JOB)
    assert (raised.value.code, raised.value.retryable) == (code, retryable)


def test_an_error_of_sqs_is_told_in_its_own_words_but_not_at_any_length(deployment: Deployment) -> None:
    deployment.queue.outages = [refusal("InternalError", 500, "We had a problem. " * 1000)]
    with pytest.raises(SendError, match="We had a problem") as raised:
        deployment.client.send(JOB)
    assert len(str(raised.value)) < 400


@pytest.mark.parametrize("url", ["", "mailbus-prod-send", "arn:aws:sqs:eu-west-1:210987654321:send", None])
def test_what_is_no_queue_url_is_refused_at_once(url: Any) -> None:
    with pytest.raises(ConfigurationError, match="SendQueueUrl"):
        Client(url)


# --- many jobs


def test_many_jobs_go_ten_at_a_time_and_their_results_stand_in_order(deployment: Deployment) -> None:
    results = deployment.client.send_many(numbered(number) for number in range(25))

    assert deployment.queue.calls == [10, 10, 5]
    assert [result.job_id for result in results] == [f"newsletter-{number}" for number in range(25)]
    assert [result.message_id for result in results] == [f"message-{number}" for number in range(1, 26)]


def test_no_jobs_are_no_calls(deployment: Deployment) -> None:
    assert deployment.client.send_many([]) == []
    assert deployment.queue.calls == []


def test_a_batch_holds_no_more_bytes_than_sqs_takes(deployment: Deployment) -> None:
    results = deployment.client.send_many(numbered(n, text="é" * 150_000) for n in range(7))

    assert deployment.queue.calls == [3, 3, 1]
    assert 3 * 300_000 < MOST_BYTES < 4 * 300_000
    assert all(result.error is None for result in results)


def test_large_jobs_among_many_go_to_the_bucket_each(deployment: Deployment) -> None:
    results = deployment.client.send_many(
        numbered(n, attachments=file_of(2_000_000)) if n % 2 else numbered(n) for n in range(6)
    )

    assert deployment.queue.calls == [6]
    assert len(deployment.bucket.objects) == 3
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


def test_what_sqs_leaves_out_of_a_batch_is_tried_again_and_nothing_else(deployment: Deployment) -> None:
    deployment.queue.verdicts = [
        {1: ("InternalError", False), 3: ("InternalError", False)},
        {0: ("RequestThrottled", True)},
    ]

    results = deployment.client.send_many(numbered(number) for number in range(5))

    assert deployment.queue.calls == [5, 2, 1]
    assert all(result.error is None for result in results)
    assert sorted(job["job_id"] for job in deployment.queue.jobs) == [f"newsletter-{n}" for n in range(5)]
    assert len(deployment.waits) == 2


def test_tries_are_bounded_and_further_and_further_apart(deployment: Deployment) -> None:
    deployment.queue.verdicts = [{0: ("InternalError", False)}] * 50

    (result, other) = deployment.client.send_many([numbered(1), numbered(2)])

    assert isinstance(result.error, SendError)
    assert (result.error.code, result.error.retryable) == ("InternalError", True)
    assert other.error is None
    assert deployment.queue.calls == [2, 1, 1, 1, 1]
    assert all(wait <= 0.1 * 2 ** (number + 1) for number, wait in enumerate(deployment.waits))


def test_what_is_the_jobs_own_fault_is_not_tried_again(deployment: Deployment) -> None:
    deployment.queue.verdicts = [{0: ("InvalidMessageContents", True)}]

    (result,) = deployment.client.send_many([numbered(1)])

    assert isinstance(result.error, SendError)
    assert not result.error.retryable
    assert deployment.queue.calls == [1]


def test_a_call_that_fails_is_in_the_results_of_its_batch_alone(deployment: Deployment) -> None:
    deployment.queue.outages = [EndpointConnectionError(endpoint_url=QUEUE)]

    results = deployment.client.send_many(numbered(number) for number in range(15))

    assert [result.error is None for result in results] == [False] * 10 + [True] * 5
    assert all(isinstance(r.error, SendError) and r.error.retryable for r in results[:10])


def test_a_bucket_that_fails_is_in_the_result_of_its_job_alone(deployment: Deployment) -> None:
    deployment.bucket.outage = refusal("SlowDown", 503)

    small, large = deployment.client.send_many([numbered(1), numbered(2, attachments=file_of(2_000_000))])

    assert small.error is None
    assert isinstance(large.error, SendError)
    assert (large.job_id, large.error.retryable) == ("newsletter-2", True)


def test_a_message_of_which_sqs_says_nothing_is_tried_again_and_then_reported(deployment: Deployment) -> None:
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


# --- cancelling


def remember(deployment: Deployment, record: JobRecord) -> None:
    deployment.ledger.items[place(key_item(record.key))] = item(record)


def test_a_job_that_the_ledger_does_not_know_is_cancelled_for_longer_than_it_could_be_scheduled(
    deployment: Deployment,
) -> None:
    assert deployment.client.cancel("newsletter-1") == "cancelled"
    (kept,) = deployment.ledger.items.values()
    assert float(kept["expires_at"]["N"]) > NOW + 366 * 24 * 60 * 60


def test_cancelling_twice_says_so(deployment: Deployment) -> None:
    deployment.client.cancel("newsletter-1")
    assert deployment.client.cancel("newsletter-1") == "already_cancelled"


def test_a_scheduled_job_is_cancelled_and_one_that_is_sent_is_not(deployment: Deployment) -> None:
    expires_at = int(NOW) + 700_000
    scheduled, sent = RecordKey(job_id="newsletter-1"), RecordKey(job_id="newsletter-2")
    remember(deployment, JobRecord(key=scheduled, state="scheduled", due=NOW + 3600, expires_at=expires_at))
    remember(deployment, JobRecord(key=sent, accepted={0: "0100019a"}, expires_at=expires_at))

    assert deployment.client.cancel("newsletter-1") == "cancelled"
    assert deployment.client.cancel("newsletter-2") == "too_late"


def test_whatever_the_ledger_knows_cancelling_takes_the_right_to_update_items_alone(
    deployment: Deployment,
) -> None:
    key = RecordKey(job_id="newsletter-1")
    remember(deployment, JobRecord(key=key, state="scheduled", due=NOW + 60, expires_at=int(NOW) + 700_000))
    remember(deployment, JobRecord(key=RecordKey(job_id="newsletter-2"), expires_at=int(NOW) - 1))
    for job_id in ("newsletter-1", "newsletter-1", "newsletter-2", "newsletter-3"):
        deployment.client.cancel(job_id)
    assert {operation for operation, _ in deployment.ledger.calls} == {"UpdateItem"}


@pytest.mark.parametrize("job_id", ["", "no id", "x" * 129, "a/b", None, 17, b"x"])
def test_what_is_no_id_cannot_be_cancelled(deployment: Deployment, job_id: Any) -> None:
    with pytest.raises(InvalidJob, match="job_id"):
        deployment.client.cancel(job_id)


@pytest.mark.parametrize(
    ("code", "fix"),
    [("AccessDeniedException", "dynamodb:UpdateItem"), ("ResourceNotFoundException", "deploy")],
)
def test_a_ledger_that_cannot_be_used_says_what_to_do(deployment: Deployment, code: str, fix: str) -> None:
    deployment.ledger.troubles = [refused(code)]
    with pytest.raises(ConfigurationError, match=fix):
        deployment.client.cancel("newsletter-1")


def test_a_ledger_that_does_not_answer_may_be_asked_again(deployment: Deployment) -> None:
    deployment.ledger.troubles = [refused("InternalServerError")]
    with pytest.raises(SendError) as raised:
        deployment.client.cancel("newsletter-1")
    assert raised.value.retryable


# --- what it needs


def test_clients_are_of_the_queues_own_region_and_say_who_they_are() -> None:
    session = boto3.Session(
        aws_access_key_id="nobody", aws_secret_access_key="nothing", region_name="us-east-1"
    )
    made: list[Any] = []
    original = session.client

    def client(name: str, **options: Any) -> Any:
        made.append(original(cast("Any", name), **options))
        stub = Stubber(made[-1])
        stub.add_response("send_message", {"MessageId": "message-1", "MD5OfMessageBody": "0" * 32})
        stub.activate()
        return made[-1]

    session.client = cast("Any", client)  # type: ignore[method-assign] # to see what is made

    Client(QUEUE, session=session).send(JOB)

    (sqs,) = made
    assert sqs.meta.region_name == "eu-west-1"
    assert f"mailbus/{mailbus.__version__}" in sqs.meta.config.user_agent


@pytest.mark.parametrize(
    ("url", "region"),
    [
        ("https://sqs.eu-central-1.amazonaws.com/210987654321/send", "eu-central-1"),
        ("https://eu-central-1.queue.amazonaws.com/210987654321/send", "eu-central-1"),
        ("https://sqs.cn-north-1.amazonaws.com.cn/210987654321/send", "cn-north-1"),
        ("http://127.0.0.1:4566/000000000000/send", "us-west-2"),
    ],
)
def test_the_region_is_the_urls_or_the_sessions(url: str, region: str) -> None:
    session = boto3.Session(
        aws_access_key_id="nobody", aws_secret_access_key="nothing", region_name="us-west-2"
    )
    client = Client(url, session=session)
    for service in ("sqs", "s3", "dynamodb"):
        assert client._aws(service).meta.region_name == region  # noqa: SLF001 - no call is made


def in_a_process(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(ROOT / "functions")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_client_needs_nothing_but_boto3_and_msgspec() -> None:
    ran = in_a_process("""
import sys
ALLOWED = {"boto3", "botocore", "s3transfer", "jmespath", "urllib3", "dateutil", "six", "msgspec", "mailbus"}
class Only:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in ALLOWED and top not in sys.stdlib_module_names:
            raise ImportError(f"{name} is not there")
sys.meta_path.insert(0, Only())
from mailbus import Alternative, Attachment, Cancellation, Client, Result, S3Object, SendJob, Sent
client = Client("https://sqs.eu-west-1.amazonaws.com/210987654321/send")
assert Client.__module__ == "mailbus.client"
""")
    assert ran.returncode == 0, ran.stderr


def test_importing_mailbus_alone_loads_no_client() -> None:
    ran = in_a_process("""
import sys
import mailbus
assert mailbus.__version__
assert not {"boto3", "botocore", "msgspec", "mailbus.client"} & set(sys.modules)
""")
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("name", sorted(set(mailbus.__all__)))
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(mailbus, name) is not None


def test_a_name_that_is_not_there_is_told_as_python_does() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Klient'"):
        getattr(mailbus, "Klient")  # noqa: B009 - not known to the type checker
    assert not hasattr(mailbus, "TAGS")
    assert set(TAGS) >= {"mailbus:jobs-bucket", "mailbus:ledger-table"}
