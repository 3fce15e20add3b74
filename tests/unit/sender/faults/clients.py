"""AWS's clients as one worker has them: slow, failing, and each call a point at which the worker may die."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, ReadTimeoutError

from mailbus.aws.sqs import WAITING_ATTRIBUTE
from sender.rate.slots import RetryAfter, SendAt
from tests.unit.sender.answers import THROTTLED, refusal
from tests.unit.sender.faults.deployment import (
    QUEUES,
    TIMES,
    Killed,
)
from tests.unit.sender.settings import DEAD_LETTERS

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

    from tests.unit.sender.faults.worker import Worker
    from tests.unit.sender.faults.world import World


class Uncalled:
    """A client that is never called."""


class FaultyPace:
    """Mostly allows all at once; sometimes not those at the end, and merges in smaller calls."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def reserve(self, recipients: Sequence[int], lane: str) -> list[SendAt | RetryAfter]:
        assert lane in {"transactional", "bulk"}
        chance = self._worker.chance
        now = self._worker.now().timestamp()
        decisions: list[SendAt | RetryAfter] = [
            SendAt(due=now + 0.02 * place) for place in range(len(recipients))
        ]
        if chance.random() < 0.1:
            allowed = chance.randrange(len(decisions))
            later = RetryAfter(seconds=chance.choice([0.5, 3.0, 20.0]))
            decisions[allowed:] = [later] * (len(decisions) - allowed)
        return decisions

    def largest_call(self) -> int:
        return self._worker.chance.choice([7, 25, 50])

    def throttled(self) -> None:
        """SES is not asked: its rate is not simulated."""


class FaultySes:
    """SES, whose answers are lost, and during whose calls workers die."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def send_email(self, **request: Any) -> dict[str, Any]:
        tags = {tag["Name"]: tag["Value"] for tag in request["EmailTags"]}
        job_id = tags["mailbus-job-id"]
        entry = tags.get("mailbus-entry", "")
        if job_id.startswith("refused") or (entry and self._refuses(job_id, entry)):
            raise refusal(code="MessageRejected", status=400)
        return self._answer(job_id, entry, lambda at, chance: self._mail(job_id, entry, at, chance))

    def send_bulk_email(self, **request: Any) -> dict[str, Any]:
        entries = [
            {tag["Name"]: tag["Value"] for tag in entry["ReplacementTags"]}
            for entry in request["BulkEmailEntries"]
        ]
        assert 1 <= len(entries) <= 50
        job_id = entries[0]["mailbus-job-id"]
        names = [tags["mailbus-entry"] for tags in entries]
        return self._answer(job_id, "", lambda at, chance: self._bulk(job_id, names, at, chance))

    def _refuses(self, job_id: str, entry: str) -> bool:
        """Return whether a recipient is refused: if it is once, it always is."""
        return self._worker.world.chance_for("refused", job_id, entry).random() < 0.01

    def _mail(self, job_id: str, entry: str, at: float, chance: random.Random) -> dict[str, Any]:
        return {"MessageId": self._worker.world.accept(job_id, entry, at, chance)}

    def _bulk(self, job_id: str, names: Sequence[str], at: float, chance: random.Random) -> dict[str, Any]:
        results: list[dict[str, str]] = []
        for name in names:
            if self._refuses(job_id, name):
                results.append({"Status": "MESSAGE_REJECTED", "Error": "refused"})
            elif chance.random() < self._worker.world.likely.throttled:
                results.append({"Status": "TRANSIENT_FAILURE", "Error": "refused"})
            else:
                message_id = self._worker.world.accept(job_id, name, at, chance)
                results.append({"Status": "SUCCESS", "MessageId": message_id})
        return {"BulkEmailEntryResults": results}

    def _answer(
        self, job_id: str, entry: str, accept: Callable[[float, random.Random], dict[str, Any]]
    ) -> dict[str, Any]:
        worker, world = self._worker, self._worker.world
        with TIMES:
            world.calls[job_id, entry] += 1
            number = world.calls[job_id, entry]
        worker.called = True
        worker.die("killed before the call", [job_id])
        at, chance = worker.call(job_id, entry, number)
        if worker.death == "killed after SES accepted":
            # some of the batch's calls are made before
            if chance.random() < 0.7:
                accept(at, chance)
                worker.die("killed after SES accepted", [job_id])
            raise Killed
        if chance.random() < world.likely.throttled:
            raise THROTTLED
        if chance.random() >= world.likely.broken:
            return accept(at, chance)
        world.hit["answer broken"].add(job_id)
        if chance.random() < 0.8:
            accept(at, chance)
        match chance.randrange(4):
            case 0:
                raise ReadTimeoutError(endpoint_url="https://email.eu-west-1.amazonaws.com")
            case 1:
                raise ConnectionClosedError(endpoint_url="https://email.eu-west-1.amazonaws.com")
            case 2:
                raise refusal(code="InternalServiceErrorException", status=500)
            case _:
                return {}


class FaultyDynamo:
    """DynamoDB as one worker has it: slow, and at times without an answer, whether it wrote or not."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def batch_execute_statement(self, **request: Any) -> Any:
        return self._call("batch_execute_statement", request, fails=True)

    def put_item(self, **request: Any) -> Any:
        return self._call("put_item", request, fails=True)

    def batch_get_item(self, **request: Any) -> Any:
        return self._call("batch_get_item", request, fails=True)

    def batch_write_item(self, **request: Any) -> Any:
        return self._write("batch_write_item", request)

    def update_item(self, **request: Any) -> Any:
        return self._write("update_item", request)

    def _write(self, operation: str, request: dict[str, Any]) -> Any:
        answer = self._call(operation, request)
        if self._worker.called:
            self._worker.die("killed after the ledger write")
        return answer

    def _call(self, operation: str, request: dict[str, Any], *, fails: bool = False) -> Any:
        worker = self._worker
        worker.pause()
        lost = fails and worker.chance.random() < worker.world.likely.ledger
        if lost and worker.chance.random() < 0.5:
            raise EndpointConnectionError(endpoint_url="https://dynamodb.eu-west-1.amazonaws.com")
        answer = getattr(worker.world.dynamodb, operation)(**request)
        if lost and worker.chance.random() < 0.5:
            # the client tries again
            worker.pause()
            return getattr(worker.world.dynamodb, operation)(**request)
        if lost:
            raise ReadTimeoutError(endpoint_url="https://dynamodb.eu-west-1.amazonaws.com")
        return answer


