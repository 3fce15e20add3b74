"""The dead-letter queue of a function: records with a permanent error go there, with the reason.

SQS's own redrive moves a message without a reason. A record with a permanent error is sent there by the
function, the body unchanged, so that it can be fixed and sent again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypedDict

from mailbus.aws.sqs import ORIGINAL_ID_ATTRIBUTE, PART_ATTRIBUTE, QUEUE_ATTRIBUTE
from mailbus.errors import InvalidJob, MailbusError
from mailbus.sqs_messages import MAX_MESSAGE_BYTES, replace_refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from types_boto3_sqs.client import SQSClient
    from types_boto3_sqs.type_defs import MessageAttributeValueTypeDef

    from mailbus.aws.sqs import Record

REASON_CHARACTERS: Final = 1000
# A large body leaves no room for all attributes. When sent again, a part without its number would be taken
# for the whole job, and a job without an id of its own would be another job without its first id.
BY_PRIORITY: Final = (
    PART_ATTRIBUTE,
    ORIGINAL_ID_ATTRIBUTE,
    QUEUE_ATTRIBUTE,
    "Error",
    "Path",
    "Code",
    "Reason",
)
TYPES: Final = {PART_ATTRIBUTE: "Number"}
TEXT: Final = "String"


class _Group(TypedDict, total=False):
    MessageGroupId: str


def attributes(error: MailbusError, message_id: str) -> dict[str, str]:
    """Return an error's attributes: `Error` (its class), `Code`, `Reason`, `OriginalMessageId`, `Path`."""
    described = {
        "Error": type(error).__name__,
        "Code": _sendable(error.code),
        "Reason": _sendable(str(error)),
        ORIGINAL_ID_ATTRIBUTE: message_id,
    }
    if isinstance(error, InvalidJob):
        described["Path"] = _sendable(error.path)
    return described


def _sendable(text: str) -> str:
    """Return a text that SQS accepts, cut to `REASON_CHARACTERS`; never empty."""
    return replace_refused(text)[:REASON_CHARACTERS] or "unknown"


class DeadLetterQueue:
    """Sends records to one queue."""

    def __init__(self, client: SQSClient, url: str) -> None:
        self._client = client
        self._url = url

    def send(self, record: Record, error: MailbusError) -> None:
        """Send a record with the reason why it failed; the caller then deletes the original.

        Errors of `send_message` are raised: the caller requeues the record, and SQS moves it here in the end,
        without a reason. Attributes for which the message has no room are omitted. A redriven record keeps
        its first message id, and a tenant's its group.
        """
        described = attributes(error, record.original_message_id)
        if record.part is not None:
            described[PART_ATTRIBUTE] = str(record.part)
        if record.queue_arn:
            described[QUEUE_ATTRIBUTE] = record.queue_arn
        group: _Group = {"MessageGroupId": record.group_id} if record.group_id else {}
        self._client.send_message(
            QueueUrl=self._url,
            MessageBody=record.body,
            MessageAttributes=_fitting(described, MAX_MESSAGE_BYTES - len(record.body.encode())),
            **group,
        )


def _fitting(described: Mapping[str, str], room: int) -> dict[str, MessageAttributeValueTypeDef]:
    """Return the attributes that fit into `room` bytes; names, types and values all count."""
    fitting: dict[str, MessageAttributeValueTypeDef] = {}
    for name in BY_PRIORITY:
        value, kind = described.get(name), TYPES.get(name, TEXT)
        size = len(name) + len(kind) + len((value or "").encode())
        if value is not None and size <= room:
            fitting[name] = {"DataType": kind, "StringValue": value}
            room -= size
    return fitting
