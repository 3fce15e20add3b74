"""The edge to the send queues: sends jobs that wait again, delayed, and the parts of large merges."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from mailbus.aws import sessions
from mailbus.aws.sqs import (
    ORIGINAL_ID_ATTRIBUTE,
    PART_ATTRIBUTE,
    WAITING_ATTRIBUTE,
    Record,
    waiting_value,
)
from mailbus.chunks import chunked
from mailbus.errors import SendError
from mailbus.sqs_messages import MAX_CALL_MESSAGES, MAX_DELAY_SECONDS, MAX_MESSAGE_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from types_boto3_sqs.client import SQSClient
    from types_boto3_sqs.type_defs import (
        BatchResultErrorEntryTypeDef,
        MessageAttributeValueTypeDef,
        SendMessageBatchRequestEntryTypeDef,
    )

# A message that workers may have copied before they died is copied again by the first worker that has proved
# itself, and otherwise after so many receives: far fewer than those after which SQS dead-letters it.
RECEIVES_PER_COPY: Final = 100


class Delayed(msgspec.Struct, frozen=True, kw_only=True):
    """A message that is to be delivered again after so many seconds, at most `MAX_DELAY_SECONDS`."""

    record: Record
    seconds: int


class SendQueues:
    """The queues of both lanes, which trigger the function; `urls` by ARN.

    The client must not retry by itself: each try may add a copy to the queue.
    """

    def __init__(self, client: SQSClient, urls: Mapping[str, str]) -> None:
        self._client = client
        self._urls = urls
        self._has_ended_a_batch = False
        self._has_lost_answers = False

    def send_copies(self, waiting: Iterable[Delayed], now: float) -> list[Delayed]:
        """Send messages to their queues again, delayed; return those of which there is no copy.

        The caller acknowledges the others. A delayed message is not in flight, of which a queue has about
        120,000 at most
        (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html).

        A copy that is sent twice does no harm by itself, but would be copied in turn: if workers always died
        before they acknowledge, or SQS's answers were lost, the messages would double with each delay. So one
        that was received before, and may have a copy, is only copied by a worker whose last batch ended well.
        """
        by_queue: dict[str, list[Delayed]] = defaultdict(list)
        held: list[Delayed] = []
        # a process that is called again has ended its last batch
        is_proven = self._has_ended_a_batch and not self._has_lost_answers
        self._has_ended_a_batch = True
        for delayed in waiting:
            is_copied = is_proven or delayed.record.own_receives % RECEIVES_PER_COPY == 1
            (by_queue[delayed.record.queue_arn] if is_copied else held).append(delayed)
        return held + [
            unsent
            for queue_arn, of_queue in by_queue.items()
            for call in chunked(
                of_queue,
                MAX_CALL_MESSAGES,
                most_bytes=MAX_MESSAGE_BYTES,
                size=lambda delayed: copy_bytes(delayed.record, now),
            )
            for unsent in self._send_copies(queue_arn, call, now)
        ]

    def _send_copies(self, queue_arn: str, call: Sequence[Delayed], now: float) -> list[Delayed]:
        entries: list[SendMessageBatchRequestEntryTypeDef] = [
            {
                "Id": str(index),
                "MessageBody": delayed.record.body,
                "MessageAttributes": _copy_attributes(delayed.record, now),
                "DelaySeconds": min(max(delayed.seconds, 0), MAX_DELAY_SECONDS),
            }
            for index, delayed in enumerate(call)
        ]
        for entry, delayed in zip(entries, call, strict=True):
            if delayed.record.group_id is not None:
                entry["MessageGroupId"] = delayed.record.group_id
        try:
            answer = self._client.send_message_batch(QueueUrl=self._urls[queue_arn], Entries=entries)
        except (ClientError, BotoCoreError):
            self._has_lost_answers = True
            return list(call)
        self._has_lost_answers = False
        return [call[int(failure["Id"])] for failure in answer.get("Failed", [])]

    def hide(self, delayed: Delayed) -> bool:
        """Make a message itself visible again after its delay; it is in flight meanwhile.

        Return false if SQS failed; the queue's own visibility timeout applies then.
        """
        try:
            self._client.change_message_visibility(
                QueueUrl=self._urls[delayed.record.queue_arn],
                ReceiptHandle=delayed.record.receipt_handle,
                VisibilityTimeout=max(delayed.seconds, 0),
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


def copy_bytes(record: Record, now: float) -> int:
    """Return the bytes of a message's copy: SQS counts the names, types and values of attributes too."""
    return len(record.body.encode()) + sum(
        len(name) + len(value["DataType"]) + len(value["StringValue"])
        for name, value in _copy_attributes(record, now).items()
    )


def _copy_attributes(record: Record, now: float) -> dict[str, MessageAttributeValueTypeDef]:
    attributes: dict[str, MessageAttributeValueTypeDef] = {
        WAITING_ATTRIBUTE: {"DataType": "String", "StringValue": waiting_value(record, now)},
        ORIGINAL_ID_ATTRIBUTE: {"DataType": "String", "StringValue": record.original_message_id},
    }
    if record.part is not None:
        attributes[PART_ATTRIBUTE] = {"DataType": "Number", "StringValue": str(record.part)}
    return attributes


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
