"""The shop's mail, by Django's own classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.mail import EmailMessage

if TYPE_CHECKING:
    from shop.models import Order


def send_confirmation(order: Order) -> None:
    """Mail the confirmation of an order, once however often this is called: the job's id is the order's."""
    message: Any = EmailMessage(
        subject=f"Your order {order.pk}",
        body=f"Thank you for ordering: {order.item}",
        to=[order.customer],
    )
    message.metadata = {"order": order.pk}
    message.mailbus_job_id = f"order-{order.pk}-confirmation"
    message.send()
