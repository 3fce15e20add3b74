"""One deployed system for all journeys; each test tells its own events by job or message id."""

from __future__ import annotations

import json
import time
import uuid
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from infra.local.embedded import EmbeddedAws
from infra.local.subscriber import Subscriber

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

SECONDS = 30.0


class System:
    """The deployed stacks, as an application, a receiving server and an operator see them."""

    def __init__(self, aws: EmbeddedAws, subscriber: Subscriber) -> None:
        self.outputs: Mapping[str, Any] = aws.outputs
        self.client = aws.client
        self._subscriber = subscriber
        self._sqs = aws.client("sqs")
        self._sns = aws.client("sns")
        self.simulator = httpx.Client(base_url=f"{aws.outputs['ses_endpoint_url']}/_simulator/", timeout=30)

    def close(self) -> None:
        self.simulator.close()

    def enqueue(self, body: str) -> str:
        """Put a body on the send queue; returns its SQS message id."""
        answer = self._sqs.send_message(QueueUrl=self.outputs["SendQueueUrl"], MessageBody=body)
        return str(answer["MessageId"])

    def enqueue_together(self, bodies: list[str]) -> None:
        entries = [{"Id": str(index), "MessageBody": body} for index, body in enumerate(bodies)]
        answer = self._sqs.send_message_batch(QueueUrl=self.outputs["SendQueueUrl"], Entries=entries)
        assert not answer.get("Failed")

    def send(self, **fields: object) -> str:
        """Enqueue a good job, changed by `fields`; returns its id."""
        job = {
            "job_id": f"job-{uuid.uuid4().hex}",
            "from_email": "Shop <shop@example.com>",
            "to": ["success@simulator.amazonses.com"],
            "subject": "Your order",
            "text": "It is on its way.",
            **fields,
        }
        self.enqueue(json.dumps(job))
        return str(job["job_id"])

    def publish(self, topic: str, message: str) -> None:
        """Publish on a topic (`TrackingTopicArn`, `InboundTopicArn`) as SES does."""
        self._sns.publish(TopicArn=self.outputs[topic], Message=message)

    def details(self, **wanted: object) -> list[dict[str, Any]]:
        """The details of the events so far whose fields are as wanted."""
        return _matching(self._subscriber.events, wanted)

    def wait(self, count: int, **wanted: object) -> list[dict[str, Any]]:
        """Wait for at least `count` events whose fields are as wanted."""
        self._subscriber.wait(lambda events: len(_matching(events, wanted)) >= count, SECONDS)
        found = self.details(**wanted)
        assert len(found) >= count, f"{len(found)} of {count} events with {wanted}"
        return found

    def whole_events(self) -> tuple[dict[str, Any], ...]:
        return self._subscriber.events

    def wait_until(self, enough: Callable[[tuple[dict[str, Any], ...]], bool]) -> bool:
        return self._subscriber.wait(enough, SECONDS)

    def wait_for_account(self, enough: Callable[[dict[str, Any]], bool]) -> None:
        """Wait until the simulated account is as wanted."""
        deadline = time.monotonic() + SECONDS
        while not enough(self.simulator.get("account").raise_for_status().json()):
            assert time.monotonic() < deadline, "the simulated account never got there"

    def dead_letter(self, output: str, needle: str) -> dict[str, Any]:
        """Wait for the dead letter whose body holds `needle`; it is taken from the queue."""
        url = self.outputs[output]
        for _ in range(int(SECONDS)):
            answer = self._sqs.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=10,
                WaitTimeSeconds=1,
                MessageAttributeNames=["All"],
                VisibilityTimeout=0,
            )
            for message in answer.get("Messages", []):
                if needle in message["Body"]:
                    self._sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                    attributes = message.get("MessageAttributes", {})
                    return {
                        "body": message["Body"],
                        **{name: value["StringValue"] for name, value in attributes.items()},
                    }
        pytest.fail(f"no dead letter with {needle!r} in {output}")

    def dead_letters(self, output: str) -> int:
        """How many dead letters there are now."""
        attribute = "ApproximateNumberOfMessages"
        answer = self._sqs.get_queue_attributes(QueueUrl=self.outputs[output], AttributeNames=[attribute])
        return int(answer["Attributes"][attribute])

    def wait_until_empty(self, output: str) -> None:
        """Wait until nothing waits in a queue, nor is being worked on."""
        attributes = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        deadline = time.monotonic() + SECONDS
        while True:
            answer = self._sqs.get_queue_attributes(QueueUrl=self.outputs[output], AttributeNames=attributes)
            if not any(int(answer["Attributes"][name]) for name in attributes):
                return
            assert time.monotonic() < deadline, f"{output} never gets empty"

    def sent_message(self, message_id: str) -> dict[str, Any]:
        """What the simulated SES accepted under a message id."""
        page: dict[str, Any] = {"next": ""}
        while page["next"] is not None:
            query = {"next": page["next"]} if page["next"] else {}
            page = self.simulator.get("messages", params=query).raise_for_status().json()
            for message in page["messages"]:
                if message["message_id"] == message_id:
                    found: dict[str, Any] = message
                    return found
        pytest.fail(f"SES never accepted {message_id}")

    def receive(self, raw: bytes, *recipients: str, sender: str = "ada@example.org") -> str:
        """Let a mail arrive; returns SES's message id."""
        answer = self.simulator.post(
            "inbound",
            params={"mail_from": sender, "rcpt_to": recipients or ("support@inbound.example.com",)},
            content=raw,
        ).raise_for_status()
        return str(answer.json()["message_id"])


def _matching(events: tuple[dict[str, Any], ...], wanted: dict[str, object]) -> list[dict[str, Any]]:
    details = (event["detail"] for event in events)
    return [detail for detail in details if all(detail.get(name) == value for name, value in wanted.items())]


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    directory = tmp_path_factory.mktemp("embedded-aws")
    with (
        EmbeddedAws(directory=directory) as aws,
        Subscriber(aws, "journeys") as subscriber,
    ):
        system = System(aws, subscriber)
        yield system
        system.close()


@pytest.fixture(autouse=True)
def _calm(request: pytest.FixtureRequest) -> Iterator[None]:
    """Faults and account settings never outlive their test."""
    yield
    if "system" in request.fixturenames:
        system: System = request.getfixturevalue("system")
        system.simulator.delete("faults").raise_for_status()
