"""The edge to the function's own queue: when requeued records are delivered again."""

from __future__ import annotations

import contextlib
import math
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from mailbus.chunks import chunked
from mailbus.sqs_messages import MAX_CALL_MESSAGES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from types_boto3_sqs.client import SQSClient

    from mailbus.aws.sqs import Record


class TrackingQueue:
    """Delays records of one queue."""

    def __init__(self, client: SQSClient, url: str) -> None:
        self._client = client
        self._url = url

    def delay(self, delays: Iterable[tuple[Record, float]]) -> None:
        """Delay the next delivery of records; where that fails, the queue's visibility timeout applies."""
        for call in chunked(delays, MAX_CALL_MESSAGES):
            with contextlib.suppress(ClientError, BotoCoreError):
                self._client.change_message_visibility_batch(
                    QueueUrl=self._url,
                    Entries=[
                        {
                            "Id": str(number),
                            "ReceiptHandle": record.receipt_handle,
                            "VisibilityTimeout": math.ceil(seconds),
                        }
                        for number, (record, seconds) in enumerate(call)
                    ],
                )
