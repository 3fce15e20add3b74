"""Every type of report that SES documents, whole, with the events that it must become."""

from __future__ import annotations

import json

import pytest

from mailbus.events import entry
from mailbus.ses_events import SES_EVENT_TYPES
from tests.unit.tracking.reports import NAMES, expected, payload, report, text


@pytest.mark.parametrize("name", NAMES)
def test_a_documented_report_becomes_exactly_these_events(name: str) -> None:
    got = report(text(name))
    put = [entry(event, got.resources, esp_event=got.esp_event) for event in got.events]
    events = [json.loads(one.detail) for one in put]
    assert [event.pop("esp_event") for event in events] == [payload(name)] * len(events)
    assert {"resources": list(got.resources), "events": events} == expected(name)


def test_every_type_that_ses_publishes_has_its_golden_report() -> None:
    shown = {payload(name).get("eventType") for name in NAMES} - {None}
    assert shown == set(SES_EVENT_TYPES)
    notified = {payload(name).get("notificationType") for name in NAMES} - {None}
    assert notified == {"Bounce", "Complaint", "Delivery"}
