"""The rules of a bus and their queues, as far as live events need them, behind clients of boto3."""

from __future__ import annotations

import fnmatch
import json
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from mailbus_cli.deployment import Deployment

if TYPE_CHECKING:
    from collections.abc import Iterator

    import boto3

BUS = "mailbus-prod"
ARN = "arn:aws:events:eu-west-1:210987654321:rule"
URL = "https://sqs.eu-west-1.amazonaws.com/210987654321"
GONE = "AWS.SimpleQueueService.NonExistentQueue"


class FakeBus:
    """Both services at once. `refused` are operations that are denied, by their boto3 name."""

    def __init__(self) -> None:
        self.rules: dict[str, dict[str, Any]] = {}
        self.queues: dict[str, dict[str, Any]] = {}
        self.messages: list[str] = []
        self.refused: set[str] = set()
        self.calls: list[str] = []

    def deployment(self, stage: str = "prod") -> Deployment:
        return Deployment(
            stage=stage, session=cast("boto3.Session", _Session(self)), outputs={"EventBusName": BUS}
        )

    def put(self, *details: dict[str, Any]) -> None:
        """Deliver events to the queue."""
        self.messages += [
            json.dumps({"source": "mailbus", "detail-type": f"email.{one['event_type']}", "detail": one})
            for one in details
        ]

    def __getattr__(self, name: str) -> Any:
        operation = getattr(type(self), f"_{name}")

        def call(**request: Any) -> Any:
            self.calls.append(name)
            if name in self.refused:
                msg = "AccessDenied"
                raise _error(
                    msg,
                    f"User: arn:aws:iam::210987654321:user/ada is not authorized to perform: events:{name}",
                    name,
                )
            return operation(self, **request)

        return call

    def _put_rule(self, *, Name: str, **rule: Any) -> dict[str, Any]:  # noqa: N803 - AWS's names, as below
        self.rules[Name] = {"Name": Name, **rule, "targets": []}
        return {"RuleArn": f"{ARN}/{BUS}/{Name}"}

    def _put_targets(self, *, Rule: str, EventBusName: str, Targets: list[Any]) -> None:  # noqa: N803
        assert EventBusName == BUS
        self.rules[Rule]["targets"] += Targets

    def _remove_targets(self, *, Rule: str, EventBusName: str, Ids: list[str]) -> None:  # noqa: N803
        rule = self._rule(Rule, EventBusName)
        rule["targets"] = [target for target in rule["targets"] if target["Id"] not in Ids]

    def _delete_rule(self, *, Name: str, EventBusName: str) -> None:  # noqa: N803
        assert not self._rule(Name, EventBusName)["targets"]
        del self.rules[Name]

    def _create_queue(self, *, QueueName: str, Attributes: Any, tags: dict[str, str]) -> dict[str, str]:  # noqa: N803
        self.queues[QueueName] = {"Attributes": Attributes, "tags": tags}
        return {"QueueUrl": f"{URL}/{QueueName}"}

    def _get_queue_url(self, *, QueueName: str) -> dict[str, str]:  # noqa: N803
        if QueueName not in self.queues:
            raise _error(GONE, "gone", "GetQueueUrl")
        return {"QueueUrl": f"{URL}/{QueueName}"}

    def _tag_queue(self, *, QueueUrl: str, Tags: dict[str, str]) -> None:  # noqa: N803
        self._queue(QueueUrl)["tags"].update(Tags)

    def _list_queue_tags(self, *, QueueUrl: str) -> dict[str, Any]:  # noqa: N803
        return {"Tags": self._queue(QueueUrl)["tags"]}

    def _delete_queue(self, *, QueueUrl: str) -> None:  # noqa: N803
        self._queue(QueueUrl)
        del self.queues[QueueUrl.rpartition("/")[2]]

    def _receive_message(self, **request: Any) -> dict[str, Any]:
        self._queue(request["QueueUrl"])
        assert 0 <= request["WaitTimeSeconds"] <= 20
        count = request["MaxNumberOfMessages"]
        given, self.messages = self.messages[:count], self.messages[count:]
        return {"Messages": [{"Body": body} for body in given]} if given else {}

    def get_paginator(self, operation: str) -> _Pages:
        return _Pages(self, operation)

    def _list_queues(self, *, QueueNamePrefix: str) -> dict[str, Any]:  # noqa: N803
        urls = [f"{URL}/{name}" for name in self.queues if fnmatch.fnmatch(name, f"{QueueNamePrefix}*")]
        return {"QueueUrls": urls} if urls else {}

    def _list_rules(self, *, EventBusName: str, NamePrefix: str) -> dict[str, Any]:  # noqa: N803
        assert EventBusName == BUS
        return {"Rules": [rule for name, rule in self.rules.items() if name.startswith(NamePrefix)]}

    def _rule(self, name: str, bus: str) -> dict[str, Any]:
        if bus != BUS or name not in self.rules:
            msg = "ResourceNotFoundException"
            raise _error(msg, "no rule", "DeleteRule")
        return self.rules[name]

    def _queue(self, url: str) -> dict[str, Any]:
        if url.rpartition("/")[2] not in self.queues:
            raise _error(GONE, "gone", "ReceiveMessage")
        return self.queues[url.rpartition("/")[2]]


class _Pages:
    def __init__(self, bus: FakeBus, operation: str) -> None:
        self._bus = bus
        self._operation = operation

    def paginate(self, **request: Any) -> Iterator[Any]:
        yield getattr(self._bus, self._operation)(**request)


class _Session:
    region_name = "eu-west-1"

    def __init__(self, bus: FakeBus) -> None:
        self._bus = bus

    def client(self, service: str, **_options: Any) -> FakeBus:
        assert service in {"sqs", "events"}
        return self._bus


def _error(code: str, message: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)
