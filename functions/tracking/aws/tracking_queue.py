"""The edge to the function's own queue: when a requeued record is delivered again."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from types_boto3_sqs.client import SQSClient

    from mailbus.aws.sqs import Record


class TrackingQueue:
    """Delays records of one queue."""

    def __init__(self, client: SQSClient, url: str) -> None:
        self._client = client
        self._url = url

    def delay(self, record: Record, seconds: float) -> bool:
        """Delay a record's next delivery; False if that fails and the queue's visibility timeout applies."""
        try:
            self._client.change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=record.receipt_handle, VisibilityTimeout=math.ceil(seconds)
            )
        except (ClientError, BotoCoreError):
            return False
        return True
