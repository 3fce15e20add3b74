"""The shop's journeys."""

from __future__ import annotations

import json
import signal
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from anymail.signals import tracking  # type: ignore[import-untyped] # it has no types
from django.core.management import call_command
from shop.mail import send_confirmation
from shop.models import HandledEvent, Order, Question

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailbus_local.testing import MailbusSystem

CUSTOMER = "success+ann@simulator.amazonses.com"


def place_order(client: Any, customer: str) -> Order:
    answer = client.post("/orders/", {"customer": customer, "item": "Tea"})
    assert answer.status_code == 201
    return Order.objects.get(pk=answer.json()["order"])


def consume() -> None:
    call_command("consume_mail_events", "--once")


def test_an_order_is_confirmed_and_its_delivery_noted(client: Any, mailbus_system: MailbusSystem) -> None:
    order = place_order(client, CUSTOMER)
    mail = mailbus_system.inbox.wait_for(to=CUSTOMER, subject=f"Your order {order.pk}")
    assert (mail.text or "").strip() == "Thank you for ordering: Tea"
    assert (mail.tags, mail.metadata) == (("shop",), {"order": order.pk})

    mailbus_system.events.wait_for("delivered", recipient=CUSTOMER)
    mailbus_system.wait_until_idle()
    consume()
    order.refresh_from_db()
    assert order.mail_status == "delivered"


def test_an_order_is_confirmed_once(client: Any, mailbus_system: MailbusSystem) -> None:
    order = place_order(client, CUSTOMER)
    send_confirmation(order)
    mailbus_system.inbox.wait_for(to=CUSTOMER)
    mailbus_system.wait_until_idle()
    assert len(mailbus_system.inbox) == 1


def test_a_bounce_is_noted(client: Any, mailbus_system: MailbusSystem) -> None:
    received: list[tuple[Any, str]] = []

    def receive(event: Any, esp_name: str, **_arguments: Any) -> None:
        received.append((event, esp_name))

    order = place_order(client, "bounce@simulator.amazonses.com")
    mailbus_system.events.wait_for("bounced", recipient="bounce@simulator.amazonses.com")
    mailbus_system.wait_until_idle()
    tracking.connect(receive)
    consume()
    tracking.disconnect(receive)
    order.refresh_from_db()
    assert order.mail_status == "bounced"

    # with all that Anymail's own events have
    ((event, esp_name),) = (one for one in received if one[0].event_type == "bounced")
    assert esp_name == "Amazon SES"
    assert (event.recipient, event.reject_reason) == ("bounce@simulator.amazonses.com", "bounced")
    assert (event.message_id, event.metadata) == (f"order-{order.pk}-confirmation", {"order": order.pk})
    assert (event.tags, event.description) == (["shop"], "Permanent: General")
    assert event.mta_response.startswith("smtp; 550")
    assert (event.click_url, event.user_agent) == (None, None)
    assert event.esp_event["eventType"] == "Bounce"
    assert event.timestamp.tzinfo is not None
    assert len(event.event_id) > 0


def test_a_repeated_event_is_handled_once(mailbus_system: MailbusSystem, settings: Any) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = (
        "Ann <ann@example.net>",
        "support@inbound.example.com",
        "Is it green tea?",
    )
    mail.set_content("I would like to know.")
    mailbus_system.receive(mail)
    mailbus_system.events.wait_for("inbound")
    mailbus_system.wait_until_idle()
    sqs = mailbus_system.client("sqs")
    received = sqs.receive_message(QueueUrl=settings.MAIL_EVENTS_QUEUE_URL, VisibilityTimeout=0)
    for _ in range(2):
        sqs.send_message(QueueUrl=settings.MAIL_EVENTS_QUEUE_URL, MessageBody=received["Messages"][0]["Body"])
    consume()
    question = Question.objects.get()
    assert (question.sender, question.subject) == ("ann@example.net", "Is it green tea?")
    assert question.text.strip() == "I would like to know."
    assert HandledEvent.objects.count() == 1


def test_what_is_no_event_stays_in_the_queue(
    mailbus_system: MailbusSystem, settings: Any, capsys: Any
) -> None:
    sqs, url = mailbus_system.client("sqs"), settings.MAIL_EVENTS_QUEUE_URL
    sqs.send_message(QueueUrl=url, MessageBody='{"hello": 1}')
    consume()
    assert "not an event of Mailbus" in capsys.readouterr().err
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    assert sum(map(int, counts.values())) == 1
    sqs.purge_queue(QueueUrl=url)


class Sqs:
    """Stands for a client whose queue has these messages; each receiving is interrupted by Ctrl-C."""

    def __init__(self, *bodies: str, is_waiting: bool) -> None:
        self.bodies = list(bodies)
        self.deleted: list[str] = []
        self._is_waiting = is_waiting

    def receive_message(self, **_arguments: Any) -> dict[str, Any]:
        if self._is_waiting:
            signal.raise_signal(signal.SIGINT)
            reason = "it still waits"
            raise AssertionError(reason)
        return {
            "Messages": [
                {"Body": body, "ReceiptHandle": body, "MessageId": body[:10]} for body in self.bodies
            ]
        }

    def delete_message(self, *, ReceiptHandle: str, **_arguments: Any) -> None:  # noqa: N803 - SQS's name
        self.deleted.append(ReceiptHandle)


EVENT = json.dumps(
    {
        "schema_version": 1,
        "event_type": "delivered",
        "event_id": "1",
        "timestamp": "2026-11-29T08:00:00Z",
        "esp_name": "Amazon SES",
        "message_id": "2",
        "recipient": CUSTOMER,
    }
)


@pytest.fixture
def _signals_are_restored() -> Iterator[None]:
    earlier = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in earlier.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("_signals_are_restored")
def test_ctrl_c_ends_waiting_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boto3, "client", lambda _: Sqs(is_waiting=True))
    call_command("consume_mail_events")


@pytest.mark.usefixtures("_signals_are_restored")
def test_ctrl_c_ends_after_the_events_that_were_received(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(**_arguments: Any) -> None:
        signal.raise_signal(signal.SIGINT)

    sqs = Sqs(EVENT, is_waiting=False)
    monkeypatch.setattr(boto3, "client", lambda _: sqs)
    tracking.connect(interrupt)
    call_command("consume_mail_events")
    tracking.disconnect(interrupt)
    assert (sqs.deleted, HandledEvent.objects.count()) == ([EVENT], 1)


def test_an_event_whose_receiver_fails_stays_in_the_queue(
    monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    def fail(**_arguments: Any) -> None:
        sqs.bodies.clear()
        raise LookupError(CUSTOMER)

    sqs = Sqs(EVENT, is_waiting=False)
    monkeypatch.setattr(boto3, "client", lambda _: sqs)
    tracking.connect(fail)
    consume()
    tracking.disconnect(fail)
    assert (sqs.deleted, HandledEvent.objects.count()) == ([], 0)
    written = capsys.readouterr().err
    assert f"event 1: LookupError at {__file__}:" in written
    assert CUSTOMER not in written


def test_the_checks_find_nothing() -> None:
    call_command("check", tags=["mailbus"], deploy=True, fail_level="WARNING")
