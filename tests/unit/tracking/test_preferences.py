from __future__ import annotations

from typing import Any

import pytest

from tests.unit.tracking.notifications import (
    only,
    payload,
)

ALL = {"unsubscribeAll": True}
NONE = {"unsubscribeAll": False}


def topics(**status: str) -> dict[str, Any]:
    listed = [{"topicName": name, "subscriptionStatus": value} for name, value in status.items()]
    return {"unsubscribeAll": False, "topicSubscriptionStatus": listed}


@pytest.mark.parametrize(
    ("new", "old", "event_type"),
    [
        (ALL, NONE, "unsubscribed"),
        (ALL, None, "unsubscribed"),
        (NONE, ALL, "subscribed"),
        (NONE, None, "subscribed"),
        (topics(offers="OptOut"), topics(offers="OptIn"), "unsubscribed"),
        (topics(offers="OptIn"), topics(offers="OptOut"), "subscribed"),
        (topics(offers="OptIn", news="OptOut"), topics(offers="OptOut", news="OptOut"), "subscribed"),
        (topics(offers="OptIn", news="OptOut"), topics(offers="OptOut", news="OptIn"), "unsubscribed"),
        (topics(offers="OptOut"), None, "unsubscribed"),
        (topics(offers="OptIn"), ALL, "subscribed"),
        (None, ALL, "unknown"),
    ],
)
def test_leaving_anything_is_unsubscribed_and_other_changes_are_subscribed(
    new: object, old: object, event_type: str
) -> None:
    changed = payload("event_subscription")
    changed["subscription"] |= {"newTopicPreferences": new, "oldTopicPreferences": old}
    assert only(changed).event_type == event_type
