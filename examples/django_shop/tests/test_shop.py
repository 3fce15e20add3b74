"""The shop's journeys."""

from __future__ import annotations

from email.message import EmailMessage
from typing import TYPE_CHECKING, Any

from anymail.signals import tracking  # type: ignore[import-untyped] # it has no types
from django.core.management import call_command
from shop.mail import send_confirmation
from shop.models import HandledEvent, Order, Question

if TYPE_CHECKING:
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


def test_the_checks_find_nothing() -> None:
    call_command("check", tags=["mailbus"], deploy=True, fail_level="WARNING")
