"""A job inside another service's message is refused with the way to take it out."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from mailbus.errors import InvalidJob
from mailbus.jobs.parsing import parse_job
from mailbus.jobs.queue_message import to_message
from tests.unit.mailbus.jobs.example_documents import SQS_ID, WELCOME

BODY = json.dumps(WELCOME)
EVENT = {
    "version": "0",
    "id": "5c24a45e-3ea7-4a3f-9a55-7f4a4b6a2f0d",
    "detail-type": "OrderPlaced",
    "source": "com.example.shop",
    "account": "111122223333",
    "time": "2026-11-22T12:00:00Z",
    "region": "eu-west-1",
    "resources": [],
    "detail": WELCOME,
}
NOTIFICATION = {
    "Type": "Notification",
    "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
    "TopicArn": "arn:aws:sns:eu-west-1:111122223333:jobs",
    "Message": BODY,
    "Timestamp": "2026-11-22T12:00:00.000Z",
    "SignatureVersion": "1",
    "Signature": "EXAMPLE",
    "SigningCertURL": "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0.pem",
    "UnsubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe",
}
SQS_RECORD = {
    "messageId": "059f36b4-87a3-44ab-83d2-661975830a7d",
    "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
    "body": BODY,
    "attributes": {"ApproximateReceiveCount": "1"},
    "messageAttributes": {},
    "eventSource": "aws:sqs",
    "eventSourceARN": "arn:aws:sqs:eu-west-1:111122223333:orders",
    "awsRegion": "eu-west-1",
}
WRAPPED: dict[str, tuple[object, str]] = {
    "an EventBridge event": (EVENT, "EventBridge event: use its `$.detail` as the target's input"),
    "an EventBridge event of a pipe": ([EVENT], "EventBridge event"),
    "SNS's envelope": (NOTIFICATION, "this is an SNS envelope: turn on raw message delivery"),
    "a message of ReceiveMessage": (
        {"MessageId": "1", "ReceiptHandle": "2", "MD5OfBody": "3", "Body": BODY},
        "send its `Body`",
    ),
    "an event of SQS": ({"Records": [SQS_RECORD]}, "Lambda event of SQS: send the `body` of each record"),
    "records of a pipe": ([SQS_RECORD], "this is a record of SQS: send its `body`"),
    "an event of SNS": (
        {"Records": [{"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": NOTIFICATION}]},
        "send the `Sns.Message` of each record",
    ),
    "an event notification of S3": (
        {"Records": [{"eventSource": "aws:s3", "s3": {"bucket": {"name": "b"}, "object": {"key": "k"}}}]},
        'send {"job_id": …, "content_ref": {"bucket": …, "key": …}}',
    ),
    "S3's test": (
        {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "example", "RequestId": "1"},
        "S3's test message",
    ),
    "another service's records": ({"Records": [{"eventSource": "aws:dynamodb"}]}, "an event with `Records`"),
    "records of nothing": ({"Records": []}, "an event with `Records`"),
    "a request of an HTTP API": (
        {"version": "2.0", "routeKey": "POST /mail", "requestContext": {}, "body": BODY},
        "request of API Gateway (Lambda proxy): send its `body`",
    ),
    "a request of a REST API": (
        {"resource": "/mail", "httpMethod": "POST", "requestContext": {}, "body": BODY},
        "send its `body`",
    ),
    "a destination's record": (
        {"version": "1.0", "requestContext": {}, "requestPayload": {}, "responsePayload": WELCOME},
        "send its `responsePayload`",
    ),
    "a call of SendMessage": ({"QueueUrl": "https://…", "MessageBody": BODY}, "send its `MessageBody`"),
    "a CloudEvent": ({"specversion": "1.0", "type": "x", "source": "y", "data": WELCOME}, "send its `data`"),
    "JSON in a JSON string": (BODY, "the job was encoded twice; encode it once"),
    "several jobs": ([WELCOME, WELCOME], "send each job as a message of its own"),
    "no jobs": ([], "must be an object, not an array"),
    "a text": ("Hello", "must be an object, not a string"),
    "a number": (17, "must be an object, not an integer"),
}


@pytest.mark.parametrize(("document", "reason"), WRAPPED.values(), ids=WRAPPED)
def test_the_reason_names_the_wrapping_and_where_the_job_is(document: object, reason: str) -> None:
    with pytest.raises(InvalidJob) as refused:
        parse_job(json.dumps(document), SQS_ID)
    assert refused.value.path == "$"
    assert reason in refused.value.reason


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (
            "\ufeff" + BODY,
            "begins with the invisible character U+FEFF (zero width no-break space), a byte order",
        ),
        (base64.b64encode(BODY.encode()).decode(), "it is base64 of JSON; send the JSON itself"),
        (base64.b64encode(json.dumps(WELCOME, indent=1).encode()).decode(), "it is base64 of JSON"),
        (base64.urlsafe_b64encode(BODY.encode()).decode().rstrip("=") + "\n", "it is base64 of JSON"),
        ("eyJ or anything else", "is not valid JSON"),
    ],
)
def test_json_in_another_encoding_is_recognized(body: str, reason: str) -> None:
    with pytest.raises(InvalidJob, match=r"^\$: ") as refused:
        parse_job(body, SQS_ID)
    assert reason in refused.value.reason


@pytest.mark.parametrize("document", [EVENT, NOTIFICATION])
def test_the_client_refuses_what_the_sender_refuses(document: dict[str, Any]) -> None:
    with pytest.raises(InvalidJob, match=r"^\$: this is an (EventBridge event|SNS envelope): "):
        to_message(document)
