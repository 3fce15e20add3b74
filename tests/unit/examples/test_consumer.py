"""The example of a consumer: what it notes, ignores and refuses."""

from __future__ import annotations

import io
import json
import uuid
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from aws_lambda_powertools import Logger
from botocore.exceptions import ClientError
from botocore.stub import ANY, Stubber

from examples.subscriptions.consumer import Note, Notes, Wiring, consume, note_of
from mailbus.errors import InvalidEvent
from mailbus.events import parse

if TYPE_CHECKING:
    from collections.abc import Iterator

EVENT_ID = "9b2f6c0d1e8a4f7b9b2f6c0d1e8a4f7b"
TABLE = "mail-subscriptions-Notes"
AT = "2026-11-22T10:00:00+00:00"


def event(event_type: str, **detail: Any) -> dict[str, Any]:
    """Return a whole event of the bus."""
    return {
        "version": "0",
        "id": "3d1f6a52-5b0e-4b8c-9a57-2f4d1f5f9a11",
        "detail-type": f"email.{event_type}",
        "source": "mailbus",
        "account": "111122223333",
        "time": "2026-11-22T10:00:00Z",
        "region": "eu-west-1",
        "resources": [],
        "detail": {
            "event_type": event_type,
            "event_id": EVENT_ID,
            "timestamp": "2026-11-22T10:00:00.000000Z",
            "job_id": "order-1001",
            "recipient": "Ann@Example.COM",
            **detail,
        },
    }


@pytest.mark.parametrize(
    ("received", "about"),
    [
        (
            event("bounced", reject_reason="bounced", bounce={"type": "Permanent"}),
            "address#Ann@example.com",
        ),
        (event("complained", reject_reason="spam"), "address#Ann@example.com"),
        (event("complained", reject_reason="spam", recipient_ambiguous=True), "address#Ann@example.com"),
        (event("clicked", bot="unlikely"), "job#order-1001"),
        (event("clicked"), "job#order-1001"),
        (event("failed", error_code="Expired"), "job#order-1001"),
        (event("failed", error_code="RenderingFailure"), "job#order-1001"),
        (event("rejected", error_code="MessageRejected"), "job#order-1001"),
    ],
)
def test_bounces_complaints_failures_and_clicks_are_noted_by_address_or_job(
    received: dict[str, Any], about: str
) -> None:
    kind = received["detail"]["event_type"]
    assert note_of(parse(received)) == Note(about=about, what=f"{kind}#{EVENT_ID}", at=AT)


@pytest.mark.parametrize(
    "received",
    [
        event("bounced", reject_reason="bounced", bounce={"type": "Transient"}),
        event("bounced", reject_reason="unsubscribed", bounce={"type": "Permanent"}),
        event("bounced", reject_reason="blocked", bounce={"type": "Permanent"}),
        event("bounced", reject_reason="bounced", bounce={"type": "Permanent"}, recipient=None),
        event("bounced"),
        event("autoresponded", bounce={"type": "Transient", "sub_type": "General"}),
        event("failed", error_code="JobIdConflict"),
        event("failed", error_code="InvalidJob", job_id=None),
        event("complained", reject_reason=None),
        event("clicked", bot="likely"),
        event("clicked", job_id=None),
        event("opened"),
        event("unknown"),
        event("inbound", recipient=None),
    ],
)
def test_other_events_and_those_without_recipient_or_job_are_not_noted(received: dict[str, Any]) -> None:
    assert note_of(parse(received)) is None


class Dynamo:
    """The consumer with a stubbed client that has its answers in order, and a log that can be read."""

    def __init__(self) -> None:
        client: Any = boto3.client(
            "dynamodb", region_name="eu-west-1", aws_access_key_id="test", aws_secret_access_key="test"
        )
        self.client = client
        self.stub = Stubber(client)
        self.stub.activate()
        self._log = io.StringIO()
        # loggers of one service share their stream
        log = Logger(service=f"consumer-{uuid.uuid4().hex}", stream=self._log)
        self.wiring = Wiring(notes=Notes(client, TABLE), log=log)

    @property
    def logged(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._log.getvalue().splitlines()]

    def accepts_item(self, about: str, what: str) -> None:
        item = {"about": {"S": about}, "what": {"S": what}, "at": {"S": AT}}
        wanted = {"TableName": TABLE, "Item": item, "ConditionExpression": "attribute_not_exists(about)"}
        self.stub.add_response("put_item", {}, wanted)

    def fails_with(self, code: str) -> None:
        self.stub.add_client_error(
            "put_item", code, expected_params={"TableName": TABLE, "Item": ANY, "ConditionExpression": ANY}
        )


@pytest.fixture
def dynamo() -> Iterator[Dynamo]:
    made = Dynamo()
    yield made
    made.stub.assert_no_pending_responses()
    made.client.close()


def test_a_repeated_event_is_noted_once_and_no_address_logged(dynamo: Dynamo) -> None:
    bounced = event("bounced", reject_reason="bounced", bounce={"type": "Permanent"})
    dynamo.accepts_item("address#Ann@example.com", f"bounced#{EVENT_ID}")
    dynamo.fails_with("ConditionalCheckFailedException")

    consume(bounced, dynamo.wiring)
    consume({**bounced, "replay-name": "mailbus-prod-20261122T120000"}, dynamo.wiring)

    assert [line["message"] for line in dynamo.logged] == ["noted", "repeated"]
    assert "@example" not in json.dumps(dynamo.logged).lower()


def test_an_error_of_the_table_is_raised_so_that_lambda_retries(dynamo: Dynamo) -> None:
    dynamo.fails_with("ThrottlingException")
    with pytest.raises(ClientError, match="ThrottlingException"):
        consume(event("complained", reject_reason="spam"), dynamo.wiring)


@pytest.mark.parametrize(
    "received",
    [
        {},
        {"detail": None},
        {"source": "aws.ses", "detail-type": "Email Bounced", "detail": {"eventType": "Bounce"}},
        event("bounced", event_id=None),
        event("bounced", bounce="Permanent"),
        event("teleported"),
    ],
)
def test_an_invalid_event_is_refused_and_its_content_not_logged(
    dynamo: Dynamo, received: dict[str, Any]
) -> None:
    with pytest.raises(InvalidEvent):
        consume(received, dynamo.wiring)
    (line,) = dynamo.logged
    assert line["message"] == "event is not valid"
    assert "ann@" not in json.dumps(line).lower()
