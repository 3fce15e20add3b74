"""The edge to the send queues: gives jobs back for later, and puts the parts of large ones on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from mailbus.aws import sessions
from mailbus.aws.sqs import PART_ATTRIBUTE
from mailbus.chunks import chunked
from mailbus.errors import SendError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from types_boto3_sqs.client import SQSClient
    from types_boto3_sqs.type_defs import (
        BatchResultErrorEntryTypeDef,
        SendMessageBatchRequestEntryTypeDef,
    )

    from mailbus.aws.sqs import Record

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
MESSAGES_PER_CALL: Final = 10
CALL_BYTES: Final = 1024 * 1024
LONGEST_HIDDEN: Final = 12 * 60 * 60


class SendQueues:
    """The queues that the function is fed from; `urls` by ARN, the lanes' own."""

    def __init__(self, client: SQSClient, urls: Mapping[str, str]) -> None:
        self._client = client
        self._urls = urls

    def requeue(self, record: Record, seconds: int) -> bool:
        """Hide a job until it is due; false where SQS did not, and the queue's own timeout holds."""
        try:
            self._client.change_message_visibility(
                QueueUrl=self._urls[record.queue_arn],
                ReceiptHandle=record.receipt_handle,
                VisibilityTimeout=min(max(seconds, 0), LONGEST_HIDDEN),
            )
        except (ClientError, BotoCoreError):
            return False
        return True

    def send_parts(self, queue_arn: str, bodies: Iterable[str], *, first: int) -> Iterator[int]:
        """Enqueue the parts of a job, numbered from `first`; tells after each call how many are there.

        Raises a `SendError` where one is not. Parts that are there twice do no harm: each is in the ledger
        under its number.
        """
        for call in chunked(enumerate(bodies, first), MESSAGES_PER_CALL, most_bytes=CALL_BYTES, size=_size):
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
                reason = "the parts of the job are not on the queue yet"
                raise SendError(code, reason, retryable=True) from error
            if failed := answer.get("Failed"):
                raise _not_taken(failed)
            yield call[-1][0] + 1


def _not_taken(failed: Sequence[BatchResultErrorEntryTypeDef]) -> SendError:
    hopeless = next((one for one in failed if one["SenderFault"]), None)
    if hopeless is None:
        return SendError(
            failed[0]["Code"], "the parts of the job are not all on the queue yet", retryable=True
        )
    why = hopeless.get("Message") or "it does not say why"
    reason = f"SQS does not take part {hopeless['Id']} of the job: {why}; mend the job, and send it again"
    return SendError(hopeless["Code"], reason, retryable=False)


def _size(numbered: tuple[int, str]) -> int:
    """Return the bytes of a part's message; its attribute counts too."""
    part, body = numbered
    return len(body.encode()) + len(PART_ATTRIBUTE) + len("Number") + len(str(part))
