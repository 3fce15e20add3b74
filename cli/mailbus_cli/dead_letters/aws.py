"""The edge to AWS: receives, sends and deletes messages, and reads and stores jobs in S3."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from mailbus.chunks import chunked
from mailbus.sqs_messages import MAX_CALL_MESSAGES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mailbus.jobs.contract import S3Object
    from mailbus_cli.deployment import Deployment

#: How many calls are made at a time: one takes ten messages, and a tenth of a second from afar.
CALLS: Final = 4


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """A message for a queue; `id` is that of the letter that it is of."""

    id: str
    body: str
    attributes: Mapping[str, Any]
    group_id: str | None = None

    @property
    def size(self) -> int:
        """Its bytes as SQS counts them."""
        return len(self.body.encode()) + sum(
            len(name) + len(value["DataType"]) + len(value["StringValue"].encode())
            for name, value in self.attributes.items()
        )


class Queues:
    """SQS, for a deployment."""

    def __init__(self, deployment: Deployment) -> None:
        self._client = deployment.client("sqs")
        # With long polling all of SQS's servers are asked, and none is left out by chance; the embedded AWS
        # is one server:
        # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html
        self._wait = 0 if deployment.is_local else 1

    def counts(self, url: str) -> tuple[int, int]:
        """Return about how many messages can be received, and how many somebody else has received."""
        answer = self._client.get_queue_attributes(
            QueueUrl=url,
            AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
        )["Attributes"]
        return (
            int(answer["ApproximateNumberOfMessages"]),
            int(answer["ApproximateNumberOfMessagesNotVisible"]),
        )

    def receive(self, url: str, *, calls: int, seconds: int) -> list[Mapping[str, Any]]:
        """Receive ten messages a call, which nobody else receives for some seconds."""

        def call(_: int) -> list[Mapping[str, Any]]:
            answer = self._client.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=MAX_CALL_MESSAGES,
                VisibilityTimeout=seconds,
                WaitTimeSeconds=self._wait,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["All"],
            )
            found: list[Mapping[str, Any]] = answer.get("Messages", [])
            return found

        if calls == 1:
            return call(0)
        with ThreadPoolExecutor(max_workers=calls) as pool:
            return [message for found in pool.map(call, range(calls)) for message in found]

    def give_back(self, url: str, handles: Iterable[str]) -> None:
        """Let others receive messages again; those that SQS does not answer for are visible in seconds."""

        def call(batch: Sequence[str]) -> None:
            try:
                self._client.change_message_visibility_batch(
                    QueueUrl=url,
                    Entries=[
                        {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": 0}
                        for number, handle in enumerate(batch)
                    ],
                )
            except (ClientError, BotoCoreError):
                return

        with ThreadPoolExecutor(max_workers=CALLS) as pool:
            list(pool.map(call, chunked(handles, MAX_CALL_MESSAGES)))

    def send(self, url: str, messages: Sequence[Outgoing]) -> dict[str, str]:
        """Send messages by one call; return why SQS did not take some, by their ids."""
        answer = self._client.send_message_batch(
            QueueUrl=url, Entries=[_entry(number, one) for number, one in enumerate(messages)]
        )
        return {
            messages[int(failure["Id"])].id: failure.get("Message") or failure["Code"]
            for failure in answer.get("Failed", [])
        }

    def delete(self, url: str, handles: Mapping[str, str]) -> dict[str, str]:
        """Delete messages by their receipt handles; return why some were not deleted, by the same keys."""
        failed: dict[str, str] = {}
        for batch in chunked(handles.items(), MAX_CALL_MESSAGES):
            answer = self._client.delete_message_batch(
                QueueUrl=url,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": handle} for number, (_, handle) in enumerate(batch)
                ],
            )
            failed |= {
                batch[int(failure["Id"])][0]: failure.get("Message") or failure["Code"]
                for failure in answer.get("Failed", [])
            }
        return failed


def read_object(deployment: Deployment, at: S3Object) -> str:
    """Return a job's document in S3. Raises botocore's errors, and `UnicodeDecodeError`."""
    version = {"VersionId": at.version_id} if at.version_id else {}
    answer = deployment.client("s3").get_object(Bucket=at.bucket, Key=at.key, **version)
    content: bytes = answer["Body"].read()
    return content.decode()


def store_object(deployment: Deployment, at: S3Object, body: bytes) -> None:
    """Store a job's document in S3. Raises botocore's errors."""
    deployment.client("s3").put_object(
        Bucket=at.bucket, Key=at.key, Body=body, ContentType="application/json"
    )


def function_environment(deployment: Deployment, name: str) -> Mapping[str, str]:
    """Return the environment of a function; an empty one if these credentials may not read it."""
    try:
        answer = deployment.client("lambda").get_function_configuration(FunctionName=name)
    except (ClientError, BotoCoreError):
        return {}
    variables: Mapping[str, str] = answer.get("Environment", {}).get("Variables", {})
    return variables


def _entry(number: int, message: Outgoing) -> dict[str, Any]:
    group = {"MessageGroupId": message.group_id} if message.group_id else {}
    return {
        "Id": str(number),
        "MessageBody": message.body,
        "MessageAttributes": dict(message.attributes),
        **group,
    }
