"""Applications: by `mailbus.Client`, and by Django's email backend."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings as project
from django.core.mail import EmailMultiAlternatives, get_connection

from mailbus import Client
from mailbus.errors import ConfigurationError, InvalidJob, UnsupportedFeature
from mailbus.jobs.contract import Attachment, SendJob

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailbus.stages import Lane
    from tests.e2e.system import System

if not project.configured:
    # for all tests of a process, as a project has them
    project.configure(
        DEFAULT_FROM_EMAIL="Shop <shop@example.com>",
        USE_TZ=True,
        TIME_ZONE="Europe/Berlin",
        EMAIL_BACKEND="mailbus.django.EmailBackend",
    )

SUCCESS = "success@simulator.amazonses.com"


def client_of(system: System, output: str) -> Client:
    return Client(
        system.outputs[output],
        sqs=system.client("sqs"),
        s3=system.client("s3"),
        dynamodb=system.client("dynamodb"),
    )


@pytest.fixture
def client(system: System) -> Client:
    return client_of(system, "SendQueueUrl")


def job(**fields: Any) -> SendJob:
    return SendJob(
        **{
            "from_email": "Shop <shop@example.com>",
            "to": [SUCCESS],
            "subject": "Hello",
            "text": "Hi",
            **fields,
        }
    )


def test_a_send_job_is_sent_and_its_events_have_its_id_and_metadata(system: System, client: Client) -> None:
    sent = client.send(
        job(
            attachments=[Attachment(filename="a.txt", content_type="text/plain", content=b"hi")],
            metadata={"order": 7},
        )
    )

    events = system.wait(3, job_id=sent.job_id)

    assert {event["event_type"] for event in events} == {"queued", "sent", "delivered"}
    assert all(event["metadata"] == {"order": 7} for event in events)


@pytest.mark.parametrize(("lane", "output"), [("transactional", "SendQueueUrl"), ("bulk", "BulkQueueUrl")])
def test_a_client_finds_its_queue_by_the_name_of_the_stage(
    system: System, monkeypatch: pytest.MonkeyPatch, lane: Lane, output: str
) -> None:
    environment = {
        "AWS_ENDPOINT_URL": system.outputs["endpoint_url"],
        "AWS_DEFAULT_REGION": system.outputs["region"],
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    parameter = system.client("ssm").get_parameter(Name=f"/mailbus/local/{output}")["Parameter"]
    assert (parameter["Value"], parameter["Type"]) == (system.outputs[output], "String")

    sent = Client(stage="local", lane=lane).send(job())

    assert system.wait(3, job_id=sent.job_id)


def test_a_stage_that_is_not_there_is_one_line(system: System) -> None:
    client = Client(stage="prd", ssm=system.client("ssm"))
    with pytest.raises(ConfigurationError, match=r"^there is no stage 'prd' in us-east-1 \(no parameter "):
        client.send(job())


def test_every_output_of_the_stage_is_a_parameter(system: System) -> None:
    pages = system.client("ssm").get_paginator("get_parameters_by_path").paginate(Path="/mailbus/local")
    found = {p["Name"].rpartition("/")[2]: p["Value"] for page in pages for p in page["Parameters"]}
    outputs = {name: value for name, value in system.outputs.items() if name[0].isupper()}
    # MiniStack serves a REST API at a path, which only the printed output has
    assert found | {"WebhookUrl": outputs["WebhookUrl"]} == outputs


def test_an_invalid_job_is_refused_before_it_is_enqueued(client: Client) -> None:
    with pytest.raises(InvalidJob) as refused:
        client.send({"from_email": "shop@example.com", "to": [SUCCESS], "subjet": "typo", "text": "x"})

    assert refused.value.path == "$.subjet"


def test_send_many_returns_a_result_for_each_job(system: System, client: Client) -> None:
    large = "long ünicode " * 150_000
    wrong: dict[int, dict[str, Any]] = {
        3: {"to": ["no address"]},
        11: {"send_at": "tomorrow"},
        17: {"template_id": "x", "html": "y"},
    }

    def jobs() -> Iterator[SendJob | dict[str, Any]]:
        for number in range(25):
            fields: dict[str, Any] = {"metadata": {"number": number}} | wrong.get(number, {})
            if number in {5, 20}:
                fields["text"] = f"{number}\n{large}"
            yield system.job(**fields) if number % 2 else job(**fields)

    results = client.send_many(jobs())

    assert [number for number, result in enumerate(results) if result.error] == sorted(wrong)
    assert isinstance(results[17].error, UnsupportedFeature)
    for number, result in enumerate(results):
        if result.error is None:
            assert result.job_id is not None
            [event] = system.wait(1, job_id=result.job_id, event_type="delivered")
            assert event["metadata"] == {"number": number}
    for number in (5, 20):
        [sent] = system.sent_for(str(results[number].job_id))
        assert len(sent["raw"]) > len(large)


def test_a_scheduled_job_is_cancelled(system: System, client: Client) -> None:
    sent = client.send(job(send_at="2999-01-01T00:00:00Z", job_id=f"never-{uuid.uuid4().hex}"))
    soon = client.send(job(send_at=(datetime.now(UTC) + timedelta(days=30)).isoformat()))
    system.wait_for_record(soon.job_id, lambda record: record.state == "scheduled")

    assert client.cancel(soon.job_id) == "cancelled"
    assert client.cancel(soon.job_id) == "already_cancelled"
    [refused] = system.wait(1, job_id=sent.job_id)
    assert "$.send_at" in refused["description"]


def test_a_client_of_the_bulk_queue_sends_and_cancels(system: System) -> None:
    bulk = client_of(system, "BulkQueueUrl")

    sent = bulk.send(job())

    assert system.wait(1, job_id=sent.job_id, event_type="delivered")
    assert bulk.cancel(sent.job_id) == "too_late"


def test_django_messages_are_sent_with_anymail_attributes(system: System, client: Client) -> None:
    message = EmailMultiAlternatives(
        subject="Grüße {{name}}",
        body="Hallo {{name}}",
        from_email="Zoë <shop@example.com>",
        to=["Ann <success+ann@simulator.amazonses.com>", "success+bob@simulator.amazonses.com"],
        reply_to=["help@example.com"],
        headers={"X-Shop": "7"},
    )
    message.attach_alternative("<p>Hallo {{name}}</p>", "text/html")
    message.attach("Menü.txt", "Suppe\n", "text/plain")
    message.metadata = {"order": 7}  # type: ignore[attr-defined]
    message.tags = ["receipt"]  # type: ignore[attr-defined]
    message.track_opens = False  # type: ignore[attr-defined]
    message.merge_data = {  # type: ignore[attr-defined]
        "success+ann@simulator.amazonses.com": {"name": "Ann"},
        "success+bob@simulator.amazonses.com": {"name": "Bob"},
    }
    wrong = EmailMultiAlternatives(subject="a\nb", body="x", from_email="shop@example.com", to=[SUCCESS])
    plain = EmailMultiAlternatives(subject="Plain", body="x", from_email="shop@example.com", to=[SUCCESS])
    connection = get_connection("mailbus.django.EmailBackend", client=client, fail_silently=True)

    assert connection.send_messages([message, wrong, plain]) == 2

    status = message.anymail_status  # type: ignore[attr-defined]
    assert status.status == {"queued"}
    events = system.wait(2, job_id=status.message_id, event_type="delivered")
    assert system.wait(1, job_id=plain.anymail_status.message_id, event_type="delivered")  # type: ignore[attr-defined]
    assert wrong.anymail_status.status is None  # type: ignore[attr-defined]
    assert all((event["tags"], event["metadata"]) == (["receipt"], {"order": 7}) for event in events)
    assert {event["recipient"] for event in events} == set(status.recipients)
    for sent in system.sent_for(status.message_id):
        assert sent["overrides"] == {"Tracking": {"OpenTrackingEnabled": "DISABLED"}}
        assert "X-Shop: 7" in sent["raw"]


def test_an_object_in_the_jobs_bucket_can_be_attached(system: System, client: Client) -> None:
    at = system.put_object(system.outputs["JobsBucketName"], f"jobs/{uuid.uuid4().hex}.bin", b"\x00\xff")

    file = {"filename": "a.bin", "content_type": "application/octet-stream", "s3": at}
    sent = client.send(system.job(attachments=[file]))

    assert system.wait(1, job_id=sent.job_id, event_type="delivered")
