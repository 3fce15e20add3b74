"""`examples/node`, compiled and run beside the deployed stacks: a sender and a consumer in TypeScript."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from tests.e2e.system import eventually
from tests.unit.node_example import NODE_EXAMPLE, tsc

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.system import System


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """The compiled example with the variables of its environment, and where its consumer writes notes."""

    node: str
    build: Path
    variables: dict[str, str]
    notes: Path

    def send(self, address: str, order: str) -> str:
        """Run the sender; return what it prints."""
        command = [self.node, str(self.build / "send.js"), address, order]
        ran = subprocess.run(command, env=self.variables, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    def noted(self, about: str) -> list[tuple[str, str]]:
        """Return the ids of the events that were noted about a job or an address, with what was noted."""
        read = [(path.stem, json.loads(path.read_text() or "{}")) for path in self.notes.glob("*.json")]
        return [(event_id, note["what"]) for event_id, note in read if note.get("about") == about]


@pytest.fixture(scope="module")
def queue_url(system: System) -> str:
    sqs, events = system.client("sqs"), system.client("events")
    url: str = sqs.create_queue(QueueName="node-example")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    bus = system.outputs["EventBusName"]
    events.put_rule(Name="node-example", EventBusName=bus, EventPattern='{"source": ["mailbus"]}')
    events.put_targets(Rule="node-example", EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])
    return url


@pytest.fixture(scope="module")
def example(system: System, queue_url: str, tmp_path_factory: pytest.TempPathFactory) -> Example:
    folder = tmp_path_factory.mktemp("node")
    # Node looks for packages above the compiled files
    (folder / "node_modules").symlink_to(NODE_EXAMPLE / "node_modules")
    (folder / "package.json").write_text('{ "type": "module" }')
    compiled = tsc("--project", str(NODE_EXAMPLE), "--outDir", str(folder / "build"))
    assert compiled.returncode == 0, compiled.stdout
    (folder / "notes").mkdir()
    node = shutil.which("node")
    assert node is not None
    return Example(
        node=node,
        build=folder / "build",
        variables={
            "PATH": os.environ["PATH"],
            "AWS_ENDPOINT_URL": system.outputs["endpoint_url"],
            "AWS_REGION": system.outputs["region"],
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "SEND_QUEUE_URL": system.outputs["SendQueueUrl"],
            "EVENT_QUEUE_URL": queue_url,
        },
        notes=folder / "notes",
    )


@pytest.fixture(scope="module")
def consumer(example: Example) -> Iterator[subprocess.Popen[str]]:
    """The consumer, which runs through all tests; it ends at a signal, without an error."""
    log = example.notes.parent / "consumer.log"
    with log.open("w") as written:
        process = subprocess.Popen(
            [example.node, str(example.build / "consume.js"), str(example.notes)],
            env=example.variables,
            stdout=written,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            status = process.wait(timeout=60)
    assert status == 0, log.read_text()


pytestmark = pytest.mark.usefixtures("consumer")


def _publish(system: System, detail: dict[str, Any]) -> None:
    entry = {
        "EventBusName": system.outputs["EventBusName"],
        "Source": "mailbus",
        "DetailType": f"email.{detail['event_type']}",
        "Detail": json.dumps(detail),
    }
    system.client("events").put_events(Entries=[entry])


def test_a_sent_mail_is_noted_as_delivered_once(system: System, example: Example) -> None:
    order = uuid.uuid4().hex[:12]
    job = f"job confirmation-{order}"

    assert example.send("success@simulator.amazonses.com", order) == f"enqueued confirmation-{order}\n"
    # the same job again, as after a timeout
    example.send("success@simulator.amazonses.com", order)
    (delivered,) = system.wait(1, job_id=f"confirmation-{order}", event_type="delivered")
    noted = (delivered["event_id"], "delivered to success@simulator.amazonses.com")
    eventually(lambda: example.noted(job) == [noted], "a note of the delivery")

    assert delivered["metadata"] == {"order": order}
    assert delivered["tags"] == ["confirmation"]
    # a repeated event, as the bus may deliver it, and then another one
    _publish(system, delivered)
    later = {**delivered, "event_id": uuid.uuid4().hex}
    _publish(system, later)
    both = sorted([noted, (later["event_id"], noted[1])])
    eventually(lambda: sorted(example.noted(job)) == both, "a note of the later event")
    log = example.notes.parent / "consumer.log"
    eventually(lambda: f"repeated {delivered['event_id']}" in log.read_text(), "the repeated event")
    assert sorted(example.noted(job)) == both
    assert log.read_text().count(f"noted {delivered['event_id']}") == 1


def test_a_permanent_bounce_is_noted_about_the_address(system: System, example: Example) -> None:
    address = f"bounce+{uuid.uuid4().hex[:8]}@simulator.amazonses.com"
    order = uuid.uuid4().hex[:12]

    example.send(address, order)

    (bounced,) = system.wait(1, job_id=f"confirmation-{order}", event_type="bounced")
    noted = [(bounced["event_id"], "does not exist")]
    eventually(lambda: example.noted(f"address {address}") == noted, "a note of the bounce")


def test_a_message_that_is_not_an_event_does_not_stop_the_consumer(
    system: System, example: Example, queue_url: str
) -> None:
    system.client("sqs").send_message(QueueUrl=queue_url, MessageBody="not JSON")
    log = example.notes.parent / "consumer.log"
    eventually(lambda: "SyntaxError" in log.read_text(), "the error in the log")
    order = uuid.uuid4().hex[:12]

    example.send("success@simulator.amazonses.com", order)

    eventually(lambda: example.noted(f"job confirmation-{order}"), "a note after the error")


def test_a_job_that_fails_is_noted_with_what_to_fix(system: System, example: Example) -> None:
    order = uuid.uuid4().hex[:12]

    example.send("not an address", order)

    (failed,) = system.wait(1, job_id=f"confirmation-{order}", event_type="failed")
    (note,) = eventually(lambda: example.noted(f"job confirmation-{order}"), "a note of the failure")
    assert note == (failed["event_id"], f"InvalidJob: {failed['description']}")


@pytest.mark.parametrize("program", ["send.js", "consume.js"])
def test_a_program_without_arguments_says_how_it_is_used(example: Example, program: str) -> None:
    command = [example.node, str(example.build / program)]
    ran = subprocess.run(command, env=example.variables, capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    # a warning of the SDK, about the version of Node, may be beside it
    assert "usage: " in ran.stderr
