"""The example of a consumer: what it notes, what it leaves, and what it refuses."""

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
    """A whole event of the bus."""
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
    ("told", "about"),
    [
        (
            event("bounced", reject_reason="bounced", bounce={"type": "Permanent"}),
            "address#Ann@example.com",
        ),
        (event("complained", reject_reason="spam"), "address#Ann@example.com"),
        (event("complained", reject_reason="spam", recipient_ambiguous=True), "address#Ann@example.com"),
        (event("clicked", bot="unlikely"), "job#order-1001"),
        (event("clicked"), "job#order-1001"),
    ],
)
def test_what_matters_is_noted_by_address_or_job(told: dict[str, Any], about: str) -> None:
    kind = told["detail"]["event_type"]
    assert note_of(parse(told)) == Note(about=about, what=f"{kind}#{EVENT_ID}", at=AT)


@pytest.mark.parametrize(
    "told",
    [
        event("bounced", reject_reason="bounced", bounce={"type": "Transient"}),
        event("bounced", reject_reason="unsubscribed", bounce={"type": "Permanent"}),
        event("bounced", reject_reason="blocked", bounce={"type": "Permanent"}),
        event("bounced", reject_reason="bounced", bounce={"type": "Permanent"}, recipient=None),
        event("bounced"),
        event("complained", reject_reason=None),
        event("clicked", bot="likely"),
        event("clicked", job_id=None),
        event("opened"),
        event("unknown"),
        event("inbound", recipient=None),
    ],
)
def test_what_does_not_matter_or_names_nobody_is_left_alone(told: dict[str, Any]) -> None:
    assert note_of(parse(told)) is None


class Dynamo:
    """The table's client, with the answers that it will give in order, and what the consumer logs."""

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

    def takes(self, about: str, what: str) -> None:
        item = {"about": {"S": about}, "what": {"S": what}, "at": {"S": AT}}
        wanted = {"TableName": TABLE, "Item": item, "ConditionExpression": "attribute_not_exists(about)"}
        self.stub.add_response("put_item", {}, wanted)

    def refuses(self, code: str) -> None:
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
    told = event("bounced", reject_reason="bounced", bounce={"type": "Permanent"})
    dynamo.takes("address#Ann@example.com", f"bounced#{EVENT_ID}")
    dynamo.refuses("ConditionalCheckFailedException")

    consume(told, dynamo.wiring)
    consume({**told, "replay-name": "mailbus-prod-20261122T120000"}, dynamo.wiring)

    assert [line["message"] for line in dynamo.logged] == ["noted", "repeated"]
    assert "@example" not in json.dumps(dynamo.logged).lower()


def test_a_table_that_does_not_answer_leaves_the_event_to_be_tried_again(dynamo: Dynamo) -> None:
    dynamo.refuses("ThrottlingException")
    with pytest.raises(ClientError, match="ThrottlingException"):
        consume(event("complained", reject_reason="spam"), dynamo.wiring)


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"detail": None},
        {"source": "aws.ses", "detail-type": "Email Bounced", "detail": {"eventType": "Bounce"}},
        event("bounced", event_id=None),
        event("bounced", bounce="Permanent"),
        event("teleported"),
    ],
)
def test_what_is_no_event_of_mailbus_is_refused_and_nothing_of_it_logged(
    dynamo: Dynamo, told: dict[str, Any]
) -> None:
    with pytest.raises(InvalidEvent):
        consume(told, dynamo.wiring)
    (line,) = dynamo.logged
    assert line["message"] == "not read"
    assert "ann@" not in json.dumps(line).lower()
