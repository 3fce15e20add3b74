"""Publishes an event to the topics of its configuration set and of its identity."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailbus.ses_events import SES_EVENT_TYPES
from mailbus_local.ses.events.feedback_notifications import build_notification, encode_notification
from mailbus_local.ses.events.shapes import Event, encode_event
from mailbus_local.ses.publisher import Publication

if TYPE_CHECKING:
    from mailbus_local.ses.state.messages import Message
    from mailbus_local.ses.state.resources import ConfigurationSet
    from mailbus_local.ses.state.simulator import SimulatorState


def publish(
    state: SimulatorState, event: Event, message: Message, configuration_set: ConfigurationSet
) -> tuple[str, ...]:
    """Publish an event to the topics of its configuration set. Return these topics."""
    topics = configuration_set.topics(SES_EVENT_TYPES[event.event_type].destination_name)
    if topics:
        text = encode_event(event)
        for topic in topics:
            state.publisher.submit(
                Publication(
                    topic_arn=topic,
                    text=text,
                    subject="Amazon SES Email Event Notification",
                    order_key=message.message_id,
                )
            )
    return topics


def notify(state: SimulatorState, event: Event, message: Message) -> str | None:
    """Publish an event as a notification if the message's identity has a topic for it. Return the topic.

    The settings of an address take precedence over those of its domain
    (https://docs.aws.amazon.com/ses/latest/dg/configure-sns-notifications.html).
    """
    setting = state.notifications.find(message.identity, event.event_type)
    if setting is None or setting.topic is None:
        return None
    notification = build_notification(event, message, state.origin, headers=setting.headers)
    state.publisher.submit(
        Publication(
            topic_arn=setting.topic, text=encode_notification(notification), order_key=message.message_id
        )
    )
    return setting.topic
