"""The edge to SQS: sends SNS's messages to the functions' queues."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from mailbus.aws.sessions import error_code
from mailbus.sqs_messages import escape_json

if TYPE_CHECKING:
    from types_boto3_sqs.client import SQSClient


class Queues:
    """Sends to a queue by its URL."""

    def __init__(self, client: SQSClient) -> None:
        self._client = client

    def send(self, url: str, body: str) -> str | None:
        """Send JSON to a queue; return the error code of AWS or botocore, None on success."""
        try:
            self._client.send_message(QueueUrl=url, MessageBody=escape_json(body))
        except (BotoCoreError, ClientError) as error:
            return error_code(error)
        return None
