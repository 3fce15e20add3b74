"""The dead-letter queues of the deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from mailbus.stages import DEAD_LETTER_QUEUE_URLS

if TYPE_CHECKING:
    from collections.abc import Mapping


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A message that could not be processed, with the reason; `queue` is one of `DEAD_LETTER_QUEUE_URLS`."""

    queue: str
    body: str
    error: str | None
    code: str | None
    reason: str | None
    path: str | None


def read(sqs: Any, outputs: Mapping[str, Any]) -> tuple[DeadLetter, ...]:
    """Return up to ten dead letters of each queue, which stay there."""
    return tuple(
        _dead_letter(queue, message)
        for queue, output in DEAD_LETTER_QUEUE_URLS.items()
        if output in outputs
        for message in sqs.receive_message(
            QueueUrl=outputs[output],
            MaxNumberOfMessages=10,
            VisibilityTimeout=0,
            MessageAttributeNames=["All"],
        ).get("Messages", [])
    )


def _dead_letter(queue: str, message: Mapping[str, Any]) -> DeadLetter:
    texts = {name: value["StringValue"] for name, value in message.get("MessageAttributes", {}).items()}
    return DeadLetter(
        queue=queue,
        body=message["Body"],
        error=texts.get("Error"),
        code=texts.get("Code"),
        reason=texts.get("Reason"),
        path=texts.get("Path"),
    )
