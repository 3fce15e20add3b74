"""The dead-letter queue of a function: what can never succeed goes there, with its reason.

SQS's own redrive moves a message without saying why. What a function knows to be hopeless it
moves itself, the body unchanged, so that it can be mended and sent again.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from mailbus.aws.sqs import ORIGINAL_ID_ATTRIBUTE, PART_ATTRIBUTE
from mailbus.errors import InvalidJob, MailbusError, PublishError, SendError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from types_boto3_sqs.client import SQSClient
    from types_boto3_sqs.type_defs import MessageAttributeValueTypeDef

    from mailbus.aws.sqs import Record

REASON_CHARACTERS: Final = 1000
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
MESSAGE_BYTES: Final = 1024 * 1024
# Beside a large body there is no room for all. Without its number a part would pass for the whole job when it
# is sent again, and without its first id a job that has none of its own for another one.
MOST_NEEDED_FIRST: Final = (PART_ATTRIBUTE, ORIGINAL_ID_ATTRIBUTE, "Error", "Code", "Path", "Reason")
TYPES: Final = {PART_ATTRIBUTE: "Number"}
TEXT: Final = "String"
_REFUSED: Final = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def attributes(error: MailbusError, message_id: str) -> dict[str, str]:
    """Describe an error: `Error` (its class), `Reason`, `OriginalMessageId`; `Path` or `Code` where known."""
    described = {
        "Error": type(error).__name__,
        "Reason": _sendable(str(error)),
        ORIGINAL_ID_ATTRIBUTE: message_id,
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

    def send(self, record: Record, error: MailbusError) -> None:
        """Keep a record with the reason why it failed; the caller then acknowledges the original.

        What `send_message` raises passes through: the caller gives the record back to its queue, and
        SQS moves it here in the end, without a reason. What of the attributes does not fit beside the
        body is left out. A record that was here before keeps the message id that it had first.
        """
        described = attributes(error, record.original_message_id)
        if record.part is not None:
            described[PART_ATTRIBUTE] = str(record.part)
        self._client.send_message(
            QueueUrl=self._url,
            MessageBody=record.body,
            MessageAttributes=_fitting(described, MESSAGE_BYTES - len(record.body.encode())),
        )


def _fitting(described: Mapping[str, str], room: int) -> dict[str, MessageAttributeValueTypeDef]:
    """Take as many attributes as `room` bytes hold: names, types and values all count."""
    fitting: dict[str, MessageAttributeValueTypeDef] = {}
    for name in MOST_NEEDED_FIRST:
        value, kind = described.get(name), TYPES.get(name, TEXT)
        size = len(name) + len(kind) + len((value or "").encode())
        if value is not None and size <= room:
            fitting[name] = {"DataType": kind, "StringValue": value}
            room -= size
    return fitting
