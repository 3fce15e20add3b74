"""A contact's preferences, as SES reports them when they change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailbus import events

if TYPE_CHECKING:
    from mailbus.events import EventType
    from tracking.notification import Preferences, TopicStatus


def event_type_of_change(new: Preferences | None, old: Preferences | None) -> EventType:
    """Return the type of a change: leaving any topic counts more than joining another."""
    if new is None:
        return "unknown"
    if new.unsubscribe_all or _opted_out(new) - _opted_out(old):
        return "unsubscribed"
    return "subscribed"


def normalized_preferences(preferences: Preferences | None) -> events.Preferences | None:
    """Return preferences as events have them."""
    if preferences is None:
        return None
    return events.Preferences(
        unsubscribe_all=preferences.unsubscribe_all,
        topics=_topics(preferences.topic_subscription_status),
        topic_defaults=_topics(preferences.topic_default_subscription_status),
    )


def _opted_out(preferences: Preferences | None) -> frozenset[str]:
    if preferences is None:
        return frozenset()
    return frozenset(
        topic.topic_name
        for topic in preferences.topic_subscription_status or ()
        if topic.topic_name is not None and topic.subscription_status == "OptOut"
    )


def _topics(topics: tuple[TopicStatus, ...] | None) -> tuple[events.TopicPreference, ...]:
    return tuple(
        events.TopicPreference(topic=topic.topic_name, status=topic.subscription_status)
        for topic in topics or ()
        if topic.topic_name is not None and topic.subscription_status is not None
    )
