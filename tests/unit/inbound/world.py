"""The inbound function with stand-ins for AWS, and SES's notification of a received mail."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from aws_lambda_powertools import Logger

from inbound.aws.kms import Keys
from inbound.aws.s3 import Bucket
from inbound.handler import Wiring
from mailbus.aws.dead_letters import DeadLetterQueue
from mailbus.aws.event_bus import EventBus
from mailbus.aws.sqs import Record
from mailbus.environment import InboundSettings
from mailbus.metrics import BatchMetrics
from tests.unit.fakes.clients import BUS, DEAD_LETTERS, FakeEvents, FakeSqs
from tests.unit.fakes.s3 import FakeS3

if TYPE_CHECKING:
    from collections.abc import Mapping

BUCKET = "mailbus-dev-inbound-210987654321"
TOPIC = "arn:aws:sns:eu-west-1:210987654321:mailbus-dev-inbound"
MESSAGE_ID = "o3vrnil0e2ic28trm7dfhrc2v0clambda4nbp0g1"
RAW_KEY = f"raw/{MESSAGE_ID}"
FOLDER = f"parts/{MESSAGE_ID}/"

SETTINGS = InboundSettings(
    event_bus_name=BUS,
    dead_letter_queue_url=DEAD_LETTERS,
    inbound_bucket_name=BUCKET,
    raw_prefix="raw/",
    parts_prefix="parts/",
    max_receives=10,
)


def in_bucket(objects: Mapping[str, bytes]) -> dict[tuple[str, str], bytes]:
    """Objects of the deployment's bucket, by their keys."""
    return {(BUCKET, key): content for key, content in objects.items()}


def bucket_in(s3: Any) -> Bucket:
    return Bucket(s3, BUCKET)


class World:
    """The function with stand-ins for all of AWS."""

    def __init__(
        self,
        raw: bytes | None = None,
        *,
        s3: FakeS3 | None = None,
        events: FakeEvents | None = None,
        sqs: FakeSqs | None = None,
        kms: Any = None,
    ) -> None:
        self.s3 = s3 or FakeS3(in_bucket({} if raw is None else {RAW_KEY: raw}))
        self.events = events or FakeEvents()
        self.sqs = sqs or FakeSqs()
        self.logged = io.StringIO()
        eventbridge: Any = self.events
        queue: Any = self.sqs
        self.wiring = Wiring(
            settings=SETTINGS,
            bucket=bucket_in(self.s3),
            keys=Keys(kms),
            bus=EventBus(eventbridge, BUS, sleep=lambda _: None),
            dead_letters=DeadLetterQueue(queue, DEAD_LETTERS),
            metrics=BatchMetrics("mailbus-dev-inbound"),
            log=Logger(service=f"inbound-{uuid4()}", stream=self.logged),
        )

    @property
    def details(self) -> list[dict[str, Any]]:
        """The details on the bus, as subscribers receive them."""
        return [json.loads(entry["Detail"]) for entry in self.events.taken]

    @property
    def detail(self) -> dict[str, Any]:
        (detail,) = self.details
        return detail

    def stored(self, key: str) -> bytes:
        return self.s3.objects[BUCKET, key]


def received(**changes: Any) -> dict[str, Any]:
    """SES's message for a mail in S3; `receipt__action__type` names the field inside that changes."""
    message: dict[str, Any] = {
        "notificationType": "Received",
        "mail": {
            "timestamp": "2026-11-18T08:00:02.123Z",
            "source": "bounce+4711@mail.example.org",
            "messageId": MESSAGE_ID,
            "destination": ["support@inbound.example.com", "someone@else.example"],
            "headersTruncated": False,
            "headers": [{"name": "Subject", "value": "never read from here"}],
            "commonHeaders": {"subject": "never read from here"},
        },
        "receipt": {
            "timestamp": "2026-11-18T08:00:02.987Z",
            "processingTimeMillis": 574,
            "recipients": ["support@inbound.example.com"],
            "spamVerdict": {"status": "PASS"},
            "virusVerdict": {"status": "PASS"},
            "spfVerdict": {"status": "GRAY"},
            "dkimVerdict": {"status": "PROCESSING_FAILED"},
            "dmarcVerdict": {"status": "FAIL"},
            "dmarcPolicy": "quarantine",
            "action": {
                "type": "S3",
                "topicArn": TOPIC,
                "bucketName": BUCKET,
                "objectKey": RAW_KEY,
            },
        },
    }
    for path, value in changes.items():
        *outer, last = path.split("__")
        inner = message
        for name in outer:
            inner = inner[name]
        if value is ABSENT:
            del inner[last]
        else:
            inner[last] = value
    return message


ABSENT = object()


def record(message: dict[str, Any] | str, *, receive_count: int = 1, message_id: str = "sqs-1") -> Record:
    """The SQS record of an SNS notification."""
    envelope = {
        "Type": "Notification",
        "MessageId": "8f6dee70-c885-558a-be7d-bd48bbf5335e",
        "TopicArn": TOPIC,
        "Subject": "Amazon SES Email Receipt Notification",
        "Message": message if isinstance(message, str) else json.dumps(message),
        "Timestamp": "2026-11-18T08:00:03.111Z",
        "SignatureVersion": "2",
    }
    return Record(
        message_id=message_id,
        receipt_handle=f"handle of {message_id}",
        body=json.dumps(envelope),
        receive_count=receive_count,
    )
