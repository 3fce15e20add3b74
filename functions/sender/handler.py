"""The Lambda function on the send queues."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from mailbus import start  # the first of all that takes time
from mailbus.aws.sqs import records
from sender.batch import process
from sender.wiring import wire

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

start.imported()


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, list[dict[str, str]]]:
    """Send the jobs of an SQS event; return the messages that are not acknowledged."""
    deadline = time.time() + context.get_remaining_time_in_millis() / 1000
    return process(wire(context.function_name), records(event), deadline)
