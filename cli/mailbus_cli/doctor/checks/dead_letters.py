"""The dead-letter queues are empty; otherwise with how many letters, since when, and why."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mailbus_cli.doctor import durations
from mailbus_cli.doctor.check import Check
from mailbus_cli.doctor.verdict import Verdict, combined, ok, problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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


def reason(attributes: Mapping[str, Mapping[str, Any]]) -> str:
    """Return why a message is dead: the class of its error and where, or its code."""
    texts = {name: str(value.get("StringValue", "")) for name, value in attributes.items()}
    if texts.get("Path"):
        return f"{texts.get('Error', 'InvalidJob')} at {texts['Path']}"
    return texts.get("Code") or texts.get("Error") or texts.get("ERROR_CODE") or "no reason given"


def _run(facts: Facts) -> Verdict:
    queues = facts.dead_letter_queues
    verdicts = [judge(name, _letters(facts, url), facts.deployment.option) for name, url in queues.items()]
    return combined(verdicts, fine=f"{', '.join(queues)}: none")


def _letters(facts: Facts, url: str) -> Letters:
    attributes = facts.queue(url)
    count = int(attributes["ApproximateNumberOfMessages"]) + int(
        attributes["ApproximateNumberOfMessagesNotVisible"]
    )
    found = _read(facts, url) if count else []
    sent = [float(one["Attributes"]["SentTimestamp"]) / 1000 for one in found]
    return Letters(
        count=max(count, len(found)),
        reasons=tuple(reason(one.get("MessageAttributes", {})) for one in found),
        oldest_seconds=max(0.0, time.time() - min(sent)) if sent else None,
    )


def _read(facts: Facts, url: str) -> Sequence[Mapping[str, Any]]:
    """Return some messages of a queue, which stay visible to others."""
    client = facts.deployment.client("sqs")
    found: dict[str, Mapping[str, Any]] = {}
    for _ in range(RECEIVES):
        before = len(found)
        answer = client.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=0,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["SentTimestamp"],
        )
        found |= {one["MessageId"]: one for one in answer.get("Messages", [])}
        if len(found) == before:
            break
    return [*found.values()]


CHECK: Final = Check(
    name="dead-letters",
    title="Dead letters",
    rights=("sqs:GetQueueAttributes", "sqs:ReceiveMessage"),
    run=_run,
)
