from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.unit.mailbus_local.simulated_ses import SesEnvironment


def test_messages_are_listed_in_order_and_in_pages(env: SesEnvironment) -> None:
    ids = [env.send("alice@customer.example") for _ in range(101)]
    listed: list[str] = []
    token: str | None = None
    while True:
        page = env.http.get("/messages", params={"next": token} if token else {}).json()
        listed += [message["message_id"] for message in page["messages"]]
        token = page["next"]
        if token is None:
            break
    assert listed[-101:] == ids


def test_a_listed_message_has_all_fields(env: SesEnvironment) -> None:
    before = time.time()
    message = env.message(env.send("alice@customer.example", tags=(("job", "order-4711"),)))
    assert set(message) == {
        "message_id",
        "accepted_at",
        "from",
        "recipients",
        "operation",
        "configuration_set",
        "tags",
        "overrides",
        "feedback_address",
        "list_management",
        "raw",
    }
    assert before <= message["accepted_at"] <= time.time()
    assert message["configuration_set"] == env.configuration_set
    assert message["tags"] == {"job": "order-4711"}


def test_one_message_has_its_bytes(env: SesEnvironment) -> None:
    message_id = env.send("alice@customer.example", tags=(("job", "order-4711"),))
    message = env.http.get(f"/messages/{message_id}").json()
    assert base64.b64decode(message["content"]).decode() == env.message(message_id)["raw"]
    assert (message["recipients"], message["tags"]) == (["alice@customer.example"], {"job": "order-4711"})


def test_a_message_that_does_not_exist_is_an_error(env: SesEnvironment) -> None:
    response = env.http.get("/messages/none")
    assert (response.status_code, "does not exist" in response.json()["error"]) == (404, True)


@pytest.mark.parametrize("token", ["x", "-1", "99999999"])
def test_an_invalid_page_token_is_an_error(env: SesEnvironment, token: str) -> None:
    response = env.http.get("/messages", params={"next": token})
    assert (response.status_code, "next=" in response.json()["error"]) == (400, True)


def test_the_body_of_an_account_response_can_be_put_back(env: SesEnvironment) -> None:
    shown = env.http.get("/account").json()
    assert set(shown) == {
        "max_send_rate",
        "max_24_hour_send",
        "sent_last_24_hours",
        "sending_enabled",
        "production_access",
        "latency_ms",
        "limit_bulk_calls",
        "enforcement_status",
        "pricing_plan",
        "accepted",
        "recipients",
        "throttled",
        "faulted",
        "unpublished",
    }
    assert env.http.put("/account", json=shown).json() == shown


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"max_sent_rate": 5}, "did you mean max_send_rate?"),
        ({"max_send_rate": "fast"}, "max_send_rate"),
        ({"max_send_rate": 0}, "max_send_rate"),
        ({"sending_enabled": 1}, "sending_enabled"),
        ({"sent_last_24_hours": -1}, "sent_last_24_hours"),
        ({"sent_last_24_hours": 1.5}, "sent_last_24_hours"),
        ([], "not a JSON object"),
    ],
)
def test_an_invalid_account_setting_is_named_and_changes_nothing(
    env: SesEnvironment, body: object, reason: str
) -> None:
    before = env.http.get("/account").json()
    response = env.http.put("/account", json=body)
    assert response.status_code == 400
    assert reason in response.json()["error"]
    assert env.http.get("/account").json() == before


def test_subjects_are_found_by_message_by_job_and_by_text_in_any_case(env: SesEnvironment) -> None:
    first = env.send(
        "alice@customer.example", subject="Grüße aus Bonn", tags=(("mailbus-job-id", "order-1"),)
    )
    second = env.send("bob@customer.example", subject="Your receipt")

    def found(*query: tuple[str, str]) -> list[tuple[str, str | None, str]]:
        subjects = env.http.get("/subjects", params=query).json()["subjects"]
        return [(one["message_id"], one["job_id"], one["subject"]) for one in subjects]

    one, two = (first, "order-1", "Grüße aus Bonn"), (second, None, "Your receipt")
    assert found(("message_id", first), ("message_id", "none"), ("message_id", second)) == [one, two]
    assert found(("job_id", "order-1")) == [one]
    assert found(("contains", "GRÜSSE AUS")) == [one]
    assert found(("contains", "your receipt")) == [two]
    assert found() == []


def test_recipients_are_counted_beside_messages(env: SesEnvironment) -> None:
    before = env.http.get("/account").json()
    env.send("alice@customer.example", "success@simulator.amazonses.com")
    after = env.http.get("/account").json()
    assert (after["accepted"] - before["accepted"], after["recipients"] - before["recipients"]) == (1, 2)


def test_sent_last_24_hours_may_be_a_whole_float_as_in_ses(env: SesEnvironment) -> None:
    assert env.http.put("/account", json={"sent_last_24_hours": 7.0}).json()["sent_last_24_hours"] == 7


