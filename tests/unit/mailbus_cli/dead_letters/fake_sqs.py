"""A stand-in for SQS with dead-letter queues, and a deployment that has it."""

from __future__ import annotations

import itertools
import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import msgspec

from mailbus_cli.dead_letters import queues
from tests.unit.fakes.clients import refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mailbus_cli.deployment import Deployment

HOST = "https://sqs.eu-west-1.amazonaws.com/210987654321"
ARN = "arn:aws:sqs:eu-west-1:210987654321"
OUTPUTS = {
    "SendQueueUrl": f"{HOST}/send",
    "BulkQueueUrl": f"{HOST}/bulk",
    "SendDeadLetterQueueUrl": f"{HOST}/send-dead",
    "TrackingQueueUrl": f"{HOST}/tracking",
    "TrackingDeadLetterQueueUrl": f"{HOST}/tracking-dead",
    "TimelineQueueUrl": f"{HOST}/timeline",
    "TimelineDeadLetterQueueUrl": f"{HOST}/timeline-dead",
    "JobsBucketName": "jobs",
    "SenderFunctionName": "sender",
}
SEND = queues.named(OUTPUTS, "send")
TRACKING = queues.named(OUTPUTS, "tracking")
JOB = {
    "job_id": "ticket-3317",
    "from_email": "tickets@example.com",
    "to": ["Kim <kim@example.net>"],
    "subject": "Your ticket",
    "text": "Your ticket is attached.",
}


def text_of(job: Mapping[str, Any] = JOB, **fields: Any) -> str:
    return json.dumps({**job, **fields})


class Message(msgspec.Struct, kw_only=True):
    id: str
    body: str
    attributes: dict[str, Any]
    system: dict[str, str]
    handle: str = ""
    visible_at: float = 0.0


