"""The edge to the tracking queue: how many of SES's reports are on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from mailbus.aws import sessions
from mailbus.errors import SendError

if TYPE_CHECKING:
    from types_boto3_sqs.client import SQSClient
    from types_boto3_sqs.literals import QueueAttributeNameType

# those that wait, that a worker has, and that are delayed
COUNTS: Final[tuple[QueueAttributeNameType, ...]] = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


class TrackingQueue:
    """Counts the messages of one queue."""

    def __init__(self, client: SQSClient, url: str) -> None:
        self._client = client
        self._url = url

    def is_empty(self) -> bool:
        """Return whether no report is on the queue; a retryable `SendError` if SQS does not answer."""
        try:
            answer = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=COUNTS)
        except (ClientError, BotoCoreError) as error:
            reason = "the tracking queue could not be read"
            raise SendError(sessions.error_code(error), reason, retryable=True) from error
        return not any(int(answer["Attributes"][name]) for name in COUNTS)