def test_a_call_takes_at_least_the_latency(env: SesEnvironment) -> None:
    env.http.put("/account", json={"latency_ms": 120})
    started = time.monotonic()
    env.send("alice@customer.example")
    assert time.monotonic() - started >= 0.12


@pytest.mark.parametrize(
    ("request_body", "event_type", "key"),
    [
        ({"event_type": "Open", "ip_address": "203.0.113.9"}, "Open", "open"),
        ({"event_type": "click", "link": "https://example.com/offer"}, "Click", "click"),
        ({"event_type": "delivery_delay", "delay_type": "MailboxFull"}, "DeliveryDelay", "deliveryDelay"),
        ({"event_type": "delay"}, "DeliveryDelay", "deliveryDelay"),
        ({"event_type": "Subscription", "contact_list": "News"}, "Subscription", "subscription"),
        ({"event_type": "rendering failure"}, "Rendering Failure", "failure"),
        ({"event_type": "reject", "reason": "Bad content"}, "Reject", "reject"),
        ({"event_type": "complaint", "feedback_type": "not-spam"}, "Complaint", "complaint"),
        ({"event_type": "Delivery"}, "Delivery", "delivery"),
    ],
)
def test_a_requested_event_is_published_and_returned(
    env: SesEnvironment, request_body: dict[str, Any], event_type: str, key: str
) -> None:
    env.publish_events(
        "OPEN", "CLICK", "DELIVERY_DELAY", "SUBSCRIPTION", "RENDERING_FAILURE", "REJECT", "COMPLAINT"
    )
    message_id = env.send("complaint@simulator.amazonses.com")
    env.events(1)
    response = env.http.post(f"/events/{message_id}", json=request_body).json()
    assert (response["event"]["eventType"], key in response["event"]) == (event_type, True)
    if event_type != "Delivery":
        assert response["topics"] == [env.topic]
        assert env.messages(1)[0].startswith(f'{{"eventType":"{event_type}"')


def test_the_fields_of_a_requested_event_can_be_set(env: SesEnvironment) -> None:
    message_id = env.send("alice@customer.example", "bob@customer.example")
    bounce = {
        "event_type": "Bounce",
        "recipient": "bob@customer.example",
        "bounce_type": "Transient",
        "bounce_sub_type": "MailboxFull",
    }
    event = env.http.post(f"/events/{message_id}", json=bounce).json()["event"]
    assert event["bounce"]["bounceSubType"] == "MailboxFull"
    assert event["bounce"]["bouncedRecipients"] == [
        {
            "emailAddress": "bob@customer.example",
            "action": "failed",
            "status": "4.2.2",
            "diagnosticCode": "smtp; 452 4.2.2 mailbox full",
        }
    ]
    click = {"event_type": "Click", "link": "https://example.com/", "is_bot_event": "Likely"}
    assert (
        env.http.post(f"/events/{message_id}", json=click).json()["event"]["click"]["isBotEvent"] == "Likely"
    )


def test_the_user_agent_of_a_complaint_can_be_set(env: SesEnvironment) -> None:
    message_id = env.send("alice@customer.example")
    complaint = {"event_type": "Complaint", "user_agent": "ExampleCorp Feedback Loop (V0.01)"}
    event = env.http.post(f"/events/{message_id}", json=complaint).json()["event"]
    assert event["complaint"]["userAgent"] == "ExampleCorp Feedback Loop (V0.01)"


def test_a_link_without_tags_has_null_for_them(env: SesEnvironment) -> None:
    message_id = env.send("alice@customer.example")
    event = env.http.post(f"/events/{message_id}", json={"event_type": "Click"}).json()["event"]
    assert event["click"]["linkTags"] is None


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"event_type": "Opened-ish"}, "known are Send, Reject"),
        ({}, "event_type"),
        ({"event_type": "Open", "ip": "203.0.113.9"}, "'ip' is unknown"),
        ({"event_type": "Open", "is_bot_event": "maybe"}, "is_bot_event"),
    ],
)
def test_an_invalid_event_request_is_an_error_with_its_reason(
    env: SesEnvironment, body: object, reason: str
) -> None:
    message_id = env.send("alice@customer.example")
    response = env.http.post(f"/events/{message_id}", json=body)
    assert response.status_code == 400
    assert reason in response.json()["error"]


def test_an_event_of_an_unknown_message_is_not_found(env: SesEnvironment) -> None:
    response = env.http.post("/events/0100-nowhere", json={"event_type": "Open"})
    assert (response.status_code, "0100-nowhere" in response.json()["error"]) == (404, True)


def test_an_unknown_control_path_lists_the_known_ones(env: SesEnvironment) -> None:
    response = env.http.get("/mail")
    assert (response.status_code, "messages" in response.json()["error"]) == (404, True)
