"""Every type of event that SES documents, whole, with the events that it must become."""

from __future__ import annotations

import pytest

from mailbus.ses_events import FEEDBACK_TYPES, SES_EVENT_TYPES
from tests.unit.goldens import golden_of_notification
from tests.unit.tracking.notifications import NAMES, expected_path, payload


@pytest.mark.parametrize("name", NAMES)
def test_a_documented_notification_becomes_exactly_these_events(name: str) -> None:
    assert golden_of_notification(name) == expected_path(name).read_text(encoding="utf-8")


def test_every_type_that_ses_publishes_has_its_golden_notification() -> None:
    published = {payload(name).get("eventType") for name in NAMES} - {None}
    assert published == set(SES_EVENT_TYPES)
    notified = {payload(name).get("notificationType") for name in NAMES} - {None}
    assert notified == set(FEEDBACK_TYPES)
