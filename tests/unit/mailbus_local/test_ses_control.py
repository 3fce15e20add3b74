from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from mailbus_local.ses.server import SimulatedSes, SimulatorSettings

if TYPE_CHECKING:
    from conftest import Lab


def accepted(lab: Lab) -> int:
    count: int = lab.http.get("/account").json()["accepted"]
    return count


def test_messages_are_listed_in_order_and_in_pages(lab: Lab) -> None:
    ids = [lab.send("alice@customer.example") for _ in range(101)]
    listed: list[str] = []
    token: str | None = None
    while True:
        page = lab.http.get("/messages", params={"next": token} if token else {}).json()
        listed += [message["message_id"] for message in page["messages"]]
        token = page["next"]
        if token is None:
            break
    assert listed[-101:] == ids


def test_a_listed_message_says_all_that_was_asked(lab: Lab) -> None:
    before = time.time()
    message = lab.message(lab.send("alice@customer.example", tags=(("job", "order-4711"),)))
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
    assert message["configuration_set"] == lab.configuration_set
    assert message["tags"] == {"job": "order-4711"}


@pytest.mark.parametrize("token", ["x", "-1", "99999999"])
def test_a_made_up_page_is_refused(lab: Lab, token: str) -> None:
    answer = lab.http.get("/messages", params={"next": token})
    assert (answer.status_code, "next=" in answer.json()["error"]) == (400, True)


def test_what_the_account_shows_can_be_put_back(lab: Lab) -> None:
    shown = lab.http.get("/account").json()
    assert set(shown) == {
        "max_send_rate",
        "max_24_hour_send",
        "sent_last_24_hours",
        "sending_enabled",
        "production_access",
        "latency_ms",
        "accepted",
        "throttled",
        "faulted",
    }
    assert lab.http.put("/account", json=shown).json() == shown


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
def test_a_wrong_account_setting_is_named(lab: Lab, body: object, reason: str) -> None:
    before = lab.http.get("/account").json()
    answer = lab.http.put("/account", json=body)
    assert answer.status_code == 400
    assert reason in answer.json()["error"]
    assert lab.http.get("/account").json() == before


def test_calls_take_as_long_as_the_latency_says(lab: Lab) -> None:
    lab.http.put("/account", json={"latency_ms": 120})
    started = time.monotonic()
    lab.send("alice@customer.example")
    assert time.monotonic() - started >= 0.12


def test_a_fault_answers_with_its_error_as_often_as_asked(lab: Lab) -> None:
    faulted = lab.http.get("/account").json()["faulted"]
    fault = {
        "operation": "SendEmail",
        "error": "InternalServiceErrorException",
        "message": "Boom",
        "count": 2,
    }
    lab.http.post("/faults", json=[fault])
    for _ in range(2):
        with pytest.raises(ClientError) as caught:
            lab.send("alice@customer.example")
        assert caught.value.response["Error"] == {"Code": "InternalServiceErrorException", "Message": "Boom"}
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert lab.send("alice@customer.example")
    assert lab.http.get("/account").json()["faulted"] == faulted + 2


def test_a_fault_without_acceptance_accepts_nothing(lab: Lab) -> None:
    before = accepted(lab)
    lab.http.post("/faults", json=[{"operation": "*", "error": "TooManyRequestsException", "count": 1}])
    with pytest.raises(ClientError, match="Maximum sending rate exceeded"):
        lab.send("alice@customer.example")
    assert accepted(lab) == before


def test_a_reset_breaks_the_connection_without_an_answer(lab: Lab) -> None:
    before = accepted(lab)
    lab.http.post("/faults", json=[{"operation": "SendEmail", "error": "ConnectionReset", "count": 1}])
    with pytest.raises(ConnectionClosedError):
        lab.send("alice@customer.example")
    assert accepted(lab) == before


def test_after_acceptance_the_mail_is_sent_and_only_the_answer_is_lost(lab: Lab) -> None:
    lab.want("DELIVERY")
    before = accepted(lab)
    fault = {"operation": "SendEmail", "error": "ConnectionReset", "count": 1, "after_accept": True}
    lab.http.post("/faults", json=[fault])
    with pytest.raises(ConnectionClosedError):
        lab.send("alice@customer.example")
    assert accepted(lab) == before + 1
    assert [event["eventType"] for event in lab.events(1)] == ["Delivery"]


def test_a_certain_fault_lasts_until_it_is_deleted(lab: Lab) -> None:
    lab.http.post("/faults", json=[{"operation": "*", "error": "SendingPausedException", "probability": 1}])
    for _ in range(3):
        with pytest.raises(ClientError, match="Sending paused for this account"):
            lab.send("alice@customer.example")
    assert lab.http.delete("/faults").json() == {"faults": []}
    assert lab.send("alice@customer.example")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"operation": "SendEmail"}, "faults are a list"),
        ([{"operation": "SendMail", "error": "MessageRejected", "count": 1}], "did you mean SendEmail?"),
        (
            [{"operation": "*", "error": "TooManyRequest", "count": 1}],
            "mean TooManyRequestsException?",
        ),
        ([{"operation": "*", "error": "MessageRejected"}], "either count"),
        ([{"operation": "*", "error": "MessageRejected", "count": 1, "probability": 0.5}], "either count"),
        ([{"operation": "*", "error": "MessageRejected", "count": 0}], "count"),
        ([{"operation": "*", "error": "MessageRejected", "probability": 1.5}], "probability"),
        ([{"operation": "*", "error": "MessageRejected", "count": 1, "after": True}], "after"),
        ([{"operation": "SendEmail", "error": "TRANSIENT_FAILURE", "count": 1}], "use SendBulkEmail"),
        (
            [{"operation": "GetAccount", "error": "MessageRejected", "count": 1, "after_accept": True}],
            "accepts no mail",
        ),
    ],
)
def test_a_wrong_fault_is_refused_with_what_to_fix(lab: Lab, body: object, reason: str) -> None:
    answer = lab.http.post("/faults", json=body)
    assert answer.status_code == 400
    assert reason in answer.json()["error"]
    assert lab.http.get("/faults").json() == {"faults": []}


