"""A deployment as the client meets it: a queue with SQS's own limits, its tags, a bucket."""

from __future__ import annotations

import hashlib
import json
import re
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from mailbus.sqs_messages import MAX_MESSAGE_BYTES
from tests.unit.fakes.dynamodb import TABLE

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client
    from types_boto3_sqs.client import SQSClient

QUEUE = "https://sqs.eu-west-1.amazonaws.com/210987654321/mailbus-prod-send"
BUCKET = "mailbus-prod-jobs-210987654321"
TAGS = {"mailbus:stage": "prod", "mailbus:jobs-bucket": BUCKET, "mailbus:ledger-table": TABLE}
MOST_ENTRIES = 10
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
REFUSED = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def refusal(code: str, status: int = 400, message: str = "refused") -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item] # what is read of it
        "SendMessageBatch",
    )


class Queue:
    """SQS. `outages` fail whole calls; `verdicts` fail entries, by call and place: code, sender's fault."""

    meta = SimpleNamespace(endpoint_url="https://sqs.eu-west-1.amazonaws.com")

    def __init__(self, tags: dict[str, str] | None = None) -> None:
        self.tags = TAGS if tags is None else tags
        self.outages: list[Exception] = []
        self.verdicts: list[dict[int, tuple[str, bool]]] = []
        self.bodies: list[str] = []
        self.calls: list[int] = []
        self.lookups = 0
        self.silent = False

    @property
    def client(self) -> SQSClient:
        return cast("SQSClient", self)

    @property
    def jobs(self) -> list[dict[str, Any]]:
        return [json.loads(body) for body in self.bodies]

    def send_message(self, *, QueueUrl: str, MessageBody: str) -> dict[str, str]:  # noqa: N803 - AWS's names
        self._begin(QueueUrl, [MessageBody])
        return {"MessageId": self._take(MessageBody)}

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803 - AWS's names
        self._begin(QueueUrl, [entry["MessageBody"] for entry in Entries])
        assert len({entry["Id"] for entry in Entries}) == len(Entries) <= MOST_ENTRIES
        verdict = self.verdicts.pop(0) if self.verdicts else {}
        answer: dict[str, list[dict[str, Any]]] = {"Successful": [], "Failed": []}
        if self.silent:
            return {}
        for place, entry in enumerate(Entries):
            if place in verdict:
                code, fault = verdict[place]
                failed = {"Id": entry["Id"], "Code": code, "SenderFault": fault, "Message": "planned"}
                answer["Failed"].append(failed)
            else:
                message_id = self._take(entry["MessageBody"])
                answer["Successful"].append({"Id": entry["Id"], "MessageId": message_id})
        # SQS leaves an empty list out
        return {name: entries for name, entries in answer.items() if entries}

    def list_queue_tags(self, *, QueueUrl: str) -> dict[str, Any]:  # noqa: N803 - AWS's name
        self._begin(QueueUrl, [])
        self.lookups += 1
        return {"Tags": self.tags} if self.tags else {}

    def _begin(self, url: str, bodies: list[str]) -> None:
        assert url == QUEUE
        if bodies:
            self.calls.append(len(bodies))
        if self.outages:
            raise self.outages.pop(0)
        if sum(len(body.encode()) for body in bodies) > MAX_MESSAGE_BYTES:
            code = "AWS.SimpleQueueService.BatchRequestTooLong"
            raise refusal(code)
        if any(REFUSED.search(body) for body in bodies):
            code = "InvalidMessageContents"
            raise refusal(code)

    def _take(self, body: str) -> str:
        self.bodies.append(body)
        return f"message-{len(self.bodies)}"


class Bucket:
    """S3, for one bucket; `outage` fails every call."""

    def __init__(self) -> None:
        self.outage: Exception | None = None
        self.objects: dict[str, bytes] = {}

    @property
    def client(self) -> S3Client:
        return cast("S3Client", self)

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str) -> dict[str, str]:  # noqa: N803 - AWS's names
        assert (Bucket, ContentType) == (BUCKET, "application/json")
        if self.outage is not None:
            raise self.outage
        self.objects[Key] = Body
        return {"ETag": hashlib.md5(Body, usedforsecurity=False).hexdigest()}
