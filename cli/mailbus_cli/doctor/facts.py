"""The facts that checks judge, each read from AWS once, when the first check asks for it."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import msgspec

from mailbus_cli.dead_letters.queues import queues
from mailbus_cli.doctor.pace import Pace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mailbus_cli.deployment import Deployment
    from mailbus_cli.dns import Resolver

T = TypeVar("T")

# SES takes one call a second of each of its actions but those that send, so many names take as many seconds.
MOST_IDENTITIES: Final = 8
MOST_CONFIGURATION_SETS: Final = 8


class WorkQueue(msgspec.Struct, frozen=True, kw_only=True):
    """A queue that a function reads, with the outputs that name them."""

    name: str
    url: str
    dead_letters: str
    function: str


class TopicRoute(msgspec.Struct, frozen=True, kw_only=True):
    """A topic that SES publishes to, with the outputs that name it, its queue and its dead-letter queue."""

    name: str
    topic: str
    queue: str
    dead_letters: str


_WORK_QUEUES: Final = (
    WorkQueue(
        name="transactional",
        url="SendQueueUrl",
        dead_letters="SendDeadLetterQueueUrl",
        function="SenderFunctionName",
    ),
    WorkQueue(
        name="bulk", url="BulkQueueUrl", dead_letters="SendDeadLetterQueueUrl", function="SenderFunctionName"
    ),
    WorkQueue(
        name="tracking",
        url="TrackingQueueUrl",
        dead_letters="TrackingDeadLetterQueueUrl",
        function="TrackingFunctionName",
    ),
    WorkQueue(
        name="inbound",
        url="InboundQueueUrl",
        dead_letters="InboundDeadLetterQueueUrl",
        function="InboundFunctionName",
    ),
    WorkQueue(
        name="timeline",
        url="TimelineQueueUrl",
        dead_letters="TimelineDeadLetterQueueUrl",
        function="TimelineFunctionName",
    ),
)
_ROUTES: Final = (
    TopicRoute(
        name="tracking",
        topic="TrackingTopicArn",
        queue="TrackingQueueUrl",
        dead_letters="TrackingDeadLetterQueueUrl",
    ),
    TopicRoute(
        name="inbound",
        topic="InboundTopicArn",
        queue="InboundQueueUrl",
        dead_letters="InboundDeadLetterQueueUrl",
    ),
)
_FUNCTIONS: Final = (
    "SenderFunctionName",
    "TrackingFunctionName",
    "InboundFunctionName",
    "TimelineFunctionName",
    "GuardFunctionName",
    "WebhookFunctionName",
)


class Facts:
    """The facts of one run on one deployment; threads share them.

    Methods raise botocore's errors. `resolver` is None where DNS is not asked.
    """

    def __init__(self, deployment: Deployment, resolver: Resolver | None) -> None:
        self.deployment = deployment
        self.resolver = resolver
        self._pace = Pace()
        self._known: dict[object, Future[Any]] = {}
        self._lock = threading.Lock()

    # --- what the stage's outputs say

    def output(self, name: str) -> str | None:
        """Return a stack output; None if the stage has none of that name."""
        return self.deployment.outputs.get(name)

    def outputs(self, name: str) -> list[str]:
        """Return the values of an output that has several."""
        return [value for value in (self.output(name) or "").split(",") if value]

    def numbered(self, name: str) -> list[str]:
        """Return the values of outputs such as `MxRecord1`, `MxRecord2`, in order."""
        found = {
            int(output.removeprefix(name)): value
            for output, value in self.deployment.outputs.items()
            if output.startswith(name) and output.removeprefix(name).isdecimal()
        }
        return [found[number] for number in sorted(found)]

    @property
    def identities(self) -> list[str]:
        """The identities of this account that mail is sent from, that of the stage first; not all of many."""
        own = self.output("Identity")
        others = [name for name in self.outputs("OtherIdentities") if not name.startswith("arn:")]
        return [*([own] if own else []), *others][:MOST_IDENTITIES]

    @property
    def configuration_sets(self) -> list[str]:
        """The configuration sets that mail is sent with, that of the stage first; not all of many."""
        own = self.output("ConfigurationSetName")
        return [*([own] if own else []), *self.outputs("OtherConfigurationSets")][:MOST_CONFIGURATION_SETS]

    @property
    def ses_region(self) -> str:
        """The region of the SES that mail is sent through."""
        return self.output("SesRegion") or self.deployment.region

    @property
    def ses_role(self) -> str | None:
        """The role with which mail is sent through SES of another account; None if it is this account's."""
        return self.output("SesRoleArn")

    @property
    def work_queues(self) -> list[WorkQueue]:
        """The queues that the stage's functions read."""
        return [queue for queue in _WORK_QUEUES if queue.url in self.deployment.outputs]

    @property
    def routes(self) -> list[TopicRoute]:
        """The topics of the stage that SES publishes to."""
        return [route for route in _ROUTES if route.topic in self.deployment.outputs]

    @property
    def dead_letter_queues(self) -> dict[str, str]:
        """The URLs of the dead-letter queues, by `send`, `tracking` and so on."""
        return {queue.name: queue.url for queue in queues(self.deployment.outputs)}

    @property
    def functions(self) -> dict[str, str]:
        """The names of the functions, by `sender`, `tracking` and so on."""
        return {
            output.removesuffix("FunctionName").lower(): self.deployment.outputs[output]
            for output in _FUNCTIONS
            if output in self.deployment.outputs
        }

    # --- what AWS says

    def read(self, service: str, operation: str, **parameters: Any) -> Mapping[str, Any]:  # noqa: ANN401 - as boto3
        """Return AWS's answer to a call; the same call is made once."""
        key = (service, operation, repr(sorted(parameters.items())))
        return self.once(key, lambda: self._call(service, operation, parameters))

    def once(self, key: object, read: Callable[[], T]) -> T:
        """Return what `read` returns, or raise what it raises; it is called once for each key."""
        with self._lock:
            known = self._known.get(key)
            first = known is None
            future = cast("Future[T]", Future() if known is None else known)
            self._known[key] = future
        if first:
            try:
                future.set_result(read())
            except BaseException as error:  # noqa: BLE001 - each check that asks raises it
                future.set_exception(error)
        return future.result()

    def _call(self, service: str, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        client = self.deployment.client(service, region=self.ses_region if service == "sesv2" else None)
        call: Callable[..., Mapping[str, Any]] = getattr(client, operation)
        if service in {"ses", "sesv2"}:
            return self._pace.call(operation, lambda: call(**parameters))
        return call(**parameters)

    def account(self) -> Mapping[str, Any]:
        """Return SES's account."""
        return self.read("sesv2", "get_account")

    def identity(self, name: str) -> Mapping[str, Any]:
        """Return an identity of SES."""
        return self.read("sesv2", "get_email_identity", EmailIdentity=name)

    def queue(self, url: str) -> Mapping[str, str]:
        """Return all attributes of a queue."""
        return cast(
            "Mapping[str, str]",
            self.read("sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=["All"])["Attributes"],
        )

    def function(self, name: str) -> Mapping[str, Any]:
        """Return the configuration of a function."""
        return self.read("lambda", "get_function_configuration", FunctionName=name)

    def mappings(self, queue_arn: str) -> list[Mapping[str, Any]]:
        """Return the event source mappings of a queue."""
        answer = self.read("lambda", "list_event_source_mappings", EventSourceArn=queue_arn)
        return [*answer["EventSourceMappings"]]
