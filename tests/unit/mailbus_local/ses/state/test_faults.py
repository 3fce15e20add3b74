from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from mailbus_local.ses.state.faults import Fault, Faults, parse_faults

if TYPE_CHECKING:
    from tests.unit.mailbus_local.simulated_ses import SesEnvironment


def accepted(env: SesEnvironment) -> int:
    count: int = env.http.get("/account").json()["accepted"]
    return count


def test_a_fault_with_a_count_happens_that_many_times(env: SesEnvironment) -> None:
    faulted = env.http.get("/account").json()["faulted"]
    fault = {
        "operation": "SendEmail",
        "error": "InternalServiceErrorException",
        "message": "Boom",
        "count": 2,
    }
    env.http.post("/faults", json=[fault])
    for _ in range(2):
        with pytest.raises(ClientError) as caught:
            env.send("alice@customer.example")
        assert caught.value.response["Error"] == {"Code": "InternalServiceErrorException", "Message": "Boom"}
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert env.send("alice@customer.example")
    assert env.http.get("/account").json()["faulted"] == faulted + 2


def test_a_fault_accepts_no_mail(env: SesEnvironment) -> None:
    before = accepted(env)
    env.http.post("/faults", json=[{"operation": "*", "error": "TooManyRequestsException", "count": 1}])
    with pytest.raises(ClientError, match="Maximum sending rate exceeded"):
        env.send("alice@customer.example")
    assert accepted(env) == before


def test_a_connection_reset_gives_no_response(env: SesEnvironment) -> None:
    before = accepted(env)
    env.http.post("/faults", json=[{"operation": "SendEmail", "error": "ConnectionReset", "count": 1}])
    with pytest.raises(ConnectionClosedError):
        env.send("alice@customer.example")
    assert accepted(env) == before


def test_with_after_accept_the_mail_is_sent_and_only_the_response_is_lost(env: SesEnvironment) -> None:
    env.publish_events("DELIVERY")
    before = accepted(env)
    fault = {"operation": "SendEmail", "error": "ConnectionReset", "count": 1, "after_accept": True}
    env.http.post("/faults", json=[fault])
    with pytest.raises(ConnectionClosedError):
        env.send("alice@customer.example")
    assert accepted(env) == before + 1
    assert [event["eventType"] for event in env.events(1)] == ["Delivery"]


def test_a_fault_with_probability_1_lasts_until_it_is_deleted(env: SesEnvironment) -> None:
    env.http.post("/faults", json=[{"operation": "*", "error": "SendingPausedException", "probability": 1}])
    for _ in range(3):
        with pytest.raises(ClientError, match="Sending paused for this account"):
            env.send("alice@customer.example")
    assert env.http.delete("/faults").json() == {"faults": []}
    assert env.send("alice@customer.example")


def test_one_fault_is_removed_by_its_id(env: SesEnvironment) -> None:
    fault = {"operation": "SendEmail", "error": "MessageRejected", "count": 2}
    first, second = env.http.post("/faults", json=[fault, {**fault, "count": 1}]).json()["faults"]
    assert second == {"id": first["id"] + 1, **fault, "count": 1}
    assert env.http.delete(f"/faults/{first['id']}").json() == {"faults": [second]}
    with pytest.raises(ClientError, match="rejected"):
        env.send("alice@customer.example")
    response = env.http.delete(f"/faults/{second['id']}")
    assert (response.status_code, "has happened" in response.json()["error"]) == (404, True)


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
        ([{"id": 1, "operation": "*", "error": "MessageRejected", "count": 1}], "id"),
        ([{"operation": "SendEmail", "error": "TRANSIENT_FAILURE", "count": 1}], "use SendBulkEmail"),
        (
            [{"operation": "GetAccount", "error": "MessageRejected", "count": 1, "after_accept": True}],
            "accepts no mail",
        ),
    ],
)
def test_an_invalid_fault_is_an_error_with_its_reason(env: SesEnvironment, body: object, reason: str) -> None:
    response = env.http.post("/faults", json=body)
    assert response.status_code == 400
    assert reason in response.json()["error"]
    assert env.http.get("/faults").json() == {"faults": []}


def test_faults_happen_in_the_order_of_their_creation() -> None:
    pending = Faults(lambda: 0.5)
    pending.add(
        [
            Fault(operation="GetAccount", error="InternalFailure", count=1),
            Fault(operation="SendEmail", error="ConnectionReset", count=2),
            Fault(operation="*", error="TooManyRequestsException", probability=0.6),
            Fault(operation="*", error="MessageRejected", probability=0.4),
        ]
    )
    errors = [fault.error if (fault := pending.next("SendEmail")) else None for _ in range(3)]
    assert errors == ["ConnectionReset", "ConnectionReset", "TooManyRequestsException"]
    assert pending.pending()[0].error == "InternalFailure"


def test_a_fault_below_its_probability_does_not_happen() -> None:
    pending = Faults(lambda: 0.5)
    pending.add([Fault(operation="*", error="MessageRejected", probability=0.5)])
    assert pending.next("SendEmail") is None


def test_a_fault_without_a_message_has_sess_text() -> None:
    (fault,) = parse_faults(b'[{"operation": "*", "error": "TooManyRequestsException", "count": 1}]')
    assert (fault.ses_error().status, fault.ses_error().reason) == (429, "Maximum sending rate exceeded.")
