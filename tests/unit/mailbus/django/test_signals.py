"""Anymail's signals, as receivers that are written for Anymail get them."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest
from anymail.exceptions import AnymailCancelSend  # type: ignore[import-untyped] # it has no types
from anymail.signals import post_send, pre_send  # type: ignore[import-untyped] # it has no types

from mailbus.django import EmailBackend
from mailbus.errors import InvalidJob
from tests.unit.mailbus.deployment import in_a_process
from tests.unit.mailbus.django.mail import Mail, message, with_attributes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.dispatch import Signal


@contextlib.contextmanager
def received(signal: Signal, receiver: Callable[..., None]) -> Iterator[None]:
    signal.connect(receiver, weak=False)
    try:
        yield
    finally:
        assert signal.disconnect(receiver)


def fail(**_arguments: Any) -> None:
    reason = "a receiver's own error"
    raise LookupError(reason)


def test_pre_send_may_change_the_message(django: Mail) -> None:
    arguments: list[dict[str, Any]] = []

    def receive(**received: Any) -> None:
        arguments.append(received)
        received["message"].tags = ["from-a-receiver"]
        received["message"].to = ["bob@example.net"]

    sent = message()
    with received(pre_send, receive):
        job = django.send(sent)
    assert (job["tags"], job["to"]) == (["from-a-receiver"], ["bob@example.net"])
    (one,) = arguments
    assert {name: one[name] for name in ("sender", "message", "esp_name")} == {
        "sender": EmailBackend,
        "message": sent,
        "esp_name": "Amazon SES",
    }


def test_pre_send_may_choose_the_lane(django: Mail) -> None:
    def receive(message: Any, **_arguments: Any) -> None:
        message.mailbus_bulk = True

    with received(pre_send, receive):
        assert django.connection(bulk_client=django.bulk_client).send_messages([message()]) == 1
    assert (len(django.queue.jobs), len(django.bulk_queue.jobs)) == (0, 1)


def test_pre_send_may_cancel_one_message_without_an_error(django: Mail) -> None:
    def receive(message: Any, **_arguments: Any) -> None:
        if message.to == ["bob@example.net"]:
            reason = "not to Bob"
            raise AnymailCancelSend(reason)

    messages = [
        message(to=["ann@example.net"]),
        message(to=["bob@example.net"]),
        message(to=["eve@example.net"]),
    ]
    with received(pre_send, receive):
        assert django.connection().send_messages(messages) == 2
    assert [job["to"] for job in django.queue.jobs] == [["ann@example.net"], ["eve@example.net"]]
    assert [one.anymail_status.status for one in messages] == [{"queued"}, None, {"queued"}]  # type: ignore[attr-defined] # Anymail's attribute


def test_post_send_has_the_status_of_each_message_that_was_enqueued(django: Mail) -> None:
    arguments: list[dict[str, Any]] = []

    def receive(**received: Any) -> None:
        arguments.append(received)

    good = with_attributes(message(to=["ann@example.net"]), mailbus_job_id="order-1001")
    with received(post_send, receive), pytest.raises(InvalidJob):
        django.connection().send_messages([message(to=["no address"]), good])
    (one,) = arguments
    assert (one["sender"], one["message"], one["esp_name"]) == (EmailBackend, good, "Amazon SES")
    assert one["status"] is good.anymail_status  # type: ignore[attr-defined] # Anymail's attribute
    assert one["status"].message_id == "order-1001"
    assert one["status"].recipients["ann@example.net"].status == "queued"


@pytest.mark.parametrize(("signal", "jobs"), [(pre_send, 0), (post_send, 2)])
@pytest.mark.parametrize("silently", [True, False])
def test_an_error_of_a_receiver_is_raised_after_all_messages(
    django: Mail, signal: Signal, jobs: int, *, silently: bool
) -> None:
    messages = [message(), message()]
    with received(signal, fail), pytest.raises(LookupError, match="a receiver's own error"):
        django.connection(fail_silently=silently).send_messages(messages)
    assert len(django.queue.jobs) == jobs


def test_all_receivers_of_post_send_are_called(django: Mail) -> None:
    seen: list[object] = []

    def receive(message: Any, **_arguments: Any) -> None:
        seen.append(message)

    sent = message()
    with received(post_send, fail), received(post_send, receive), pytest.raises(LookupError):
        django.connection().send_messages([sent])
    assert seen == [sent]


def test_without_anymails_signals_loaded_anymail_is_not_imported() -> None:
    ran = in_a_process("""
import sys
sys.modules["anymail"] = None  # as if it were not installed
from django.conf import settings
settings.configure(MAILBUS={"QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/210987654321/send"})
from django.core.mail import EmailMessage
from mailbus.client import Client
from mailbus.django import EmailBackend

class Sqs:
    def send_message_batch(self, **call):
        return {"Successful": [{"Id": one["Id"], "MessageId": "m"} for one in call["Entries"]]}

client = Client("https://sqs.eu-west-1.amazonaws.com/210987654321/send", sqs=Sqs())
message = EmailMessage("Hello", "Hello.", "shop@example.com", ["ann@example.net"])
assert EmailBackend(client=client).send_messages([message]) == 1
""")
    assert ran.returncode == 0, ran.stderr
