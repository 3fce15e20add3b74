"""The Lambda function on the timeline's queue: events of the bus become items of the timeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mailbus import start  # the first of all that takes time
from mailbus.aws.sqs import batch_response, records
from timeline.batch import process
from timeline.wiring import wire

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

start.imported()


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, list[dict[str, str]]]:
    """Record an SQS event; return the messages to be retried, for `ReportBatchItemFailures`."""
    # first, since wiring takes a new process some of its time
    recorder_within = wire()
    recorder = recorder_within(context.get_remaining_time_in_millis() / 1000)
    return batch_response(process(records(event), recorder))
