"""The Lambda function on the tracking queue: SES's notifications become normalized events on the bus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mailbus import start  # the first of all that takes time
from mailbus.aws.sqs import batch_response, records
from tracking.batch import process
from tracking.wiring import wire

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

start.imported()


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, list[dict[str, str]]]:
    """Process an SQS event; return the messages to be retried, for `ReportBatchItemFailures`."""
    # first, since wiring takes a new process some of its time
    tracker_within = wire(context.function_name)
    tracker = tracker_within(context.get_remaining_time_in_millis() / 1000)
    return batch_response(process(records(event), tracker))
