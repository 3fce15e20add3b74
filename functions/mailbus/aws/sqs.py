"""The records that an SQS event source passes to a function, and the function's response."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec

from mailbus.errors import ConfigurationError
from mailbus.jobs.job_id import is_job_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


# The message attribute with the number of a part of a split merge, from 0.
PART_ATTRIBUTE: Final = "Part"
# The message attribute of a dead letter with the message's first id.
ORIGINAL_ID_ATTRIBUTE: Final = "OriginalMessageId"
# The message attribute of a dead letter with the ARN of the queue that it came from: of both lanes' jobs one
# queue has the dead letters.
QUEUE_ATTRIBUTE: Final = "Queue"
# The message attribute of a job that waits: a `Waiting`, as JSON.
WAITING_ATTRIBUTE: Final = "Waiting"
_PART: Final = re.compile(r"[0-9]{1,9}")
# The worker's clock, by which a copy is dated, and SQS's differ by less. A copy that SQS dead-lettered and
# that was redriven has a new time of SQS's, and was made longer ago: workers that die take hours for it.
_COPY_MS: Final = 5 * 60 * 1000

_Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]
_Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=100_000_000_000_000)]


class Waiting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The message that a waiting job's message is a copy of; times are in epoch milliseconds.

    `message_id` and `sent_at` are those of the first message, `receive_count` counts the receives of all
    messages so far, and `errors` the unexpected ones. `copied_at` is when the copy was made.
    """

    message_id: str
    sent_at: _Milliseconds
    receive_count: _Count
    errors: _Count
    copied_at: _Milliseconds


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One SQS message. `receive_count` is 1 at its first delivery; `sent_at` is in epoch seconds.

    A job that waits is sent again, as a copy with the id `copy_id`. The copy's `message_id`, `sent_at` and
    `receive_count` are those that the job would have if it were still its first message; `own_receives` are
    those of the copy alone. `errors` counts the deliveries that ended unexpectedly.

    `part` is the number of a part of a split merge, `group_id` the tenant in a fair queue. `redriven_from` is
    the first id of a message that came back from a dead-letter queue: SQS gives each message that it moves a
    new one
    (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html).
    """

    message_id: str
    receipt_handle: str
    body: str
    receive_count: int = 1
    sent_at: float | None = None
    part: int | None = None
    queue_arn: str = ""
    redriven_from: str | None = None
    copy_id: str | None = None
    earlier_receives: int = 0
    group_id: str | None = None
    errors: int = 0

    @property
    def sqs_id(self) -> str:
        """The id that SQS gave this very message."""
        return self.copy_id or self.message_id

    @property
    def own_receives(self) -> int:
        """How often this very message has been received; 1 if no worker that had it before has died."""
        return self.receive_count - self.earlier_receives

    @property
    def original_message_id(self) -> str:
        """The message's first id, which does not change when SQS moves it."""
        return self.redriven_from or self.message_id


def records(event: dict[str, Any]) -> tuple[Record, ...]:
    """Return the records of a Lambda event of an SQS event source mapping.

    Any other event is a `ConfigurationError`.
    """
    try:
        return tuple(_record(record) for record in event["Records"])
    except (KeyError, TypeError, ValueError) as error:
        reason = (
            f"not an event of an SQS event source mapping ({type(error).__name__}):"
            " invoke this function by its queue"
        )
        raise ConfigurationError(reason) from error


def waiting_value(record: Record, now: float) -> str:
    """Return the value of `WAITING_ATTRIBUTE` for a copy of a message that is made now, in epoch seconds."""
    waiting = Waiting(
        message_id=record.message_id,
        sent_at=round((now if record.sent_at is None else record.sent_at) * 1000),
        receive_count=record.receive_count,
        errors=record.errors,
        copied_at=round(now * 1000),
    )
    return msgspec.json.encode(waiting).decode()


def _record(record: Mapping[str, Any]) -> Record:
    system, attributes = record["attributes"], record.get("messageAttributes", {})
    receive_count, sent_ms = int(system["ApproximateReceiveCount"]), int(system["SentTimestamp"])
    read = Record(
        message_id=record["messageId"],
        receipt_handle=record["receiptHandle"],
        body=record["body"],
        receive_count=receive_count,
        sent_at=sent_ms / 1000,
        part=_part(attributes),
        queue_arn=record.get("eventSourceARN", ""),
        redriven_from=_original_id(attributes),
        group_id=system.get("MessageGroupId"),
    )
    waiting = _waiting(attributes, sent_ms)
    if waiting is None:
        return read
    return msgspec.structs.replace(
        read,
        message_id=waiting.message_id,
        copy_id=read.message_id,
        receive_count=waiting.receive_count + receive_count,
        earlier_receives=waiting.receive_count,
        sent_at=waiting.sent_at / 1000,
        errors=waiting.errors,
    )


def _waiting(attributes: Mapping[str, Any], sent_ms: int) -> Waiting | None:
    """Return what a copy is a copy of; None for any other message, which begins anew.

    So does a copy that came back from a dead-letter queue: it has not waited for as long as it was there.
    """
    value = _text(attributes, WAITING_ATTRIBUTE)
    if value is None:
        return None
    try:
        waiting = msgspec.json.decode(value, type=Waiting)
    except (msgspec.DecodeError, ValueError):
        return None
    is_current = abs(sent_ms - waiting.copied_at) <= _COPY_MS
    is_current = is_current and waiting.sent_at - waiting.copied_at <= _COPY_MS
    return waiting if is_current and is_job_id(waiting.message_id) else None


def _part(attributes: Mapping[str, Any]) -> int | None:
    value = _text(attributes, PART_ATTRIBUTE)
    return int(value) if value is not None and _PART.fullmatch(value) else None


def _original_id(attributes: Mapping[str, Any]) -> str | None:
    value = _text(attributes, ORIGINAL_ID_ATTRIBUTE)
    # a job without an id has the message's
    return value if is_job_id(value) else None


def _text(attributes: Mapping[str, Any], name: str) -> str | None:
    """Return the text of a message attribute; None if it is missing or not a string."""
    attribute = attributes.get(name)
    value = attribute.get("stringValue") if isinstance(attribute, dict) else None
    return value if isinstance(value, str) else None


def batch_response(failed: Iterable[Record]) -> dict[str, list[dict[str, str]]]:
    """Return the response for `ReportBatchItemFailures`: only these messages go back to the queue."""
    return {"batchItemFailures": [{"itemIdentifier": record.sqs_id} for record in failed]}
