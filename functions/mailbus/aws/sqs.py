"""What an SQS event source hands to a function, and what the function answers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mailbus.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


# the message attribute that numbers the parts of a large merge, from 0
PART_ATTRIBUTE: Final = "Part"
# the message attribute of a dead letter that says which id it had before it was one
ORIGINAL_ID_ATTRIBUTE: Final = "OriginalMessageId"
# what can be a job's id too: it stands for one where the job has none
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
_PART: Final = re.compile(r"[0-9]{1,9}")


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One SQS message. `receive_count` is 1 at its first delivery; `sent_at` is in epoch seconds.

    `part` is the number of the part where the message is one of several parts of a job. `redriven_from` is
    the first id of what came back from a dead-letter queue: SQS gives each message that it moves a new one
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
        """The id that stays the same however often the message is moved."""
        return self.redriven_from or self.message_id


def records(event: dict[str, Any]) -> tuple[Record, ...]:
    """Read the records of a Lambda event of an SQS event source mapping.

    Anything else that invokes the function is a `ConfigurationError`.
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
    given = _text(attributes, PART_ATTRIBUTE)
    return int(given) if given is not None and _PART.fullmatch(given) else None


def _original_id(attributes: Mapping[str, Any]) -> str | None:
    given = _text(attributes, ORIGINAL_ID_ATTRIBUTE)
    return given if given is not None and _ID.fullmatch(given) else None


def _text(attributes: Mapping[str, Any], name: str) -> str | None:
    """Find what this project may have written itself; what reads otherwise is somebody else's."""
    attribute = attributes.get(name)
    given = attribute.get("stringValue") if isinstance(attribute, dict) else None
    return given if isinstance(given, str) else None


def batch_response(failed: Iterable[Record]) -> dict[str, list[dict[str, str]]]:
    """Answer for `ReportBatchItemFailures`: only these messages go back to the queue."""
    return {"batchItemFailures": [{"itemIdentifier": record.message_id} for record in failed]}
