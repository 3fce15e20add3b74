"""SES's notifications that are published directly: of mails that nothing of this deployment has sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from mailbus.ses_events import FEEDBACK_TYPES
from mailbus_local.ministack import ACCOUNT_ID
from mailbus_local.ses.events import feedback_notifications
from mailbus_local.ses.events.build import EventRequest, build_event
from mailbus_local.ses.events.shapes import encode_event
from mailbus_local.ses.formats import Origin
from mailbus_local.ses.mime import Header, Headers
from mailbus_local.ses.requests import Overrides
from mailbus_local.ses.server import VALIDATION_MESSAGE
from mailbus_local.ses.state.messages import Message

if TYPE_CHECKING:
    import random

#: The event of the bus for each of SES's.
EVENT_TYPES: Final = {
    "Send": "sent",
    "Delivery": "delivered",
    "Bounce": "bounced",
    "Complaint": "complained",
    "Reject": "rejected",
    "Open": "opened",
    "Click": "clicked",
    "Rendering Failure": "failed",
    "DeliveryDelay": "deferred",
    "Subscription": "unsubscribed",
}
#: What becomes of a mail, in SES's events.
STORIES: Final = (
    ("Send", "Delivery"),
    ("Send", "Bounce"),
    ("Send", "Delivery", "Open", "Click"),
    ("Send", "DeliveryDelay", "Delivery"),
    ("Send", "Delivery", "Complaint"),
    ("Send", "Reject"),
    ("Send", "Rendering Failure"),
    ("Send", "Delivery", "Subscription"),
)
#: The share of notifications that are published twice, and of those that go through the webhook.
TWICE: Final = 0.1
BY_WEBHOOK: Final = 0.06
#: One in so many is poison.
POISON_EVERY: Final = 100
#: What is no notification of SES, or one of another topic, with the code of its dead letter.
POISON: Final = (
    ("this is no JSON", "InvalidNotification"),
    ("[]", "InvalidNotification"),
    ('{{"hello": "world {number}"}}', "InvalidNotification"),
    ('{{"eventType": "Bounce", "number": {number}}}', "InvalidNotification"),
    (
        '{{"notificationType": "Received", "mail": {{"messageId": "{number}"}}, "receipt": {{}}}}',
        "WiringError",
    ),
)


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """A text that is published on a topic, `copies` times, and the events that it has to give.

    An event is a type, a message id and a recipient. Of poison there are none, and `code` is that of the
    dead letter. The webhook takes it from a topic of another region.
    """

    text: str
    events: tuple[tuple[str, str, str], ...] = ()
    code: str | None = None
    copies: int = 1
    by_webhook: bool = False


def draw(chance: random.Random, count: int, mark: str, *, region: str, now: float) -> list[Notification]:
    """Return so many notifications, out of order; `now` is in epoch seconds, and some are a little older.

    One is the message that SES publishes when a topic is connected: it is of no mail, and no error.
    """
    origin = Origin(region=region, account_id=ACCOUNT_ID)
    others = [
        Notification(text=VALIDATION_MESSAGE),
        *(_poison(number, mark) for number in range(count // POISON_EVERY)),
    ]
    drawn: list[Notification] = []
    while len(drawn) + len(others) < count:
        number = len(drawn)
        message = _message(chance, number, mark, now - chance.uniform(60, 600))
        for event_type in chance.choice(STORIES):
            drawn.append(_notification(chance, message, origin, event_type))
            if event_type in FEEDBACK_TYPES and chance.random() < TWICE:
                drawn.append(_feedback(message, origin, event_type))
    drawn = [*others, *drawn][:count]
    chance.shuffle(drawn)
    return drawn


def _poison(number: int, mark: str) -> Notification:
    text, code = POISON[number % len(POISON)]
    return Notification(text=text.format(number=f"{mark}{number}"), code=code)


def _notification(chance: random.Random, message: Message, origin: Origin, event_type: str) -> Notification:
    event = build_event(message, origin, message.accepted_at + 2, EventRequest(event_type=event_type))
    return Notification(
        text=encode_event(event),
        events=_expected(message, event_type),
        copies=2 if chance.random() < TWICE else 1,
        by_webhook=chance.random() < BY_WEBHOOK,
    )


def _feedback(message: Message, origin: Origin, event_type: str) -> Notification:
    """Return the notification that an identity's topic has of the same event, without tags."""
    event = build_event(message, origin, message.accepted_at + 2, EventRequest(event_type=event_type))
    found = feedback_notifications.build_notification(event, message, origin, headers=True)
    text = feedback_notifications.encode_notification(found)
    return Notification(text=text, events=_expected(message, event_type))


def _expected(message: Message, event_type: str) -> tuple[tuple[str, str, str], ...]:
    name = EVENT_TYPES[event_type]
    return tuple((name, message.message_id, recipient) for recipient in message.recipients)


def _message(chance: random.Random, number: int, mark: str, accepted_at: float) -> Message:
    recipients = tuple(
        f"reader-{place}-{number}@example.org" for place in range(chance.choice((1, 1, 1, 1, 1, 1, 3)))
    )
    lines = {"From": "news@example.com", "To": ", ".join(recipients), "Subject": f"News {number}"}
    return Message(
        message_id=f"0100{int(accepted_at * 1000):012x}-{mark}-{number:08d}-000000",
        accepted_at=accepted_at,
        source="news@example.com",
        from_domain="example.com",
        identity="example.com",
        recipients=recipients,
        operation="SendEmail",
        configuration_set="newsletters",
        tags=(),
        overrides=Overrides(),
        feedback_address=None,
        list_management=None,
        raw=b"",
        headers=Headers(lines=tuple(Header(name=name, value=value) for name, value in lines.items())),
        source_ip="192.0.2.1",
        caller="news",
        templated=False,
    )
