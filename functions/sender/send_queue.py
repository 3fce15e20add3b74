"""The edge to the send queue: gives a job back for later."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from types_boto3_sqs.client import SQSClient

    from mailbus.sqs import Record


class SendQueue:
    """The queue that the function is fed from."""

    def __init__(self, client: SQSClient, url: str) -> None:
        self._client = client
        self._url = url

    def give_back(self, record: Record, seconds: int) -> bool:
        """Hide a job until it is due; false where SQS did not, and the queue's own timeout holds."""
        try:
            self._client.change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=record.receipt_handle, VisibilityTimeout=seconds
            )
        except (ClientError, BotoCoreError):
            return False
        return True
