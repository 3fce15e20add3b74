"""What the room has read of the dead-letter queues, for as long as it runs."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from mailbus_cli import aws_errors
from mailbus_cli.dead_letters import documents, queues
from mailbus_cli.dead_letters.aws import Queues
from mailbus_cli.dead_letters.reading import Reading, read

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from mailbus_cli.aws_errors import Explanation
    from mailbus_cli.dead_letters.checking import Defaults
    from mailbus_cli.dead_letters.letters import Letter
    from mailbus_cli.dead_letters.queues import LetterQueue
    from mailbus_cli.dead_letters.redriving import Outcome
    from mailbus_cli.deployment import Deployment

_RIGHTS: Final = (
    "sqs:ReceiveMessage",
    "sqs:ChangeMessageVisibility",
    "sqs:GetQueueAttributes",
    "sqs:DeleteMessage",
)


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """What came of the last redrive or deletion of a queue; shown once."""

    text: str
    is_problem: bool


class LetterBox:
    """The last reading of each queue, and what went wrong with it."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._lock = threading.Lock()
        self._readings: dict[str, Reading] = {}
        self._refusals: dict[str, Explanation] = {}
        self._notices: dict[str, Notice] = {}
        self._defaults: tuple[Defaults | None] | None = None

    @property
    def queues(self) -> tuple[LetterQueue, ...]:
        """The queues of the deployment."""
        return queues.queues(self._deployment.outputs)

    def queue(self, name: str) -> LetterQueue | None:
        """Return a queue by its name."""
        return next((queue for queue in self.queues if queue.name == name), None)

    def read(self, queue: LetterQueue) -> None:
        """Read a queue again, or note why it cannot be read."""
        try:
            reading = read(self._deployment, queue)
        except (ClientError, BotoCoreError) as error:
            with self._lock:
                self._refusals[queue.name] = aws_errors.explain(error)
            return
        with self._lock:
            self._readings[queue.name] = reading
            self._refusals.pop(queue.name, None)

    def reading(self, queue: LetterQueue) -> Reading | None:
        """Return what was read of a queue; None before that."""
        with self._lock:
            return self._readings.get(queue.name)

    def refusal(self, queue: LetterQueue) -> Explanation | None:
        """Return why a queue could not be read the last time."""
        with self._lock:
            return self._refusals.get(queue.name)

    def letter(self, queue: LetterQueue, letter_id: str) -> Letter | None:
        """Return a letter of the last reading."""
        reading = self.reading(queue)
        return next((one for one in reading.letters if one.id == letter_id), None) if reading else None

    def chosen(self, queue: LetterQueue, ids: Collection[str], titles: Collection[str]) -> tuple[Letter, ...]:
        """Return the letters with these ids, and all with these errors."""
        reading = self.reading(queue)
        letters = reading.letters if reading else ()
        return tuple(one for one in letters if one.id in ids or one.title in titles)

    def settle(self, queue: LetterQueue, outcomes: Iterable[Outcome], *, verb: str) -> None:
        """Take letters out that are not there any more, and note what came of all."""
        found = [*outcomes]
        gone = {one.id for one in found if one.is_done or one.result == "gone"}
        done = sum(one.is_done for one in found)
        failed = [one for one in found if not one.is_done]
        text = f"{done:,} {verb}." if done else ""
        if failed:
            why = next((one.reason for one in failed if one.reason), "they were not in the queue any more")
            text = f"{text} {len(failed):,} not {verb}: {why}.".strip()
        with self._lock:
            self._notices[queue.name] = Notice(text=text, is_problem=bool(failed))
            reading = self._readings.get(queue.name)
            if reading is not None:
                kept = tuple(one for one in reading.letters if one.id not in gone)
                self._readings[queue.name] = msgspec.structs.replace(reading, letters=kept)

    def note(self, queue: LetterQueue, text: str) -> None:
        """Note why nothing was done."""
        with self._lock:
            self._notices[queue.name] = Notice(text=text, is_problem=True)

    def notice(self, queue: LetterQueue) -> Notice | None:
        """Return what came of the last action, once."""
        with self._lock:
            return self._notices.pop(queue.name, None)

    def counts(self) -> dict[str, int | None]:
        """Return about how many letters each queue has; None where that may not be read."""
        client = Queues(self._deployment)

        def count(queue: LetterQueue) -> int | None:
            try:
                return sum(client.counts(queue.url))
            except (ClientError, BotoCoreError):
                return None

        with ThreadPoolExecutor(max_workers=max(len(self.queues), 1)) as pool:
            return dict(zip((queue.name for queue in self.queues), pool.map(count, self.queues), strict=True))

    def defaults(self) -> Defaults | None:
        """Return what the sender adds to jobs, which is read once."""
        if self._defaults is None:
            self._defaults = (documents.defaults(self._deployment),)
        return self._defaults[0]


def policy(deployment: Deployment, queue: LetterQueue) -> str:
    """Return the statement of a policy that lets somebody read a queue, as JSON."""
    *_, account, name = queue.url.split("/")
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Action": list(_RIGHTS),
        "Resource": f"arn:aws:sqs:{deployment.region}:{account}:{name}",
    }
    return msgspec.json.format(msgspec.json.encode(statement), indent=2).decode()


def explained(error: Exception) -> Explanation | None:
    """Return what is wrong with a call of AWS; None for any other error."""
    return aws_errors.explain(error) if isinstance(error, (ClientError, BotoCoreError)) else None
