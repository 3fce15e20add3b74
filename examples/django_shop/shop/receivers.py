"""Receivers of Anymail's signals, written as for any service that Anymail supports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anymail.signals import inbound, tracking  # type: ignore[import-untyped] # it has no types
from django.dispatch import receiver

from shop.models import Order, Question

if TYPE_CHECKING:
    from anymail.signals import AnymailInboundEvent, AnymailTrackingEvent

# Later ones replace earlier ones, and events may arrive in another order.
_RANKS = {"queued": 0, "sent": 1, "deferred": 2, "delivered": 3, "failed": 4, "rejected": 4, "bounced": 4}


@receiver(tracking)
def note_status(event: AnymailTrackingEvent, **_arguments: object) -> None:
    """Keep where an order's confirmation is."""
    rank = _RANKS.get(event.event_type)
    number = event.metadata.get("order")
    if rank is None or number is None:
        return
    earlier = [status for status, other in _RANKS.items() if other < rank]
    Order.objects.filter(pk=number, mail_status__in=["", *earlier]).update(mail_status=event.event_type)


@receiver(inbound)
def note_question(event: AnymailInboundEvent, **_arguments: object) -> None:
    """Keep what a customer wrote."""
    message = event.message
    Question.objects.create(
        sender=message.from_email.addr_spec if message.from_email else message.envelope_sender or "",
        subject=message.subject or "",
        text=message.stripped_text or message.text or "",
    )
