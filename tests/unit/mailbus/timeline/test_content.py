from __future__ import annotations

import json
from typing import Any

from mailbus.timeline.content import without_content
from tests.unit.mailbus.timeline.timelines import event
from tests.unit.timeline.recording import body

SES = {
    "eventType": "Delivery",
    "mail": {"messageId": "0100", "headers": [{"name": "Subject"}], "commonHeaders": {"subject": "secret"}},
    "delivery": {"smtpResponse": "250 OK"},
}


def test_an_event_is_kept_as_a_consumer_gets_it_but_for_ses_s_copy_of_the_headers() -> None:
    delivered = event("delivered", esp_event=SES)
    whole = json.loads(body(delivered))
    stored = without_content(whole, delivered)
    assert stored["detail"].pop("esp_event") == {
        "eventType": "Delivery",
        "mail": {"messageId": "0100"},
        "delivery": {"smtpResponse": "250 OK"},
    }
    del whole["detail"]["esp_event"]
    assert stored == whole


def test_ses_s_json_may_have_any_shape() -> None:
    shapes: list[Any] = [None, {}, {"mail": None}, {"mail": "text"}, {"mail": {}}]
    for ses in shapes:
        delivered = event("delivered", esp_event=ses)
        assert without_content(json.loads(body(delivered)), delivered)["detail"]["esp_event"] == ses


def test_of_a_type_of_a_newer_version_only_known_fields_are_kept() -> None:
    entry = json.loads(body(event("unknown", esp_event=SES)))
    entry["detail"] |= {"event_type": "teleported", "subject": "secret", "message": {"text": "secret"}}
    stored = without_content(entry, event("unknown"))
    assert "secret" not in json.dumps(stored)
    assert stored["detail"]["event_type"] == "teleported"
    assert stored["detail"]["job_id"] == "order-1001"
