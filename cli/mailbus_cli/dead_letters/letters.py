"""A dead letter: what it is of, why it is dead, and where it came from."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mailbus.aws.sqs import ORIGINAL_ID_ATTRIBUTE, PART_ATTRIBUTE, QUEUE_ATTRIBUTE
from mailbus.jobs.job_id import is_job_id
from mailbus_cli.dead_letters.contents import Contents, read_contents

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailbus_cli.dead_letters.queues import LetterQueue

# SQS's name of the queue from which it moved a message itself:
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
SOURCE_ARN: Final = "DeadLetterQueueSourceArn"
MOVED: Final = "moved by SQS"
NO_REASON: Final = "no reason given"
# The names by which our functions, EventBridge and Scheduler, and SNS say why:
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
# https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html
_CODES: Final = ("Code", "Error", "ERROR_CODE", "ErrorCode")
_REASONS: Final = ("Reason", "ERROR_MESSAGE", "ErrorMessage")
_TARGETS: Final = (QUEUE_ATTRIBUTE, "TARGET_ARN")


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A message of a dead-letter queue.

    `id` is SQS's. `attributes` are its message attributes, as texts. `source` is the URL of the queue that it
    came from and `lane` that queue's, for a job. `moved` is true if SQS moved it itself, with its first id.
    """

    id: str
    queue: str
    sent_at: datetime
    body: str
    attributes: dict[str, str]
    source: str
    lane: str | None = None
    moved: bool = False
    group_id: str | None = None
    contents: Contents = Contents()

    @property
    def code(self) -> str:
        """Why it is dead, in a word: an error code."""
        given = next((self.attributes[name] for name in _CODES if self.attributes.get(name)), None)
        return given or (MOVED if self.moved else NO_REASON)

    @property
    def path(self) -> str | None:
        """The JSON path of what is wrong in a job."""
        return self.attributes.get("Path")

    @property
    def title(self) -> str:
        """The error, and where: letters with the same one are a group."""
        return f"{self.code} at {self.path}" if self.path else self.code

    @property
    def reason(self) -> str | None:
        """What is wrong, in words, without the path and the code that stand beside it."""
        given = next((self.attributes[name] for name in _REASONS if self.attributes.get(name)), None)
        if given is None:
            return "received too often without an answer of the function" if self.moved else None
        for prefix in (self.path, self.code):
            given = given.removeprefix(f"{prefix}: ")
        return given

    @property
    def original_id(self) -> str:
        """The id that the message had first; its own if that is not known."""
        return self.attributes.get(ORIGINAL_ID_ATTRIBUTE) or self.id

    @property
    def part(self) -> int | None:
        """The number of a part of a large merge, from 0."""
        value = self.attributes.get(PART_ATTRIBUTE, "")
        return int(value) if value.isascii() and value.isdigit() else None

    @property
    def job_id(self) -> str | None:
        """The id of the job that it is, or that its event is of."""
        if self.lane is None:
            return self.contents.job_id
        return self.contents.job_id or (self.original_id if is_job_id(self.original_id) else None)

    @property
    def name(self) -> str:
        """What to call it: its job, else the beginning of its id."""
        return self.contents.job_id or self.id[:8]


def letter_of(queue: LetterQueue, message: Mapping[str, Any]) -> Letter:
    """Return the letter of a message as SQS returns it."""
    system: Mapping[str, str] = message.get("Attributes", {})
    texts = {
        name: str(value["StringValue"])
        for name, value in message.get("MessageAttributes", {}).items()
        if "StringValue" in value
    }
    arn = next((texts[name] for name in _TARGETS if texts.get(name)), system.get(SOURCE_ARN))
    source = queue.source(arn)
    body = str(message["Body"])
    return Letter(
        id=message["MessageId"],
        queue=queue.name,
        sent_at=datetime.fromtimestamp(int(system.get("SentTimestamp", 0)) / 1000, UTC),
        body=body,
        attributes=texts,
        source=source.url,
        lane=source.lane,
        moved=SOURCE_ARN in system,
        group_id=system.get("MessageGroupId"),
        contents=read_contents(queue.name, body),
    )


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Letters with the same error at the same place, newest first."""

    title: str
    letters: tuple[Letter, ...]

    @property
    def oldest(self) -> datetime:
        """When the oldest was sent to the queue."""
        return self.letters[-1].sent_at


def group(letters: tuple[Letter, ...]) -> tuple[Group, ...]:
    """Return letters by error and path, the largest group first."""
    by_title: dict[str, list[Letter]] = {}
    for letter in sorted(letters, key=lambda letter: letter.sent_at, reverse=True):
        by_title.setdefault(letter.title, []).append(letter)
    groups = [Group(title=title, letters=tuple(found)) for title, found in by_title.items()]
    return tuple(sorted(groups, key=lambda one: (-len(one.letters), one.title)))


def kept_attributes(letter: Letter) -> dict[str, Any]:
    """Return the message attributes that a redriven message needs, as SQS takes them.

    A part without its number would be taken for the whole job, and a job without an id of its own would be
    another job without its first message id. SQS leaves a message that it moves itself its id; one that a
    redrive of SQS's moves gets a new one:
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html
    """
    kept: dict[str, Any] = {}
    if letter.part is not None:
        kept[PART_ATTRIBUTE] = {"DataType": "Number", "StringValue": str(letter.part)}
    if letter.moved or ORIGINAL_ID_ATTRIBUTE in letter.attributes:
        kept[ORIGINAL_ID_ATTRIBUTE] = {"DataType": "String", "StringValue": letter.original_id}
    return kept
