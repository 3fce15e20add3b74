"""The dead-letter queues are empty; otherwise with how many letters, since when, and why."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Final

import msgspec

from mailbus_cli.dead_letters.aws import Queues
from mailbus_cli.dead_letters.letters import letter_of
from mailbus_cli.dead_letters.queues import queues
from mailbus_cli.doctor import durations
from mailbus_cli.doctor.check import Check
from mailbus_cli.doctor.verdict import Verdict, combined, ok, problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailbus_cli.dead_letters.letters import Letter
    from mailbus_cli.dead_letters.queues import LetterQueue
    from mailbus_cli.doctor.facts import Facts

# Enough to know what is common: receives return ten at most, and some of them again.
RECEIVES: Final = 4
REASONS_SHOWN: Final = 2


class Letters(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a dead-letter queue: its count, its reasons as far as they were read, and an age."""

    count: int
    reasons: tuple[str, ...] = ()
    oldest_seconds: float | None = None


def judge(name: str, letters: Letters, option: str) -> Verdict:
    """Judge a dead-letter queue; `option` chooses the deployment on the command line."""
    if not letters.count:
        return ok(name)
    age = (
        ""
        if letters.oldest_seconds is None
        else f", the oldest {durations.words(letters.oldest_seconds)} old"
    )
    common = Counter(letters.reasons).most_common(REASONS_SHOWN)
    why = f"; commonest: {', '.join(f'{reason} ({count})' for reason, count in common)}" if common else ""
    return problem(
        f"{letters.count:,} {name} dead letter{'s' if letters.count > 1 else ''}{age}{why}",
        fix="read, correct and redrive them",
        record=f"mailbus dead-letters list {option}",
    )


def _run(facts: Facts) -> Verdict:
    found = queues(facts.deployment.outputs)
    verdicts = [judge(queue.name, _letters(facts, queue), facts.deployment.option) for queue in found]
    return combined(verdicts, fine=f"{', '.join(queue.name for queue in found)}: none")


def _letters(facts: Facts, queue: LetterQueue) -> Letters:
    attributes = facts.queue(queue.url)
    count = int(attributes["ApproximateNumberOfMessages"]) + int(
        attributes["ApproximateNumberOfMessagesNotVisible"]
    )
    found = _read(facts, queue) if count else []
    sent = [letter.sent_at.timestamp() for letter in found]
    return Letters(
        count=max(count, len(found)),
        reasons=tuple(letter.title for letter in found),
        oldest_seconds=max(0.0, time.time() - min(sent)) if sent else None,
    )


def _read(facts: Facts, queue: LetterQueue) -> Sequence[Letter]:
    """Return some letters of a queue, which stay visible to others: hiding them would need another right."""
    sqs = Queues(facts.deployment)
    found: dict[str, Letter] = {}
    for _ in range(RECEIVES):
        before = len(found)
        letters = [letter_of(queue, message) for message in sqs.receive(queue.url, calls=1, seconds=0)]
        found |= {letter.id: letter for letter in letters}
        if len(found) == before:
            break
    return [*found.values()]


CHECK: Final = Check(
    name="dead-letters",
    title="Dead letters",
    rights=("sqs:GetQueueAttributes", "sqs:ReceiveMessage"),
    run=_run,
)
