"""One backend for several mailers: arguments, lanes, threads and processes."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from django.core import mail
from django.core.exceptions import ImproperlyConfigured

from mailbus.django import EmailBackend, InvalidSettings
from mailbus.django import settings as own
from mailbus.django.backend import _process_client
from mailbus.errors import ConfigurationError
from tests.unit.mailbus.django.mail import BACKEND, Mail, message, with_attributes
from tests.unit.mailbus.fake_deployment import QUEUE

if TYPE_CHECKING:
    from mailbus.stages import Lane


def test_arguments_of_other_backends_are_ignored_as_djangos_do(django: Mail) -> None:
    options = {"host": "smtp.example.com", "port": 25, "use_tls": True, "username": "u", "password": "p"}
    connection = django.connection(**options, fail_silently=True, unknown="x")
    assert (connection.fail_silently, connection.alias) == (True, None)
    assert connection.send_messages([message()]) == 1


@pytest.mark.parametrize(("lane", "own_queue"), [("transactional", 1), ("bulk", 2)])
def test_a_mailer_has_a_lane_unless_the_message_names_one(django: Mail, lane: Lane, own_queue: int) -> None:
    connection = django.connection(bulk_client=django.bulk_client, lane=lane)
    bulk, urgent = (with_attributes(message(), mailbus_bulk=value) for value in (True, False))

    assert connection.send_messages([message(), bulk, urgent]) == 3

    assert (len(django.queue.jobs), len(django.bulk_queue.jobs)) == (3 - own_queue, own_queue)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, r"MAILERS\['news'\]: the queue is not named"),
        ({"lane": "fast", "queue_url": QUEUE}, r"MAILERS\['news'\]: lane must be"),
        ({"lane": "bulk", "queue_url": QUEUE}, "BulkQueueUrl"),
        ({"queue_url": QUEUE, "stage": "prod"}, "STAGE has its queues"),
        ({"queue_url": QUEUE, "send_defaults": {"subject": "x"}}, "send_defaults: 'subject'"),
    ],
)
def test_a_wrong_option_is_djangos_error_and_names_the_mailer(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=reason) as raised:
        EmailBackend(alias="news", **options)
    assert isinstance(raised.value, InvalidSettings)


def test_an_option_goes_before_the_settings(django: Mail, monkeypatch: pytest.MonkeyPatch) -> None:
    django.setting("MAILBUS", {"STAGE": "prod"})
    monkeypatch.setenv("MAILBUS_QUEUE_URL", QUEUE)

    assert own.queue({}) == own.QueueName(stage="prod")
    assert own.queue({}, bulk=True) == own.QueueName(stage="prod", lane="bulk")
    assert own.queue({"stage": "dev"}) == own.QueueName(stage="dev")
    assert own.queue({"bulk_queue_url": QUEUE}, bulk=True) == own.QueueName(url=QUEUE)
    assert own.queue({"bulk_queue_url": QUEUE}) == own.QueueName(stage="prod")


@pytest.mark.usefixtures("django")
@pytest.mark.parametrize("silently", [True, False])
def test_a_stage_that_is_not_found_is_an_error_of_the_messages(
    monkeypatch: pytest.MonkeyPatch, *, silently: bool
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setattr("mailbus.client.stage_queues.find", missing_stage)
    connection = mail.get_connection(BACKEND, stage="prod", fail_silently=silently)
    messages = [message(), with_attributes(message(), mailbus_bulk=True)]
    if silently:
        assert connection.send_messages(messages) == 0
    else:
        with pytest.raises(ConfigurationError, match="no such stage"):
            connection.send_messages(messages)
    assert [one.anymail_status.status for one in messages] == [None, None]  # type: ignore[attr-defined] # Anymail's


def missing_stage(_queue: object, _ssm: object) -> str:
    reason = "no such stage"
    raise ConfigurationError(reason)


def test_threads_share_a_connection(django: Mail) -> None:
    connection = django.connection()
    with ThreadPoolExecutor(8) as threads:
        counts = list(threads.map(lambda n: connection.send_messages([message(subject=f"{n}")]), range(64)))
    assert counts == [1] * 64
    assert sorted(int(job["subject"]) for job in django.queue.jobs) == list(range(64))


@pytest.mark.usefixtures("django")
def test_a_process_that_was_forked_after_the_first_mail_has_a_client_of_its_own() -> None:
    connection = mail.get_connection(BACKEND, queue_url=QUEUE)
    assert isinstance(connection, EmailBackend)
    before = connection._lane(bulk=False)  # noqa: SLF001 - the client of the process
    assert connection._lane(bulk=False) is before  # noqa: SLF001 - as above

    child = os.fork()
    if not child:
        os._exit(0 if connection._lane(bulk=False) is not before else 1)  # noqa: SLF001 - as above
    _, status = os.waitpid(child, 0)

    assert status == 0
    assert _process_client.cache_info().currsize == 1
