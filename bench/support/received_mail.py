"""The SNS notification of a received mail, and an S3 client that has it in a file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from botocore.response import StreamingBody

if TYPE_CHECKING:
    from pathlib import Path

TOPIC: Final = "arn:aws:sns:eu-west-1:000000000000:mailbus-inbound"
BUCKET: Final = "mailbus-inbound-000000000000"
MESSAGE_ID: Final = "o3vrnil0e2ic28trm7dfhrc2v0clambda4nbp0g1"
KEY: Final = f"raw/{MESSAGE_ID}"
# https://docs.aws.amazon.com/ses/latest/dg/receiving-email-notifications-contents.html
RECEIVED: Final = {
    "notificationType": "Received",
    "mail": {
        "timestamp": "2026-11-22T09:00:02.123Z",
        "source": "jane@example.net",
        "messageId": MESSAGE_ID,
        "destination": ["support@inbound.example.com"],
        "headersTruncated": True,
    },
    "receipt": {
        "timestamp": "2026-11-22T09:00:02.123Z",
        "processingTimeMillis": 2574,
        "recipients": ["support@inbound.example.com"],
        **{f"{check}Verdict": {"status": "PASS"} for check in ("spam", "virus", "spf", "dkim", "dmarc")},
        "action": {"type": "S3", "topicArn": TOPIC, "bucketName": BUCKET, "objectKey": KEY},
    },
}
ENVELOPE: Final = {
    "Type": "Notification",
    "MessageId": "8f6dee70-c885-558a-be7d-bd48bbf5335e",
    "TopicArn": TOPIC,
    "Subject": "Amazon SES Email Receipt Notification",
    "Message": json.dumps(RECEIVED),
    "Timestamp": "2026-11-22T09:00:05.111Z",
    "SignatureVersion": "2",
}


class FileS3:
    """An S3 client with one mail, which is a file; what is written is only counted."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.written = 0

    def get_object(self, **_: object) -> dict[str, Any]:
        """Return the mail for every key."""
        size = self._path.stat().st_size
        body = StreamingBody(self._path.open("rb"), size)
        return {"ContentLength": size, "Metadata": {}, "Body": body}

    def put_object(self, *, Body: bytes, **_: object) -> None:  # noqa: N803 - AWS's name
        """Count the bytes."""
        self.written += len(Body)

    def close(self) -> None:
        """Do nothing; django-anymail closes its client."""
