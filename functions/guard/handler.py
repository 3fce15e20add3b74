"""The Lambda function on the topic of the guard's alarms."""

from __future__ import annotations

import functools
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from aws_lambda_powertools import Logger

from guard.alarm import deliveries
from guard.pausing import Guard, pause_for
from mailbus.aws import sessions
from mailbus.aws.event_bus import EventBus
from mailbus.environment import GuardSettings, from_environment
from mailbus.ledger.lanes import Lanes

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

ATTEMPTS: Final = 3


@functools.cache
def wire() -> Guard:
    """Read the settings and make the clients, once per process."""
    settings = from_environment(GuardSettings)
    session = sessions.open_session()
    config = sessions.config(max_attempts=ATTEMPTS, read_timeout=sessions.SHORT_READ_TIMEOUT)
    return Guard(
        settings=settings,
        lanes=Lanes(session.client("dynamodb", config=config), settings.ledger_table_name),
        bus=EventBus(session.client("events", config=config), settings.event_bus_name),
        log=Logger(),
        now=lambda: datetime.now(UTC),
    )


def lambda_handler(event: dict[str, Any], _context: LambdaContext) -> None:
    """Pause the bulk lane for an event of SNS."""
    guard = wire()
    for delivery in deliveries(event):
        pause_for(guard, delivery)
