from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.mailbus_local.simulated_ses import SesEnvironment

CARLA = "carla@customer.example"


def listed(env: SesEnvironment, **request: Any) -> list[str]:
    answer = env.sesv2.list_suppressed_destinations(**request)
    return [summary["EmailAddress"] for summary in answer["SuppressedDestinationSummaries"]]


def test_an_address_is_put_on_the_list_found_and_removed(env: SesEnvironment) -> None:
    env.sesv2.put_suppressed_destination(EmailAddress="carla@Customer.Example", Reason="BOUNCE")

    found = env.sesv2.get_suppressed_destination(EmailAddress=CARLA)["SuppressedDestination"]
    assert (found["EmailAddress"], found["Reason"], "Attributes" in found) == (CARLA, "BOUNCE", False)
    assert datetime.now(UTC) - found["LastUpdateTime"] < timedelta(minutes=1)
    env.sesv2.put_suppressed_destination(EmailAddress=CARLA, Reason="COMPLAINT")
    assert listed(env) == [CARLA]

    env.sesv2.delete_suppressed_destination(EmailAddress=CARLA)
    assert listed(env) == []


@pytest.mark.parametrize("operation", ["get_suppressed_destination", "delete_suppressed_destination"])
def test_an_address_that_is_not_on_the_list_is_an_error(env: SesEnvironment, operation: str) -> None:
    call: Callable[..., Any] = getattr(env.sesv2, operation)
    with pytest.raises(ClientError) as caught:
        call(EmailAddress=CARLA)
    error = caught.value.response["Error"]
    assert error["Code"] == "NotFoundException"
    assert error["Message"] == f"Email address {CARLA} does not exist on your suppression list."


def test_the_list_is_read_by_reason_by_time_and_in_pages(env: SesEnvironment) -> None:
    env.sesv2.put_suppressed_destination(EmailAddress="a@customer.example", Reason="BOUNCE")
    env.sesv2.put_suppressed_destination(EmailAddress="b@customer.example", Reason="COMPLAINT")
    env.sesv2.put_suppressed_destination(EmailAddress="c@customer.example", Reason="BOUNCE")

    assert listed(env, Reasons=["BOUNCE"]) == ["c@customer.example", "a@customer.example"]
    assert listed(env, StartDate=datetime.now(UTC) + timedelta(hours=1)) == []
    assert len(listed(env, EndDate=datetime.now(UTC) + timedelta(hours=1))) == 3
    first = env.sesv2.list_suppressed_destinations(PageSize=2)
    assert len(first["SuppressedDestinationSummaries"]) == 2
    assert listed(env, PageSize=2, NextToken=first["NextToken"]) == ["a@customer.example"]
    with pytest.raises(ClientError) as caught:
        listed(env, NextToken="x")
    assert caught.value.response["Error"]["Code"] == "InvalidNextTokenException"


def test_mail_to_an_address_that_bounced_before_is_accepted_and_bounces(env: SesEnvironment) -> None:
    env.publish_events("SEND", "DELIVERY", "BOUNCE", "COMPLAINT")
    env.sesv2.put_suppressed_destination(EmailAddress=CARLA, Reason="BOUNCE")

    env.send(CARLA, "dora@customer.example")

    events = {event["eventType"]: event for event in env.events(3)}
    assert events["Delivery"]["delivery"]["recipients"] == ["dora@customer.example"]
    bounce = events["Bounce"]["bounce"]
    assert (bounce["bounceType"], bounce["bounceSubType"]) == ("Permanent", "OnAccountSuppressionList")
    [recipient] = bounce["bouncedRecipients"]
    assert recipient["emailAddress"] == CARLA
    assert "suppression list for your account" in recipient["diagnosticCode"]


def test_mail_to_an_address_that_complained_before_is_reported_as_a_complaint(env: SesEnvironment) -> None:
    env.publish_events("DELIVERY", "BOUNCE", "COMPLAINT")
    env.sesv2.put_suppressed_destination(EmailAddress=CARLA, Reason="COMPLAINT")

    env.send(CARLA)

    [event] = env.events(1)
    assert event["complaint"]["complaintSubType"] == "OnAccountSuppressionList"
    assert event["complaint"]["complainedRecipients"] == [{"emailAddress": CARLA}]


def test_an_address_whose_reason_the_account_does_not_use_gets_its_mail(env: SesEnvironment) -> None:
    env.publish_events("DELIVERY", "BOUNCE", "COMPLAINT")
    env.sesv2.put_account_suppression_attributes(SuppressedReasons=["BOUNCE"])
    env.sesv2.put_suppressed_destination(EmailAddress=CARLA, Reason="COMPLAINT")
    assert env.get_account()["SuppressionAttributes"] == {"SuppressedReasons": ["BOUNCE"]}

    env.send(CARLA)

    [event] = env.events(1)
    assert event["eventType"] == "Delivery"


@pytest.mark.parametrize(
    ("body", "reasons"),
    [
        ({"event_type": "bounce"}, {CARLA: "BOUNCE"}),
        ({"event_type": "complaint"}, {CARLA: "COMPLAINT"}),
        ({"event_type": "bounce", "bounce_type": "Transient"}, {}),
        ({"event_type": "bounce", "recipient": "bounce@simulator.amazonses.com"}, {}),
    ],
)
def test_a_hard_bounce_or_a_complaint_puts_the_address_on_the_list(
    env: SesEnvironment, body: dict[str, str], reasons: dict[str, str]
) -> None:
    message_id = env.send(CARLA)
    assert env.http.post(f"/events/{message_id}", json=body).is_success

    found = env.sesv2.list_suppressed_destinations()["SuppressedDestinationSummaries"]
    assert {each["EmailAddress"]: each["Reason"] for each in found} == reasons
    if reasons:
        address = env.sesv2.get_suppressed_destination(EmailAddress=CARLA)["SuppressedDestination"]
        assert address["Attributes"]["MessageId"] == message_id
