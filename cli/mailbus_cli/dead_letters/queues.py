"""The dead-letter queues of a deployment, and the queues that their messages came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from mailbus.stages import DEAD_LETTER_QUEUE_URLS
from mailbus_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

SEND: Final = "send"
#: The names of the work queues of both lanes.
TRANSACTIONAL: Final = "transactional"
BULK: Final = "bulk"


class WorkQueue(msgspec.Struct, frozen=True, kw_only=True):
    """A queue that a function reads; `lane` is a send queue's."""

    url: str
    lane: str | None = None

    @property
    def name(self) -> str:
        """The queue's name, which is the last part of its ARN too."""
        return self.url.rpartition("/")[2]


class LetterQueue(msgspec.Struct, frozen=True, kw_only=True):
    """A dead-letter queue; `sources` are the queues that its messages came from, the usual one first."""

    name: str
    url: str
    sources: tuple[WorkQueue, ...]

    @property
    def has_jobs(self) -> bool:
        """Whether its messages are jobs, which can be edited; others are AWS's."""
        return self.name == SEND

    def source(self, arn: str | None) -> WorkQueue:
        """Return the queue with an ARN; the usual one if it is none of this deployment's."""
        name = (arn or "").rpartition(":")[2]
        return next((queue for queue in self.sources if queue.name == name), self.sources[0])


def queues(outputs: Mapping[str, str]) -> tuple[LetterQueue, ...]:
    """Return the dead-letter queues that a deployment's outputs name, that of the send queues first."""
    return tuple(
        LetterQueue(name=name, url=outputs[output], sources=sources)
        for name, output in DEAD_LETTER_QUEUE_URLS.items()
        if output in outputs and (sources := _sources(name, outputs))
    )


def named(outputs: Mapping[str, str], name: str) -> LetterQueue:
    """Return a dead-letter queue by its name. Raises `UsageError` with those that there are."""
    known = {queue.name: queue for queue in queues(outputs)}
    if name not in known:
        reason = f"there is no dead-letter queue {name!r}"
        raise UsageError(reason, hint=f"one of {', '.join(known)}")
    return known[name]


def _sources(name: str, outputs: Mapping[str, str]) -> tuple[WorkQueue, ...]:
    lanes: dict[str, str | None] = {f"{name.capitalize()}QueueUrl": None}
    if name == SEND:
        lanes = {"SendQueueUrl": TRANSACTIONAL, "BulkQueueUrl": BULK}
    return tuple(
        WorkQueue(url=outputs[output], lane=lane) for output, lane in lanes.items() if output in outputs
    )
