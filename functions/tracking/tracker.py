"""What a batch is worked on with, and what its steps hand on."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import msgspec
from aws_lambda_powertools import Logger

from mailbus.aws import sessions
from mailbus.aws.dead_letters import DeadLetterQueue
from mailbus.aws.event_bus import EventBus
from mailbus.aws.sqs import Record
from mailbus.environment import TrackingSettings
from mailbus.errors import InvalidNotification, MailbusError, PublishError
from mailbus.ledger.table import Ledger
from tracking.aws.tracking_queue import TrackingQueue
from tracking.esp_events import EspEvents
from tracking.normalize import Report

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

T = TypeVar("T")
V = TypeVar("V")


class Tracker(msgspec.Struct, frozen=True, kw_only=True):
    """What the function works with.

    `now` gives epoch seconds; after `publish_until` nothing is begun that ends on the bus.
    """

    settings: TrackingSettings
    ledger: Ledger
    bus: EventBus
    esp_events: Callable[[], EspEvents]
    queue: TrackingQueue
    dead_letters: DeadLetterQueue
    log: Logger
    now: Callable[[], float]
    publish_until: float = math.inf

    @property
    def seconds_to_publish(self) -> float:
        """The time that is left for events to get onto the bus."""
        return self.publish_until - self.now()


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What a record reports."""

    record: Record
    report: Report


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A record that is not done, and why; without `again` it never can be.

    It comes again when the queue's visibility timeout is over, or after so many `seconds`.
    """

    record: Record
    error: MailbusError
    again: bool = True
    seconds: float | None = None


def each(
    given: Iterable[T], step: Callable[[T], Sequence[V]], record_of: Callable[[T], Record]
) -> tuple[list[V], list[Held]]:
    """Take a step for each on its own: what fails must not take its batch along.

    The second value is the records that are not done for it.
    """
    made: list[V] = []
    held: list[Held] = []
    for one in given:
        try:
            made += step(one)
        except InvalidNotification as error:
            held.append(Held(record=record_of(one), error=_bare(error), again=False))
        except Exception as error:  # noqa: BLE001 - as above
            held.append(Held(record=record_of(one), error=unforeseen(error)))
    return made, held


def _bare(error: InvalidNotification) -> InvalidNotification:
    """Let go of what the error's traceback keeps: all that was read of its report."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def unforeseen(error: Exception) -> PublishError:
    """Tell of an error that nobody counted on, or of a call that there was no time for."""
    if isinstance(error, sessions.NotTried):
        return PublishError(sessions.error_code(error), str(error))
    return PublishError(
        sessions.error_code(error),
        "unforeseen: S3, a damaged item of the ledger, or a mistake of Mailbus's own",
    )
