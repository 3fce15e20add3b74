from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import EndpointConnectionError
from django.core import mail

from mailbus.errors import ConfigurationError, InvalidJob, MailbusError, SendError
from tests.unit.mailbus.fake_deployment import QUEUE

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailbus import Client
from tests.unit.mailbus.django.mail import BACKEND, Mail, message, with_attributes


def noting(made: list[str], client: Client) -> Callable[[str], Client]:
    """Stand for the class of clients, and note for which queues it was asked."""

    def make(url: str) -> Client:
        made.append(url)
        return client

    return make


def test_send_mail_opens_the_backend_of_the_settings(django: Mail, monkeypatch: pytest.MonkeyPatch) -> None:
    django.setting("MAILBUS", {"QUEUE_URL": QUEUE})
    monkeypatch.setattr("mailbus.django.backend.Client", lambda url: django.client if url == QUEUE else None)

    assert mail.send_mail("Hello", "Hello.", None, ["ann@example.net"], auth_user="u", auth_password="p") == 1
    assert len(django.queue.jobs) == 1


def test_the_queues_url_comes_from_the_settings_or_the_environment(
    django: Mail, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    monkeypatch.setattr("mailbus.django.backend.Client", noting(made, django.client))
    base = "https://sqs.eu-west-1.amazonaws.com/210987654321"

    monkeypatch.setenv("MAILBUS_QUEUE_URL", f"{base}/environment")
    mail.get_connection(BACKEND).send_messages([message()])
    django.setting("MAILBUS_QUEUE_URL", f"{base}/setting")
    mail.get_connection(BACKEND).send_messages([message()])
    django.setting("MAILBUS", {"QUEUE_URL": f"{base}/table"})
    mail.get_connection(BACKEND).send_messages([message()])
    mail.get_connection(BACKEND, queue_url=f"{base}/option").send_messages([message()])

    assert [url.rpartition("/")[2] for url in made] == ["environment", "setting", "table", "option"]


def test_the_queues_of_a_stage_are_found_by_its_name(django: Mail, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []

    def make(url: str | None = None, *, stage: str | None = None, lane: str | None = None) -> Client:
        made.append((url, stage, lane))
        return django.client

    monkeypatch.setattr("mailbus.django.backend.Client", make)
    monkeypatch.setenv("MAILBUS_STAGE", "staging")
    mail.get_connection(BACKEND).send_messages([message()])
    django.setting("MAILBUS", {"STAGE": "prod"})
    bulk = with_attributes(message(), mailbus_bulk=True)
    mail.get_connection(BACKEND).send_messages([message(), bulk])
    mail.get_connection(BACKEND, stage="dev").send_messages([message()])
    mail.get_connection(BACKEND, queue_url=QUEUE).send_messages([message()])

    assert made == [
        (None, "staging", "transactional"),
        (None, "prod", "transactional"),
        (None, "prod", "bulk"),
        (None, "dev", "transactional"),
        (QUEUE, None, None),
    ]


@pytest.mark.parametrize("name", ["QUEUE_URL", "BULK_QUEUE_URL"])
def test_a_stage_beside_a_url_is_refused(django: Mail, name: str) -> None:
    django.setting("MAILBUS", {"STAGE": "prod", name: QUEUE})
    with pytest.raises(ConfigurationError, match="STAGE has its queues: remove QUEUE_URL"):
        mail.get_connection(BACKEND)


def test_a_process_makes_one_client_of_a_queue(django: Mail, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    monkeypatch.setattr("mailbus.django.backend.Client", noting(made, django.client))
    url = "https://sqs.eu-west-1.amazonaws.com/210987654321/one-client"

    for _ in range(3):
        mail.get_connection(BACKEND, queue_url=url).send_messages([message()])

    assert made == [url]


def test_without_the_queues_url_the_backend_says_where_to_write_it() -> None:
    with pytest.raises(ConfigurationError, match=r"MAILBUS = .*QUEUE_URL.*SendQueueUrl"):
        mail.get_connection(BACKEND)


def test_many_messages_go_in_batches_and_are_counted(django: Mail) -> None:
    messages = [message(to=[f"reader{n}@example.net"]) for n in range(12)]
    assert django.connection().send_messages([*messages, message(to=[])]) == 12
    assert django.queue.calls == [10, 2]


def test_without_messages_nothing_is_sent(django: Mail) -> None:
    assert django.connection().send_messages([]) == 0


def test_the_status_is_anymails(django: Mail) -> None:
    sent = with_attributes(
        message(to=["Ann <ann@example.net>"], cc=["bob@example.net"]), mailbus_job_id="order-1001"
    )
    django.send(sent)

    status = sent.anymail_status  # type: ignore[attr-defined] # Anymail's attribute
    assert (status.message_id, status.status) == ("order-1001", {"queued"})
    assert status.status.issubset({"queued", "sent"})
    assert {address: (one.status, one.message_id) for address, one in status.recipients.items()} == {
        "ann@example.net": ("queued", "order-1001"),
        "bob@example.net": ("queued", "order-1001"),
    }
    assert status.esp_response.message_id == "message-1"


def test_an_error_stops_no_other_message_and_the_first_is_raised(django: Mail) -> None:
    messages = [
        message(),
        message(to=["no address"]),
        message(to=["ann@example.net"], subject="two\nlines"),
        message(),
    ]

    with pytest.raises(InvalidJob) as raised:
        django.connection().send_messages(messages)

    assert raised.value.path == "$.to[0]"
    assert len(django.queue.jobs) == 2
    assert [one.anymail_status.status for one in messages] == [{"queued"}, None, None, {"queued"}]  # type: ignore[attr-defined] # Anymail's attribute


def test_fail_silently_counts_what_was_sent(django: Mail) -> None:
    connection = django.connection(fail_silently=True)
    assert connection.send_messages([message(), message(to=["no address"]), message()]) == 2


def test_a_queue_that_cannot_be_reached_is_an_error_unless_it_is_to_be_silent(django: Mail) -> None:
    django.queue.outages = [EndpointConnectionError(endpoint_url=QUEUE)] * 2

    with pytest.raises(SendError):
        django.connection().send_messages([message()])
    assert django.connection(fail_silently=True).send_messages([message()]) == 0


def test_bulk_messages_take_their_own_lane(django: Mail) -> None:
    bulk = [with_attributes(message(), mailbus_bulk=True) for _ in range(3)]
    connection = django.connection(bulk_client=django.bulk_client)

    assert connection.send_messages([message(), *bulk, message()]) == 5
    assert (len(django.queue.jobs), len(django.bulk_queue.jobs)) == (2, 3)


@pytest.mark.parametrize("silently", [True, False])
def test_the_bulk_lane_needs_its_queue_url(django: Mail, *, silently: bool) -> None:
    bulk = with_attributes(message(), mailbus_bulk=True)
    connection = django.connection(fail_silently=silently)
    if silently:
        assert connection.send_messages([bulk, message()]) == 1
    else:
        with pytest.raises(ConfigurationError, match="BulkQueueUrl"):
            connection.send_messages([bulk])


def test_a_connection_may_be_held_open_over_several_messages(django: Mail) -> None:
    with django.connection() as connection:
        connection.send_messages([message()])
        connection.send_messages([message()])
    assert connection.open() is False
    assert len(django.queue.jobs) == 2


def test_every_error_is_a_mailbus_error(django: Mail) -> None:
    with pytest.raises(MailbusError):
        django.connection().send_messages([message(to=["no address"])])
