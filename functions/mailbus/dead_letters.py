"""The dead-letter queue of a function: what can never succeed goes there, with its reason.

SQS's own redrive moves a message without saying why. What a function knows to be hopeless it
moves itself, the body unchanged, so that it can be mended and sent again.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from mailbus.errors import InvalidJob, MailbusError, PublishError, SendError
from mailbus.sqs import PART_ATTRIBUTE

if TYPE_CHECKING:
    from types_boto3_sqs.client import SQSClient
    from types_boto3_sqs.type_defs import MessageAttributeValueTypeDef

    from mailbus.sqs import Record

REASON_CHARACTERS: Final = 1000
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
MESSAGE_BYTES: Final = 1024 * 1024
# two texts of `REASON_CHARACTERS`, at most 4 bytes a character, and all names and types
ATTRIBUTE_BYTES: Final = 9 * 1024
_REFUSED: Final = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def attributes(error: MailbusError, message_id: str) -> dict[str, str]:
    """Describe an error: `Error` (its class), `Reason`, `OriginalMessageId`; `Path` or `Code` where known."""
    described = {
        "Error": type(error).__name__,
        "Reason": _sendable(str(error)),
        "OriginalMessageId": message_id,
    }
    match error:
        case InvalidJob():
            described["Path"] = _sendable(error.path)
        case SendError() | PublishError():
            described["Code"] = _sendable(error.code)
        case _:
            pass
    return described


def _sendable(text: str) -> str:
    """Keep to the characters that SQS takes, and to a bounded length; never empty.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
    """
    return _REFUSED.sub(" ", text)[:REASON_CHARACTERS] or "unknown"


class DeadLetterQueue:
    """Moves records to one queue."""

    def __init__(self, client: SQSClient, url: str) -> None:
        self._client = client
        self._url = url

    def put(self, record: Record, error: MailbusError) -> None:
        """Keep a record with the reason why it failed; the caller then acknowledges the original.

        What `send_message` raises passes through: the caller gives the record back to its queue, and
        SQS moves it here in the end, without a reason. A body that leaves no room for attributes
        goes without them.
        """
        described: dict[str, MessageAttributeValueTypeDef] = {
            name: {"DataType": "String", "StringValue": value}
            for name, value in attributes(error, record.message_id).items()
        }
        if len(record.body.encode()) > MESSAGE_BYTES - ATTRIBUTE_BYTES:
            described = {}
        if record.part is not None:
            # without its number a part would pass for the whole job when it is sent again
            described[PART_ATTRIBUTE] = {"DataType": "Number", "StringValue": str(record.part)}
        self._client.send_message(QueueUrl=self._url, MessageBody=record.body, MessageAttributes=described)
