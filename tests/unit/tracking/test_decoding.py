from __future__ import annotations

import json

from tests.unit.tracking.notifications import (
    events,
    normalized,
    payload,
    with_headers,
)


def test_a_field_of_an_unexpected_type_costs_only_that_field() -> None:
    bounce = payload("event_bounce")
    bounce["bounce"]["bouncedRecipients"][0]["status"] = 511
    bounce["bounce"]["remoteMtaIp"] = ["203.0.113.25"]
    bounce["mail"]["headers"][2] = "Subject: broken"
    bounce["mail"]["tags"]["campaign"] = "autumn"
    first, second = events(bounce)
    assert first.bounce is not None
    assert first.bounce.status is None
    assert first.bounce.remote_mta_ip is None
    assert first.bounce.action == "failed"
    assert first.mta_response == "smtp; 550 5.1.1 <ada@example.org>: user unknown"
    assert second.bounce is not None
    assert second.bounce.status == "5.2.1"
    assert first.metadata == {"order": 4711, "tenant": "north", "express": True}
    assert first.message_tags["campaign"] == ("autumn",)
    assert first.job_id == "order-4711-shipped"


def test_half_a_surrogate_pair_in_a_truncated_header_does_not_cost_the_event() -> None:
    cut = json.dumps(with_headers(("Subject", "cut"))).replace('"cut"', '"order \\ud83d"')
    got = normalized(cut)
    assert [event.event_type for event in got.events] == ["delivered"]
    assert json.loads(got.esp_event)["mail"]["headers"][0]["value"] == "order \ufffd"


def test_sess_json_stays_byte_for_byte() -> None:
    message = json.dumps(payload("event_open"), indent=3) + "\n"
    assert normalized(message).esp_event == message.encode()
