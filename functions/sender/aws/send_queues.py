"""The edge to the send queues: requeues jobs for later, and sends the parts of large merges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from mailbus.aws import sessions
from mailbus.aws.sqs import PART_ATTRIBUTE
from mailbus.chunks import chunked
from mailbus.errors import SendError
from mailbus.sqs_messages import MAX_CALL_MESSAGES, MAX_MESSAGE_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from types_boto3_sqs.client import SQSClient
    from types_boto3_sqs.type_defs import (
        BatchResultErrorEntryTypeDef,
        SendMessageBatchRequestEntryTypeDef,
    )

    from mailbus.aws.sqs import Record

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
LONGEST_VISIBILITY_TIMEOUT: Final = 12 * 60 * 60


class SendQueues:
    """The queues of both lanes, which trigger the function; `urls` by ARN."""

    def __init__(self, client: SQSClient, urls: Mapping[str, str]) -> None:
        self._client = client
        self._urls = urls

    def requeue(self, record: Record, seconds: int) -> bool:
        """Make a message visible again after so many seconds.

        Return false if SQS failed; the queue's own visibility timeout applies then.
        """
        try:
            self._client.change_message_visibility(
                QueueUrl=self._urls[record.queue_arn],
                ReceiptHandle=record.receipt_handle,
                VisibilityTimeout=min(max(seconds, 0), LONGEST_VISIBILITY_TIMEOUT),
            )
        except (ClientError, BotoCoreError):
            return False
        return True

    def send_parts(self, queue_arn: str, bodies: Iterable[str], *, first: int) -> Iterator[int]:
        """Send the parts of a job, numbered from `first`; yield after each call the number of the next part.

        Raise a `SendError` if one could not be sent. A part that is sent twice does no harm: it has one
        record in the ledger, under its number.
        """
        for call in chunked(
            enumerate(bodies, first), MAX_CALL_MESSAGES, most_bytes=MAX_MESSAGE_BYTES, size=_size
        ):
            entries: list[SendMessageBatchRequestEntryTypeDef] = [
                {
                    "Id": str(part),
                    "MessageBody": body,
                    "MessageAttributes": {PART_ATTRIBUTE: {"DataType": "Number", "StringValue": str(part)}},
                }
                for part, body in call
            ]
            try:
                answer = self._client.send_message_batch(QueueUrl=self._urls[queue_arn], Entries=entries)
            except (ClientError, BotoCoreError) as error:
                code = sessions.error_code(error)
                reason = "the parts of the job could not be sent to the queue yet"
                raise SendError(code, reason, retryable=True) from error
            if failed := answer.get("Failed"):
                raise _error(failed)
            yield call[-1][0] + 1


def _error(failed: Sequence[BatchResultErrorEntryTypeDef]) -> SendError:
    permanent = next((failure for failure in failed if failure["SenderFault"]), None)
    if permanent is None:
        reason = "some parts of the job could not be sent to the queue yet"
        return SendError(failed[0]["Code"], reason, retryable=True)
    why = permanent.get("Message") or "no reason given"
    reason = f"SQS refuses part {permanent['Id']} of the job: {why}; fix the job and send it again"
    return SendError(permanent["Code"], reason, retryable=False)


def _size(numbered: tuple[int, str]) -> int:
    """Return the bytes of a part's message, which include its attribute."""
    part, body = numbered
    return len(body.encode()) + len(PART_ATTRIBUTE) + len("Number") + len(str(part))
