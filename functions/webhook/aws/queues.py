"""The edge to SQS: puts SNS's messages on the functions' queues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from mailbus.aws.sessions import error_code

if TYPE_CHECKING:
    from types_boto3_sqs.client import SQSClient

# JSON may hold these as they are, a queue not: in a string of JSON, the one place for them, they can be
# written otherwise (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html).
_REFUSED: Final = {0xFFFE: r"\ufffe", 0xFFFF: r"\uffff"}


class Queues:
    """Sends to whatever queue it is told."""

    def __init__(self, client: SQSClient) -> None:
        self._client = client

    def put(self, url: str, body: str) -> str | None:
        """Put JSON on a queue; a failure's code is AWS's, or botocore's own, and None is none."""
        try:
            self._client.send_message(QueueUrl=url, MessageBody=body.translate(_REFUSED))
        except (BotoCoreError, ClientError) as error:
            return error_code(error)
        return None