@pytest.mark.parametrize(
    ("asked", "kind", "key"),
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
def test_an_event_asked_for_is_published_and_answered(
    lab: Lab, asked: dict[str, Any], kind: str, key: str
) -> None:
    lab.want("OPEN", "CLICK", "DELIVERY_DELAY", "SUBSCRIPTION", "RENDERING_FAILURE", "REJECT", "COMPLAINT")
    message_id = lab.send("complaint@simulator.amazonses.com")
    lab.events(1)
    answer = lab.http.post(f"/events/{message_id}", json=asked).json()
    assert (answer["event"]["eventType"], key in answer["event"]) == (kind, True)
    if kind != "Delivery":
        assert answer["topics"] == [lab.topic]
        assert lab.told(1)[0].startswith(f'{{"eventType":"{kind}"')


def test_the_fields_of_an_event_can_be_chosen(lab: Lab) -> None:
    message_id = lab.send("alice@customer.example", "bob@customer.example")
    bounce = {
        "event_type": "Bounce",
        "recipient": "bob@customer.example",
        "bounce_type": "Transient",
        "bounce_sub_type": "MailboxFull",
    }
    event = lab.http.post(f"/events/{message_id}", json=bounce).json()["event"]
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
        lab.http.post(f"/events/{message_id}", json=click).json()["event"]["click"]["isBotEvent"] == "Likely"
    )


def test_what_is_sent_already_can_be_set_as_ses_writes_it_too(lab: Lab) -> None:
    assert lab.http.put("/account", json={"sent_last_24_hours": 7.0}).json()["sent_last_24_hours"] == 7


def test_a_complaint_comes_from_the_user_agent_that_was_asked_for(lab: Lab) -> None:
    message_id = lab.send("alice@customer.example")
    complaint = {"event_type": "Complaint", "user_agent": "ExampleCorp Feedback Loop (V0.01)"}
    event = lab.http.post(f"/events/{message_id}", json=complaint).json()["event"]
    assert event["complaint"]["userAgent"] == "ExampleCorp Feedback Loop (V0.01)"


def test_a_link_without_tags_has_null_for_them(lab: Lab) -> None:
    message_id = lab.send("alice@customer.example")
    event = lab.http.post(f"/events/{message_id}", json={"event_type": "Click"}).json()["event"]
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
def test_a_wrong_event_is_refused_with_what_to_fix(lab: Lab, body: object, reason: str) -> None:
    message_id = lab.send("alice@customer.example")
    answer = lab.http.post(f"/events/{message_id}", json=body)
    assert answer.status_code == 400
    assert reason in answer.json()["error"]


def test_an_event_for_an_unknown_message_is_not_found(lab: Lab) -> None:
    answer = lab.http.post("/events/0100-nowhere", json={"event_type": "Open"})
    assert (answer.status_code, "0100-nowhere" in answer.json()["error"]) == (404, True)


def test_what_is_not_simulated_passes_through_with_its_answer(lab: Lab) -> None:
    assert lab.sesv2.get_email_identity(EmailIdentity="example.com")["VerifiedForSendingStatus"] is True
    with pytest.raises(ClientError) as caught:
        lab.sesv2.get_email_identity(EmailIdentity="elsewhere.example")
    assert caught.value.response["Error"]["Code"] == "NotFoundException"
    assert isinstance(lab.ses.list_receipt_rule_sets()["RuleSets"], list)


def test_an_unknown_control_path_says_what_there_is(lab: Lab) -> None:
    answer = lab.http.get("/mail")
    assert (answer.status_code, "messages" in answer.json()["error"]) == (404, True)


def test_it_starts_before_its_aws_does_and_stops_without_it() -> None:
    simulator = SimulatedSes(
        SimulatorSettings(upstream_url="http://127.0.0.1:9", region="eu-west-1", account_id="000000000000")
    )
    simulator.start()
    try:
        assert simulator.url == f"http://127.0.0.1:{simulator.port}"
        assert simulator.smtp_port not in {0, simulator.port}
    finally:
        simulator.stop()


def test_a_taken_port_is_an_error_at_once(lab: Lab) -> None:
    taken = SimulatedSes(
        SimulatorSettings(
            upstream_url="http://127.0.0.1:9",
            region="eu-west-1",
            account_id="000000000000",
            port=lab.simulator.port,
        )
    )
    with pytest.raises(OSError, match="in use"):
        taken.start()
    taken.stop()


def test_stopping_publishes_what_is_still_waiting(lab: Lab, ministack: str) -> None:
    lab.want("SEND", "DELIVERY")
    second = SimulatedSes(
        SimulatorSettings(upstream_url=ministack, region="us-east-1", account_id="000000000000")
    )
    second.start()
    other = type(lab)(second, ministack)
    other.configuration_set = lab.configuration_set
    for _ in range(20):
        other.send("alice@customer.example")
    other.close()
    second.stop()
    assert len(lab.events(40)) == 40
