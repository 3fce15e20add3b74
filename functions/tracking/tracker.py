"""The state of a batch: its clients and settings, and the values that its steps pass on."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec
from aws_lambda_powertools import Logger

from mailbus.aws import sessions
from mailbus.aws.dead_letters import DeadLetterQueue
from mailbus.aws.event_bus import EventBus
from mailbus.aws.sqs import Record
from mailbus.environment import TrackingSettings
from mailbus.errors import InvalidNotification, MailbusError, PublishError, SendError
from mailbus.ledger.acceptances import Acceptances
from mailbus.metrics import Metric
from tracking.aws.esp_events import EspEvents
from tracking.aws.tracking_queue import TrackingQueue
from tracking.health import HealthNotes
from tracking.normalize import NormalizedNotification

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

T = TypeVar("T")
V = TypeVar("V")

# for so long at least a record is retried: that the bus, the ledger or S3 may be unavailable
RETRY_SECONDS: Final = 30 * 60


class Tracker(msgspec.Struct, frozen=True, kw_only=True):
    """The settings and clients of the function.

    `now` returns epoch seconds; after `publish_until` nothing is begun that ends on the bus. `put_metrics`
    writes those of a batch.
    """

    settings: TrackingSettings
    ledger: Acceptances
    bus: EventBus
    esp_events: Callable[[], EspEvents]
    queue: TrackingQueue
    dead_letters: DeadLetterQueue
    health: HealthNotes
    log: Logger
    put_metrics: Callable[[Mapping[Metric, float]], None]
    now: Callable[[], float]
    publish_until: float = math.inf

    @property
    def seconds_to_publish(self) -> float:
        """The time left for events to get onto the bus."""
        return self.publish_until - self.now()

    def is_last_delivery(self, record: Record) -> bool:
        """Return True if a record has been retried long and often enough.

        Lambda's throttling counts as deliveries too, and a long queue makes a record old before its first
        one, so that neither is enough.
        """
        age = math.inf if record.sent_at is None else self.now() - record.sent_at
        return record.receive_count >= self.settings.max_receives and age >= RETRY_SECONDS


class TrackedRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An SQS record with its normalized notification."""

    record: Record
    normalized: NormalizedNotification


class Unfinished(msgspec.Struct, frozen=True, kw_only=True):
    """An SQS record that is not done, and why; without `retry` the error is permanent.

    A retry comes after `delay_seconds`, or after a wait that grows with each delivery.
    """

    record: Record
    error: MailbusError
    retry: bool = True
    delay_seconds: float | None = None


def each(
    given: Iterable[T], step: Callable[[T], Sequence[V]], record_of: Callable[[T], Record]
) -> tuple[list[V], list[Unfinished]]:
    """Run a step for each item on its own: one that fails must not fail its batch.

    Return what the steps returned, and the records of those that failed.
    """
    made: list[V] = []
    unfinished: list[Unfinished] = []
    for one in given:
        try:
            made += step(one)
        except InvalidNotification as error:
            unfinished.append(Unfinished(record=record_of(one), error=_without_frames(error), retry=False))
        except Exception as error:  # noqa: BLE001 - as above
            unfinished.append(Unfinished(record=record_of(one), error=publish_error(error)))
    return made, unfinished


def _without_frames(error: InvalidNotification) -> InvalidNotification:
    """Free the memory that the error's traceback keeps: all that was decoded of its notification."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def publish_error(error: Exception) -> PublishError:
    """Return the error of a record whose step failed: no time left, no answer, or something unexpected."""
    if isinstance(error, sessions.NotTried):
        return PublishError(sessions.error_code(error), str(error))
    if isinstance(error, SendError):
        return PublishError(error.code, "the ledger does not answer")
    return PublishError(
        sessions.error_code(error), "unexpected: an error of S3, a damaged item of the ledger, or a bug"
    )