class FakeSqs:
    """Messages by queue, with visibility and receipt handles; `fails` returns the error of a call."""

    def __init__(self) -> None:
        self.queues: dict[str, list[Message]] = {url: [] for url in OUTPUTS.values() if url.startswith(HOST)}
        self.now = 0.0
        self.fails: Callable[[str, dict[str, Any]], Exception | None] = lambda *_: None
        self.refuses: Callable[[str, str], bool] = lambda *_: False
        self.per_receive = 10
        self.calls: list[str] = []
        self._ids = itertools.count(1)

    def put(
        self,
        name: str,
        body: str,
        attributes: Mapping[str, str] | None = None,
        *,
        system: Mapping[str, str] | None = None,
        sent: float | None = None,
    ) -> str:
        number = next(self._ids)
        self.queues[f"{HOST}/{name}"].append(
            Message(
                id=f"letter-{number}",
                body=body,
                attributes={
                    key: {"DataType": "Number" if key == "Part" else "String", "StringValue": value}
                    for key, value in (attributes or {}).items()
                },
                system={"SentTimestamp": str(int((sent or number) * 1000)), **(system or {})},
            )
        )
        return f"letter-{number}"

    def bodies(self, name: str) -> list[str]:
        return [message.body for message in self.queues[f"{HOST}/{name}"]]

    def visible(self, name: str) -> list[str]:
        return [m.id for m in self.queues[f"{HOST}/{name}"] if m.visible_at <= self.now]

    def get_queue_attributes(self, **call: Any) -> dict[str, Any]:
        self._call("get_queue_attributes", call)
        found = self.queues[call["QueueUrl"]]
        visible = sum(message.visible_at <= self.now for message in found)
        return {
            "Attributes": {
                "ApproximateNumberOfMessages": str(visible),
                "ApproximateNumberOfMessagesNotVisible": str(len(found) - visible),
            }
        }

    def receive_message(self, **call: Any) -> dict[str, Any]:
        self._call("receive_message", call)
        found = [m for m in self.queues[call["QueueUrl"]] if m.visible_at <= self.now]
        received = []
        for message in found[: min(self.per_receive, call["MaxNumberOfMessages"])]:
            message.handle = f"{message.id}/{next(self._ids)}"
            message.visible_at = self.now + call["VisibilityTimeout"]
            received.append(
                {
                    "MessageId": message.id,
                    "ReceiptHandle": message.handle,
                    "Body": message.body,
                    "MessageAttributes": message.attributes,
                    "Attributes": message.system,
                }
            )
        return {"Messages": received} if received else {}

    def change_message_visibility_batch(self, **call: Any) -> dict[str, Any]:
        self._call("change_message_visibility_batch", call)
        for entry in call["Entries"]:
            for message in self.queues[call["QueueUrl"]]:
                if message.handle == entry["ReceiptHandle"]:
                    message.visible_at = self.now + entry["VisibilityTimeout"]
        return {}

    def send_message_batch(self, **call: Any) -> dict[str, Any]:
        self._call("send_message_batch", call)
        assert len(call["Entries"]) <= 10
        assert sum(len(entry["MessageBody"].encode()) for entry in call["Entries"]) <= 1024 * 1024
        failed = []
        for entry in call["Entries"]:
            if self.refuses("send", entry["MessageBody"]):
                failed.append({"Id": entry["Id"], "Code": "InternalError", "SenderFault": False})
                continue
            group = {"MessageGroupId": entry["MessageGroupId"]} if "MessageGroupId" in entry else {}
            self.queues[call["QueueUrl"]].append(
                Message(
                    id=f"new-{next(self._ids)}",
                    body=entry["MessageBody"],
                    attributes=entry["MessageAttributes"],
                    system=group,
                )
            )
        return {"Failed": failed}

    def delete_message_batch(self, **call: Any) -> dict[str, Any]:
        self._call("delete_message_batch", call)
        queue = self.queues[call["QueueUrl"]]
        handles = {entry["Id"]: entry["ReceiptHandle"] for entry in call["Entries"]}
        failed = [key for key, handle in handles.items() if self.refuses("delete", handle)]
        gone = {handle for key, handle in handles.items() if key not in failed}
        queue[:] = [message for message in queue if message.handle not in gone]
        return {"Failed": [{"Id": key, "Code": "InternalError", "SenderFault": False} for key in failed]}

    def _call(self, name: str, call: dict[str, Any]) -> None:
        self.calls.append(name)
        error = self.fails(name, call)
        if error is not None:
            raise error


class FakeS3:
    """Objects by bucket and key."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], bytes] = {}
        self.denied = False

    def get_object(self, **call: Any) -> dict[str, Any]:
        if self.denied:
            code = "AccessDenied"
            raise refusal(code, operation="GetObject")
        content = self.objects[call["Bucket"], call["Key"]]
        return {"Body": SimpleNamespace(read=lambda: content)}

    def put_object(self, **call: Any) -> None:
        if self.denied:
            code = "AccessDenied"
            raise refusal(code, operation="PutObject")
        self.objects[call["Bucket"], call["Key"]] = call["Body"]


class FakeLambda:
    """A function with an environment; None if it may not be read."""

    def __init__(self, variables: dict[str, str] | None = None) -> None:
        self.variables = variables

    def get_function_configuration(self, **_: Any) -> dict[str, Any]:
        if self.variables is None:
            code = "AccessDeniedException"
            raise refusal(code, operation="GetFunctionConfiguration")
        return {"Environment": {"Variables": self.variables}}


def deployment_of(sqs: FakeSqs, **clients: Any) -> Deployment:
    """Return a deployment with these clients."""
    known = {"sqs": sqs, "s3": FakeS3(), "lambda": FakeLambda({}), **clients}

    def output(name: str) -> str:
        return OUTPUTS[name]

    found: Any = SimpleNamespace(
        outputs=OUTPUTS,
        output=output,
        client=known.__getitem__,
        is_local=False,
        name="stage prod",
        region="eu-west-1",
    )
    return found  # type: ignore[no-any-return]  # as much of one as is used
