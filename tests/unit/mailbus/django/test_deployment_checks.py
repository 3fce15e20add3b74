"""`manage.py check --deploy`: whether the queues can be used."""

from __future__ import annotations

import socket
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import EndpointConnectionError, NoCredentialsError, NoRegionError

from mailbus.django import deployment_checks
from mailbus.django.deployment_checks import check_deployment
from tests.unit.mailbus.fake_deployment import QUEUE, refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.mailbus.django.mail import Mail

SMTP = "django.core.mail.backends.smtp.EmailBackend"


@pytest.fixture
def asked(django: Mail, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Have the checks ask the queue in memory; the answer is how they made their clients."""
    made: list[dict[str, Any]] = []

    def client(_session: object, service: str, **options: Any) -> object:
        made.append({"service": service, **options})
        return django.queue.client

    monkeypatch.setattr(deployment_checks._Brief, "client", client)  # noqa: SLF001 - where AWS begins
    return made


def test_a_queue_that_can_be_used_has_no_message(django: Mail, asked: list[dict[str, Any]]) -> None:
    django.setting("MAILBUS", {"QUEUE_URL": QUEUE, "BULK_QUEUE_URL": QUEUE})
    assert check_deployment(None) == []
    assert [(one["service"], one["region_name"]) for one in asked] == [("sqs", "eu-west-1")]
    assert django.queue.calls == []


def test_each_mailers_queue_is_checked(django: Mail, asked: list[dict[str, Any]]) -> None:
    own = {"BACKEND": "mailbus.django.EmailBackend"}
    mailers = {
        "default": {"BACKEND": SMTP},
        "own": {**own, "OPTIONS": {"queue_url": QUEUE}},
        "none": own,
        "wrong": {"BACKEND": "mailbus.django.EmailBackand"},
    }
    django.setting("MAILERS", mailers)
    (message,) = check_deployment(None)
    assert (message.id, message.msg.partition(",")[0]) == ("mailbus.E101", "MAILERS['none'] has no queue")
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("problem", "check_id", "text"),
    [
        (refusal("AWS.SimpleQueueService.NonExistentQueue"), "E102", "the queue does not exist"),
        (refusal("AccessDenied", 403), "E102", "allow the application sqs:ListQueueTags on the queue"),
        (refusal("InvalidClientTokenId", 403), "E102", "credentials are invalid or have expired"),
        (NoCredentialsError(), "E102", "no AWS credentials; give the application a role"),
        (NoRegionError(), "E102", "set AWS_DEFAULT_REGION"),
        (EndpointConnectionError(endpoint_url=QUEUE), "E103", "AWS could not be reached"),
        (refusal("InternalError", 500), "E103", "refused"),
    ],
)
@pytest.mark.usefixtures("asked")
def test_a_queue_that_cannot_be_used_is_an_error_with_what_to_fix(
    django: Mail, problem: Exception, check_id: str, text: str
) -> None:
    django.setting("MAILBUS", {"QUEUE_URL": QUEUE})
    django.queue.outages = [problem]
    (message,) = check_deployment(None)
    assert message.id == f"mailbus.{check_id}"
    assert message.msg.startswith("EMAIL_BACKEND: ")
    assert text in message.msg
    assert QUEUE in str(message.hint)


def test_where_aws_does_not_answer_one_queue_is_waited_for(django: Mail, asked: list[dict[str, Any]]) -> None:
    django.setting("MAILBUS", {"QUEUE_URL": QUEUE, "BULK_QUEUE_URL": f"{QUEUE}-bulk"})
    django.queue.outages = [EndpointConnectionError(endpoint_url=QUEUE)] * 2
    (message,) = check_deployment(None)
    assert (message.id, len(asked)) == ("mailbus.E103", 1)


class Parameters:
    """SSM's parameter store, which has the URL, or fails."""

    meta = SimpleNamespace(region_name="eu-central-1", endpoint_url="https://ssm.eu-central-1.amazonaws.com")

    def __init__(self, problem: Exception | None) -> None:
        self._problem = problem

    def get_parameter(self, *, Name: str) -> dict[str, Any]:  # noqa: N803 - AWS's name
        if self._problem:
            raise self._problem
        assert Name in {"/mailbus/prod/SendQueueUrl", "/mailbus/prod/BulkQueueUrl"}
        return {"Parameter": {"Value": QUEUE}}


@pytest.mark.parametrize(
    ("problem", "check_id", "text"),
    [
        (None, None, ""),
        (refusal("ParameterNotFound"), "E102", "there is no stage 'prod' in eu-central-1"),
        (refusal("AccessDeniedException"), "E102", "allow the application ssm:GetParameter"),
        (EndpointConnectionError(endpoint_url="https://ssm"), "E103", "AWS could not be reached"),
    ],
)
def test_both_queues_of_a_stage_are_checked(
    django: Mail, monkeypatch: pytest.MonkeyPatch, problem: Exception | None, check_id: str | None, text: str
) -> None:
    def client(_session: object, service: str, **_options: Any) -> object:
        return Parameters(problem) if service == "ssm" else django.queue.client

    monkeypatch.setattr(deployment_checks._Brief, "client", client)  # noqa: SLF001 - where AWS begins
    django.setting("MAILBUS", {"STAGE": "prod"})
    messages = check_deployment(None)
    if check_id is None:
        assert messages == []
        return
    (message,) = messages
    assert message.id == f"mailbus.{check_id}"
    assert text in message.msg
    assert str(message.hint).startswith("This is the transactional queue of the stage 'prod'.")


@pytest.mark.usefixtures("asked")
def test_a_queue_of_somebody_else_is_an_error(django: Mail) -> None:
    django.setting("MAILBUS", {"QUEUE_URL": QUEUE})
    django.queue.tags = {"team": "billing"}
    (message,) = check_deployment(None)
    assert message.id == "mailbus.E102"
    assert "the queue has no tag mailbus:" in message.msg


@pytest.mark.parametrize("url", ["arn:aws:sqs:eu-west-1:210987654321:x", "mailbus-prod-send"])
def test_what_is_no_url_is_an_error_and_no_traceback(django: Mail, url: str) -> None:
    django.setting("MAILBUS", {"QUEUE_URL": url})
    (message,) = check_deployment(None)
    assert message.id == "mailbus.E102"


def test_without_mailbus_nothing_is_asked(django: Mail, asked: list[dict[str, Any]]) -> None:
    django.setting("EMAIL_BACKEND", SMTP)
    django.setting("MAILBUS", {"QUEUE_URL": QUEUE})
    assert check_deployment(None) == []
    assert asked == []


def _without_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)


def _with_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


@pytest.mark.parametrize(
    ("prepare", "check_id"), [(_without_credentials, "E102"), (_with_credentials, "E103")]
)
def test_with_aws_own_client(
    django: Mail,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: object,
    prepare: Callable[[pytest.MonkeyPatch], None],
    check_id: str,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", f"{tmp_path}/none")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", f"{tmp_path}/none")
    prepare(monkeypatch)
    django.setting("MAILBUS", {"QUEUE_URL": QUEUE})
    (message,) = check_deployment(None)
    assert message.id == f"mailbus.{check_id}"
