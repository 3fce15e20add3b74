"""Recognizes jobs inside messages of other services, so that the error says how to send the job alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mailbus.characters import named
from mailbus.jobs.json_paths import refuse

if TYPE_CHECKING:
    from typing import Final

_EACH: Final = "send {} of each record as a message of its own"
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-services.html: in the records of events for functions
_RECORDS: Final[dict[str, str]] = {
    "aws:sqs": "this is a Lambda event of SQS: " + _EACH.format("the `body`"),
    "aws:sns": "this is a Lambda event of SNS: " + _EACH.format("the `Sns.Message`"),
    "aws:s3": 'this is an S3 event notification: send {"job_id": …, "content_ref": {"bucket": …, "key": …}} '
    "for the object that has the job",
}
_OTHER_RECORDS: Final = "this is an event with `Records`: send the job in each record as a message of its own"

# `{` and a quote, a space or a line break in base64, in which libraries for task queues send their messages
_BASE64_OBJECT: Final = re.compile(r"(?:eyJ|eyA|ewo|ew0)[A-Za-z0-9+/_-]+={0,2}")

# the names that a message of a service always has, and the reason
_MESSAGES: Final[tuple[tuple[frozenset[str], str], ...]] = (
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html
    (
        frozenset({"detail-type", "detail"}),
        "this is an EventBridge event: use its `$.detail` as the target's input",
    ),
    # https://docs.aws.amazon.com/sns/latest/dg/sns-large-payload-raw-message-delivery.html
    (
        frozenset({"Type", "MessageId", "TopicArn", "Message"}),
        "this is an SNS envelope: turn on raw message delivery of the queue's subscription",
    ),
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Message.html, and from Lambda
    (frozenset({"MessageId", "ReceiptHandle", "Body"}), "this is a message of SQS: send its `Body`"),
    (frozenset({"messageId", "receiptHandle", "body"}), "this is a record of SQS: send its `body`"),
    (frozenset({"QueueUrl", "MessageBody"}), "this is a call of SQS's SendMessage: send its `MessageBody`"),
    # https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    (
        frozenset({"requestContext", "requestPayload"}),
        "this is the record of a Lambda destination: send its `responsePayload`",
    ),
    # of API Gateway, a function URL and a load balancer:
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
    (
        frozenset({"requestContext", "body"}),
        "this is a request of API Gateway (Lambda proxy): send its `body`, from base64 if it is",
    ),
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
    (
        frozenset({"Service", "Event", "Bucket"}),
        "this is S3's test message, which a new event notification sends once; delete it",
    ),
    # https://github.com/cloudevents/spec/blob/main/cloudevents/formats/json-format.md
    (frozenset({"specversion", "data"}), "this is a CloudEvent: send its `data`"),
)
_NAMES: Final = frozenset({"Records"}.union(*(names for names, _ in _MESSAGES)))


def refuse_encoded(body: str) -> None:
    """Raise `InvalidJob` if a body is JSON in base64, or with a byte order mark."""
    if body.startswith("\ufeff"):
        refuse("$", f"is not valid JSON: it begins with {named(body[0])}, a byte order mark; send it without")
    if _BASE64_OBJECT.fullmatch(body.strip()):
        refuse("$", "is not valid JSON: it is base64 of JSON; send the JSON itself")


def refuse_wrapped(document: object) -> None:
    """Raise `InvalidJob` if a document is another service's message, which may have a job inside."""
    if isinstance(document, str) and document.lstrip().startswith("{"):
        refuse("$", "this is JSON in a JSON string: the job was encoded twice; encode it once")
    if isinstance(document, list):
        if document and isinstance(document[0], dict):
            refuse_wrapped(document[0])
        refuse("$", "must be an object, not an array; send each job as a message of its own")
    if not isinstance(document, dict) or _NAMES.isdisjoint(document):
        return
    records = document.get("Records")
    if isinstance(records, list):
        refuse("$", _reason_of_records(records))
    for names, reason in _MESSAGES:
        if names <= document.keys():
            refuse("$", reason)


def _reason_of_records(records: list[object]) -> str:
    first = records[0] if records else None
    source = first.get("eventSource", first.get("EventSource")) if isinstance(first, dict) else None
    return _RECORDS.get(str(source), _OTHER_RECORDS)
