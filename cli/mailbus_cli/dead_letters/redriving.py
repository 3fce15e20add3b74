"""Sends letters to the queue that they came from, and deletes letters.

A letter is deleted once the queue has taken its message. A process that dies in between leaves both, which is
no second mail: a job has its record in the ledger, and an event its id. Each letter is received again first,
since a receipt handle is that of the last receive:
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from mailbus.chunks import chunked
from mailbus.sqs_messages import MAX_CALL_MESSAGES, MAX_MESSAGE_BYTES
from mailbus_cli import aws_errors
from mailbus_cli.dead_letters.aws import CALLS, Outgoing, Queues
from mailbus_cli.dead_letters.letters import Letter, kept_attributes, letter_of
from mailbus_cli.dead_letters.reading import STALE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from mailbus_cli.dead_letters.queues import LetterQueue
    from mailbus_cli.deployment import Deployment

Result = Literal["redriven", "deleted", "gone", "refused", "kept"]
#: How long letters are hidden while they are sought, sent and deleted, and after that if the process dies.
HIDDEN_SECONDS: Final = 20


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a letter.

    `gone`: it is not in the queue any more, or somebody else has it just now. `refused`: SQS did not take its
    message. `kept`: its message was sent, but the letter could not be deleted, so that it is still there.
    """

    id: str
    result: Result
    reason: str | None = None

    @property
    def is_done(self) -> bool:
        """True if it is as it was wanted."""
        return self.result in {"redriven", "deleted"}


def redrive(
    deployment: Deployment,
    queue: LetterQueue,
    chosen: Mapping[str, str | None],
    *,
    done: Callable[[Outcome], None] = lambda _: None,
) -> tuple[Outcome, ...]:
    """Send letters to the queue they came from; `chosen` has a new body for each id, or None for its own.

    Attributes that the job needs are kept. `done` is called for each letter as it is settled. Raises
    botocore's errors if the dead letters cannot be received.
    """
    queues = Queues(deployment)

    def settle(messages: Sequence[Mapping[str, Any]]) -> Iterator[Outcome]:
        handles = {message["MessageId"]: message["ReceiptHandle"] for message in messages}
        letters = [letter_of(queue, message) for message in messages]
        sent: list[str] = []
        for url in dict.fromkeys(letter.source for letter in letters):
            outgoing = [_outgoing(one, chosen[one.id]) for one in letters if one.source == url]
            refused = _send(queues, url, outgoing)
            sent += [one.id for one in outgoing if one.id not in refused]
            for letter_id, reason in refused.items():
                yield Outcome(id=letter_id, result="refused", reason=reason)
        yield from _delete(
            queues, queue.url, {one: handles[one] for one in sent}, result="redriven", otherwise="kept"
        )

    return _each(queues, queue, chosen.keys(), settle, done)


def delete(
    deployment: Deployment,
    queue: LetterQueue,
    chosen: Collection[str],
    *,
    done: Callable[[Outcome], None] = lambda _: None,
) -> tuple[Outcome, ...]:
    """Delete letters for good. Raises botocore's errors if the dead letters cannot be received."""
    queues = Queues(deployment)

    def settle(messages: Sequence[Mapping[str, Any]]) -> Iterator[Outcome]:
        handles = {message["MessageId"]: message["ReceiptHandle"] for message in messages}
        yield from _delete(queues, queue.url, handles, result="deleted", otherwise="refused")

    return _each(queues, queue, chosen, settle, done)


def _each(
    queues: Queues,
    queue: LetterQueue,
    chosen: Collection[str],
    settle: Callable[[Sequence[Mapping[str, Any]]], Iterator[Outcome]],
    done: Callable[[Outcome], None],
) -> tuple[Outcome, ...]:
    """Receive letters until all chosen ones are settled; give the others back, and what was not settled."""
    outcomes: dict[str, Outcome] = {}
    others: dict[str, str] = {}
    calls, stale = 1, 0
    try:
        while len(outcomes) < len(chosen):
            found = queues.receive(queue.url, calls=calls, seconds=HIDDEN_SECONDS)
            known = len(others) + len(outcomes)
            others |= {message["MessageId"]: message["ReceiptHandle"] for message in found}
            wanted = {
                message["MessageId"]: message
                for message in found
                if message["MessageId"] in chosen and message["MessageId"] not in outcomes
            }
            for outcome in settle([*wanted.values()]) if wanted else ():
                outcomes[outcome.id] = outcome
                if outcome.is_done:
                    del others[outcome.id]
                done(outcome)
            stale = 0 if len(others) + len(outcomes) > known or wanted else stale + 1
            if not found or stale >= STALE:
                break
            calls = CALLS if len(found) >= 10 * calls else 1
    finally:
        queues.give_back(queue.url, others.values())
    for letter_id in chosen:
        if letter_id not in outcomes:
            outcomes[letter_id] = Outcome(id=letter_id, result="gone")
            done(outcomes[letter_id])
    return tuple(outcomes[letter_id] for letter_id in chosen)


def _outgoing(letter: Letter, body: str | None) -> Outgoing:
    return Outgoing(
        id=letter.id,
        body=letter.body if body is None else body,
        attributes=kept_attributes(letter),
        group_id=letter.group_id,
    )


def _send(queues: Queues, url: str, messages: Sequence[Outgoing]) -> dict[str, str]:
    """Send messages; return why some were not sent, or may not have been."""
    refused = {one.id: "is larger than 1 MiB" for one in messages if one.size > MAX_MESSAGE_BYTES}
    fitting = [one for one in messages if one.id not in refused]
    for batch in chunked(fitting, MAX_CALL_MESSAGES, most_bytes=MAX_MESSAGE_BYTES, size=lambda one: one.size):
        try:
            refused |= queues.send(url, batch)
        except (ClientError, BotoCoreError) as error:
            refused |= dict.fromkeys((one.id for one in batch), aws_errors.explain(error).reason)
    return refused


def _delete(
    queues: Queues, url: str, handles: Mapping[str, str], *, result: Result, otherwise: Result
) -> Iterator[Outcome]:
    if not handles:
        return
    try:
        failed = queues.delete(url, handles)
    except (ClientError, BotoCoreError) as error:
        failed = dict.fromkeys(handles, aws_errors.explain(error).reason)
    for letter_id in handles:
        reason = failed.get(letter_id)
        yield Outcome(id=letter_id, result=otherwise if reason else result, reason=reason)
