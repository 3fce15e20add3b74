"""The edge to SQS: sends SNS's messages to the functions' queues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from mailbus.aws.sessions import error_code

if TYPE_CHECKING:
    from types_boto3_sqs.client import SQSClient

# JSON may contain these characters, an SQS message may not. They only occur in JSON strings, where they can
# be escaped (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html).
_ESCAPES: Final = {0xFFFE: r"\ufffe", 0xFFFF: r"\uffff"}


class Queues:
    """Sends to a queue by its URL."""

    def __init__(self, client: SQSClient) -> None:
        self._client = client

    def send(self, url: str, body: str) -> str | None:
        """Send JSON to a queue; return the error code of AWS or botocore, None on success."""
        try:
            self._client.send_message(QueueUrl=url, MessageBody=body.translate(_ESCAPES))
        except (BotoCoreError, ClientError) as error:
            return error_code(error)
        return None
