"""The queues that the functions read: what waits in each, and what that means in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from mailbus_cli import side_by_side
from mailbus_cli.doctor import durations
from mailbus_cli.doctor.checks.oldest import WARNS_AFTER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mailbus_cli.doctor.facts import Facts, WorkQueue

#: The queues of jobs, which the account's rate holds up.
LANES: Final = ("transactional", "bulk")
# Messages that a function takes at once with all its workers, more or less: fewer are no backlog.
FEW: Final = 100
# A message waits so long for a worker only if none reads its queue: workers start within seconds.
UNREAD_SECONDS: Final = 120


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """About how many messages of a queue can be received, are delayed, and are in the hands of a worker."""

    ready: int
    delayed: int
    in_flight: int

    @property
    def waiting(self) -> int:
        """Those that nobody works on."""
        return self.ready + self.delayed

    @property
    def all(self) -> int:
        """All messages."""
        return self.waiting + self.in_flight


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """A queue; its counts are None where they could not be read, `dead_letters` too.

    `dead_letter_queue` is the name that its dead letters are listed by; both lanes have one together.
    `oldest` is in seconds; None where that is not known.
    """

    name: str
    counts: Counts | None
    dead_letter_queue: str
    dead_letters: int | None
    oldest: float | None = None


class Queues(msgspec.Struct, frozen=True, kw_only=True):
    """All queues, and the error of the first that could not be read."""

    all: tuple[Queue, ...]
    error: ClientError | BotoCoreError | None = None

    @property
    def waiting(self) -> int | None:
        """The jobs that wait, of both lanes; None if that is not known."""
        found = [queue.counts.waiting for queue in self.all if queue.name in LANES and queue.counts]
        return sum(found) if len(found) == len([one for one in self.all if one.name in LANES]) else None

    @property
    def dead_letters(self) -> dict[str, int]:
        """The number of dead letters by the name of their queue, without empty ones and those not known."""
        return {one.dead_letter_queue: one.dead_letters for one in self.all if one.dead_letters}

    def with_ages(self, ages: Mapping[str, float]) -> Queues:
        """Return these with the ages of the oldest messages, in seconds, of queues that have any."""
        queues = (
            msgspec.structs.replace(one, oldest=ages.get(one.name) if one.counts and one.counts.all else None)
            for one in self.all
        )
        return msgspec.structs.replace(self, all=tuple(queues))


class State(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a queue in words, with its tone and glyph."""

    words: str
    tone: str = "green"
    glyph: str = "tick"


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """A queue, and what its state depends on; `pace` is in recipients a second, None if it is not known."""

    queue: Queue
    pace: float | None = None
    is_paused: bool = False
    is_quota_used: bool = False

    @property
    def is_lane(self) -> bool:
        """Whether it has jobs."""
        return self.queue.name in LANES

    @property
    def counts(self) -> Counts:
        """The counts, which are known once the first condition does not hold."""
        return self.queue.counts or Counts(ready=0, delayed=0, in_flight=0)


def _age(it: Situation) -> float:
    """Return the age of the oldest message if one can be received: one that is delayed is to wait."""
    return it.queue.oldest or 0.0 if it.counts.ready else 0.0


def _is_unread(it: Situation) -> bool:
    return not it.counts.in_flight and not it.counts.delayed and _age(it) >= UNREAD_SECONDS


def _done_in(it: Situation) -> State:
    seconds = it.counts.ready / (it.pace or 1.0)
    words = durations.words(seconds if seconds < 60 else round(seconds / 60) * 60)  # noqa: PLR2004
    return State(words=f"done in {words}", tone="blue", glyph="plane")


# The first that holds.
_STATES: Final[tuple[tuple[Callable[[Situation], bool], Callable[[Situation], State]], ...]] = (
    (
        lambda it: it.queue.counts is None,
        lambda _: State(words="not known", tone="grey", glyph="question"),
    ),
    (
        lambda it: it.is_lane and it.is_paused,
        lambda _: State(words="paused", tone="amber", glyph="pause"),
    ),
    (
        lambda it: it.is_lane and it.is_quota_used and it.counts.waiting > 0,
        lambda _: State(words="waits for the quota", tone="amber", glyph="clock"),
    ),
    (
        _is_unread,
        lambda _: State(words="nobody reads it", tone="red", glyph="cross"),
    ),
    (
        lambda it: _age(it) >= WARNS_AFTER[it.queue.name],
        lambda _: State(words="late", tone="amber", glyph="warning"),
    ),
    (
        lambda it: it.is_lane and it.counts.ready >= FEW and bool(it.pace),
        _done_in,
    ),
    (
        lambda it: it.counts.ready >= FEW,
        lambda _: State(words="catching up", tone="blue", glyph="plane"),
    ),
    (
        lambda _: True,
        lambda _: State(words="keeping up"),
    ),
)


def state_of(situation: Situation) -> State:
    """Return the state of a queue, by the first condition that holds."""
    return next(state(situation) for holds, state in _STATES if holds(situation))


def read(facts: Facts, ages: Mapping[str, float] | None = None) -> Queues:
    """Return all queues, read side by side; `ages` are of their oldest messages, in seconds."""
    outputs = facts.deployment.outputs
    dead = facts.dead_letter_queues
    urls = [*dict.fromkeys([*(outputs[queue.url] for queue in facts.work_queues), *dead.values()])]
    answers = dict(zip(urls, side_by_side.each(lambda url: _counts(facts, url), urls), strict=True))
    errors = [answer for answer in answers.values() if not isinstance(answer, Counts)]
    known = {url: answer if isinstance(answer, Counts) else None for url, answer in answers.items()}

    def queue(work: WorkQueue) -> Queue:
        url = outputs.get(work.dead_letters)
        letters = known.get(url) if url else None
        return Queue(
            name=work.name,
            counts=known[outputs[work.url]],
            dead_letter_queue=next((name for name, of in dead.items() if of == url), work.name),
            # letters that somebody reads just now are there too
            dead_letters=None if letters is None else letters.ready + letters.in_flight,
            oldest=(ages or {}).get(work.name),
        )

    return Queues(all=tuple(map(queue, facts.work_queues)), error=errors[0] if errors else None)


def _counts(facts: Facts, url: str) -> Counts | ClientError | BotoCoreError:
    try:
        attributes = facts.queue(url)
    except (ClientError, BotoCoreError) as error:
        return error
    return Counts(
        ready=int(attributes["ApproximateNumberOfMessages"]),
        delayed=int(attributes["ApproximateNumberOfMessagesDelayed"]),
        in_flight=int(attributes["ApproximateNumberOfMessagesNotVisible"]),
    )
