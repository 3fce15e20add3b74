"""The records that an SQS event source passes to a function, and the function's response."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mailbus.errors import ConfigurationError
from mailbus.jobs.job_id import is_job_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


# The message attribute with the number of a part of a split merge, from 0.
PART_ATTRIBUTE: Final = "Part"
# The message attribute of a dead letter with the message's first id.
ORIGINAL_ID_ATTRIBUTE: Final = "OriginalMessageId"
_PART: Final = re.compile(r"[0-9]{1,9}")


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One SQS message. `receive_count` is 1 at its first delivery; `sent_at` is in epoch seconds.

    `part` is the number of a part of a split merge. `redriven_from` is the first id of a message that came
    back from a dead-letter queue: SQS gives each message that it moves a new one
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

    @property
    def original_message_id(self) -> str:
        """The message's first id, which does not change when SQS moves it."""
        return self.redriven_from or self.message_id


def records(event: dict[str, Any]) -> tuple[Record, ...]:
    """Return the records of a Lambda event of an SQS event source mapping.

    Any other event is a `ConfigurationError`.
    """
    try:
        return tuple(
            Record(
                message_id=record["messageId"],
                receipt_handle=record["receiptHandle"],
                body=record["body"],
                receive_count=int(record["attributes"]["ApproximateReceiveCount"]),
                sent_at=int(record["attributes"]["SentTimestamp"]) / 1000,
                part=_part(record.get("messageAttributes", {})),
                queue_arn=record.get("eventSourceARN", ""),
                redriven_from=_original_id(record.get("messageAttributes", {})),
            )
            for record in event["Records"]
        )
    except (KeyError, TypeError, ValueError) as error:
        reason = (
            f"not an event of an SQS event source mapping ({type(error).__name__}):"
            " invoke this function by its queue"
        )
        raise ConfigurationError(reason) from error


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
    return {"batchItemFailures": [{"itemIdentifier": record.message_id} for record in failed]}
