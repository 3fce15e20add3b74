"""The edge to the function's own queue: when a record that goes back comes again."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from types_boto3_sqs.client import SQSClient

    from mailbus.aws.sqs import Record


class TrackingQueue:
    """Hides records of one queue."""

    def __init__(self, client: SQSClient, url: str) -> None:
        self._client = client
        self._url = url

    def hide(self, record: Record, seconds: float) -> bool:
        """Hide a record for so long; where that fails, false: the queue's own visibility timeout holds."""
        try:
            self._client.change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=record.receipt_handle, VisibilityTimeout=math.ceil(seconds)
            )
        except (ClientError, BotoCoreError):
            return False
        return True
