"""Reads the letters of a queue: they are received, and given back at once."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

from mailbus_cli.dead_letters.aws import CALLS, Queues
from mailbus_cli.dead_letters.letters import Letter, letter_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailbus_cli.dead_letters.queues import LetterQueue
    from mailbus_cli.deployment import Deployment

#: How long a letter that is being read is hidden from others, at most.
HIDDEN_SECONDS: Final = 30
# reading ends before the first letter could be received again
READ_SECONDS: Final = 25.0
MOST_LETTERS: Final = 5000
MOST_BYTES: Final = 100 * 1000 * 1000
#: Receives that bring nothing new: some letter was given back by another reader.
STALE: Final = 3


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """The letters of a queue, newest first, as they were read.

    `left` is about how many were not read, because there are too many; `hidden` how many somebody else was
    just reading.
    """

    queue: str
    letters: tuple[Letter, ...]
    read_at: datetime
    left: int = 0
    hidden: int = 0


def read(
    deployment: Deployment,
    queue: LetterQueue,
    *,
    most: int = MOST_LETTERS,
    clock: Callable[[], float] = time.monotonic,
) -> Reading:
    """Return the letters of a queue, each once. Raises botocore's errors."""
    queues = Queues(deployment)
    visible, hidden = queues.counts(queue.url)
    letters: dict[str, Letter] = {}
    handles: list[str] = []
    size, calls, stale, is_whole = 0, 1, 0, False
    ends = clock() + READ_SECONDS
    try:
        while len(letters) < most and size < MOST_BYTES and clock() < ends:
            found = queues.receive(queue.url, calls=calls, seconds=HIDDEN_SECONDS)
            handles += [message["ReceiptHandle"] for message in found]
            new = [message for message in found if message["MessageId"] not in letters]
            stale = 0 if new else stale + 1
            if not found or stale >= STALE:
                is_whole = True
                break
            # where one call is full there is more
            calls = CALLS if len(found) >= 10 * calls else 1
            for message in new:
                letter = letter_of(queue, message)
                letters[letter.id] = letter
                size += len(letter.body)
    finally:
        queues.give_back(queue.url, handles)
    return Reading(
        queue=queue.name,
        letters=tuple(sorted(letters.values(), key=lambda one: one.sent_at, reverse=True)),
        read_at=datetime.now(UTC),
        left=0 if is_whole else max(visible - len(letters), 1),
        hidden=hidden,
    )
