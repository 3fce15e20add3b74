"""The tracking function: SQS records with SES's reports, to normalized events on the bus."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from mailbus.aws import sessions
from mailbus.aws.sqs import batch_response, records
from mailbus.environment import TrackingSettings, from_environment
from tracking import wiring
from tracking.batch import process

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_lambda_powertools.utilities.typing import LambdaContext

    from tracking.tracker import Tracker


@functools.cache
def wire() -> Callable[[float], Tracker]:
    """Read the settings and make the clients, once per process; the answer takes a batch's seconds."""
    settings = from_environment(TrackingSettings)
    session = sessions.open_session()
    quick = sessions.config(
        max_attempts=wiring.ATTEMPTS,
        connect_timeout=wiring.CONNECT_TIMEOUT,
        read_timeout=wiring.READ_TIMEOUT,
    )
    # the bus tries again by itself
    once = sessions.config(
        max_attempts=1, connect_timeout=wiring.CONNECT_TIMEOUT, read_timeout=wiring.PUT_READ_TIMEOUT
    )
    return functools.partial(
        wiring.tracker,
        settings,
        dynamodb=session.client("dynamodb", config=quick),
        events=session.client("events", config=once),
        sqs=session.client("sqs", config=quick),
        # it takes long to make, and an event that large comes hardly ever
        s3=functools.cache(lambda: session.client("s3", config=quick)),
        log=Logger(),
    )


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, list[dict[str, str]]]:
    """Answer for `ReportBatchItemFailures`."""
    # wired first: that takes a new process some of its time
    tracker = wire()(context.get_remaining_time_in_millis() / 1000)
    return batch_response(process(records(event), tracker))
