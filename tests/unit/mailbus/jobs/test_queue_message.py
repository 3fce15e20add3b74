from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbus import Alternative, Attachment, S3Object, SendJob
from mailbus.errors import InvalidJob, UnsupportedFeature
from tests.unit.mailbus.deployment import JOB, Deployment, numbered


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


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"headers": {"References": "<größe@example.com>"}}, "$.headers.References"),
        ({"headers": {"X-SES-TENANT": "north"}}, "$.headers.X-SES-TENANT"),
        (
            {"merge_headers": {"ann@example.com": {"List-Help": f"<https://a.example/{'x' * 980}>"}}},
            "$.merge_headers[entry 1].List-Help",
        ),
    ],
)
def test_a_header_that_cannot_be_sent_is_refused_by_the_client(
    deployment: Deployment, fields: dict[str, Any], path: str
) -> None:
    job = {"from_email": "shop@example.com", "to": "ann@example.com", "subject": "Hi", "text": "Hi", **fields}
    with pytest.raises(InvalidJob) as refusal:
        deployment.client.send(job)
    assert refusal.value.path == path


def test_an_unsupported_feature_is_named(deployment: Deployment) -> None:
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


@given(text=st.text() | st.text(st.sampled_from("a\0\ud800\udfff"), max_size=8))
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