class FaultyBus:
    """EventBridge, which keeps what it took; the tracking function's does so at once, and always."""

    def __init__(self, world: World, worker: Worker | None = None) -> None:
        self._world, self._worker = world, worker

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - AWS's name
        if self._worker is not None:
            self._worker.pause()
            if self._worker.chance.random() < self._world.likely.bus:
                raise refusal(code="ThrottlingException", status=400)
        self._world.events += [json.loads(entry["Detail"]) for entry in Entries]
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "1"} for _ in Entries]}


class FaultySqs:
    """SQS as the sender calls it."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def change_message_visibility(
        self,
        *,
        QueueUrl: str,  # noqa: N803 - AWS's name
        ReceiptHandle: str,  # noqa: N803 - AWS's name
        VisibilityTimeout: int,  # noqa: N803 - AWS's name
    ) -> None:
        self._worker.pause()
        assert QueueUrl in QUEUES.values()
        message, _ = self._worker.world.find(ReceiptHandle)
        if message is None:
            raise refusal(code="InvalidParameterValue", status=400)
        self._worker.world.show(message, self._worker.world.now + VisibilityTimeout)

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - AWS's names
        self._worker.pause()
        arn = next(arn for arn, url in QUEUES.items() if url == QueueUrl)
        for entry in Entries:
            self._worker.world.enqueue(
                arn, entry["MessageBody"], entry["MessageAttributes"], delay=entry.get("DelaySeconds", 0)
            )
        copies = [entry for entry in Entries if WAITING_ATTRIBUTE in entry["MessageAttributes"]]
        if copies:
            self._worker.die(
                "killed after the copies", [json.loads(entry["MessageBody"])["job_id"] for entry in copies]
            )
        return {"Successful": Entries}

    def send_message(self, *, QueueUrl: str, MessageBody: str, MessageAttributes: dict[str, Any]) -> None:  # noqa: N803 - AWS's names
        self._worker.pause()
        assert QueueUrl == DEAD_LETTERS
        attributes = {name: value["StringValue"] for name, value in MessageAttributes.items()}
        self._worker.world.dead.append({"body": MessageBody, **attributes})


class _ConflictError(Exception):
    """The name is taken."""


class _Exceptions:
    ConflictException = _ConflictError


class FaultyScheduler:
    """EventBridge Scheduler: one schedule of a name, deleted when it has run."""

    exceptions = _Exceptions

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def create_schedule(self, **request: Any) -> None:
        self._worker.pause()
        world = self._worker.world
        if request["Name"] in world.schedules:
            raise _ConflictError
        moment = request["ScheduleExpression"].removeprefix("at(").removesuffix(")")
        due = datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp()
        world.schedule(request["Name"], due, request["Target"]["Arn"], request["Target"]["Input"])
