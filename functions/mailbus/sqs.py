"""What an SQS event source hands to a function, and what the function answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from mailbus.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One SQS message. `receive_count` is 1 at its first delivery; `sent_at` is in epoch seconds."""

    message_id: str
    receipt_handle: str
    body: str
    receive_count: int = 1
    sent_at: float | None = None


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
            )
            for record in event["Records"]
        )
    except (KeyError, TypeError, ValueError) as error:
        reason = (
            f"not an event of an SQS event source mapping ({type(error).__name__}):"
            " invoke this function by its queue"
        )
        raise ConfigurationError(reason) from error


def batch_response(failed: Iterable[Record]) -> dict[str, list[dict[str, str]]]:
    """Answer for `ReportBatchItemFailures`: only these messages go back to the queue."""
    return {"batchItemFailures": [{"itemIdentifier": record.message_id} for record in failed]}
