"""Models of services that pacing does not need: the bus, Scheduler and S3; and queues that take a part."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from bench.protocol.faults import happens
from bench.world.costs import CALL_CPU, EVENTS_SECONDS, ITEM_CPU, OTHER_SPREAD, SQS_SECONDS
from bench.world.sqs import SqsClient

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from bench.protocol.faults import Faults
    from bench.protocol.network import Network

# within a minute: https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
SCHEDULE_SECONDS: Final = 60.0


class BusClient:
    """EventBridge, as a process calls it: `take` gets the detail of each entry that is put."""

    def __init__(
        self,
        network: Network,
        chance: random.Random,
        faults: Callable[[], Faults],
        take: Callable[[str], None],
    ) -> None:
        self._network = network
        self._chance = chance
        self._faults = faults
        self._take = take

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - AWS's name
        """Put entries, of which some may fail."""
        part = self._faults().part
        fails = [happens(self._chance, part / 2) for _ in Entries]

        def answer() -> dict[str, Any]:
            for entry, failed in zip(Entries, fails, strict=True):
                if not failed:
                    self._take(entry["Detail"])
            return {
                "FailedEntryCount": sum(fails),
                "Entries": [
                    {"ErrorCode": "ThrottlingException"} if failed else {"EventId": "1"} for failed in fails
                ],
            }

        half = EVENTS_SECONDS / 2 * self._chance.uniform(*OTHER_SPREAD)
        return self._network.call(CALL_CPU + ITEM_CPU * len(Entries), half, half, answer)


class PartlyFailingSqs(SqsClient):
    """SQS, as a process calls it: of a batch it may take a part."""

    def __init__(self, *arguments: Any, faults: Callable[[], Faults], **options: Any) -> None:  # noqa: ANN401 - the base's
        super().__init__(*arguments, **options)
        self._faults = faults

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - AWS's names
        """Send messages, of which some may fail."""
        taken, failed = Entries, []
        if happens(self._chance, self._faults().part):
            number = self._chance.randrange(len(Entries))
            taken, failed = Entries[:number], Entries[number:]
        if taken:
            super().send_message_batch(QueueUrl=QueueUrl, Entries=taken)
        refused = [{"Id": one["Id"], "Code": "ServiceUnavailable", "SenderFault": False} for one in failed]
        return {"Failed": refused} if refused else {}


class Conflict(ClientError):  # noqa: N818 - as Scheduler names it
    """A schedule with this name exists."""


class SchedulerExceptions:
    """The errors that callers catch."""

    ConflictException = Conflict


class SchedulerClient:
    """EventBridge Scheduler: one schedule of a name, which is deleted when it has run.

    `schedule` is called with the name, the time and the target; it returns False if there is such a name.
    """

    exceptions = SchedulerExceptions

    def __init__(self, network: Network, schedule: Callable[[str, float, str, str], bool]) -> None:
        self._network = network
        self._schedule = schedule

    def create_schedule(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - a request of boto3
        """Create a one-time schedule."""
        moment = request["ScheduleExpression"].removeprefix("at(").removesuffix(")")
        due = datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp()

        def answer() -> dict[str, Any]:
            target = request["Target"]
            if not self._schedule(request["Name"], due, target["Arn"], target["Input"]):
                raise Conflict(
                    {"Error": {"Code": "ConflictException", "Message": "exists"}}, "CreateSchedule"
                )
            return {}

        return self._network.call(CALL_CPU, SQS_SECONDS, SQS_SECONDS, answer)


class S3Client:
    """S3: objects by bucket and key."""

    def __init__(self, network: Network, objects: dict[tuple[str, str], bytes]) -> None:
        self._network = network
        self._objects = objects

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, **_: str) -> dict[str, Any]:  # noqa: N803 - AWS's names
        """Write an object."""

        def answer() -> dict[str, Any]:
            self._objects[Bucket, Key] = Body
            return {}

        return self._network.call(CALL_CPU, SQS_SECONDS, SQS_SECONDS, answer)

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 - AWS's names
        """Read an object."""

        def answer() -> dict[str, Any]:
            body = self._objects.get((Bucket, Key))
            if body is None:
                raise ClientError({"Error": {"Code": "NoSuchKey", "Message": "none"}}, "GetObject")
            return {"Body": io.BytesIO(body), "ContentLength": len(body)}

        return self._network.call(CALL_CPU, SQS_SECONDS, SQS_SECONDS, answer)
