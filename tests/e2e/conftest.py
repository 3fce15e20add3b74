"""One deployed system for all journeys; each test tells its own events by job or message id."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from mailbus.ledger.records import JobRecord, RecordKey
from mailbus.ledger.table import LedgerTable
from mailbus_local.embedded import EmbeddedAws
from mailbus_local.ministack import own_environment
from mailbus_local.subscriber import Subscriber

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 30.0
POLL_SECONDS = 0.1
# The bucket of the examples; the stage `local` lets jobs refer to it.
SOURCE_BUCKET = "mailbus-example-files"
LIMITS = ("max_send_rate", "max_24_hour_send", "sending_enabled", "production_access", "latency_ms")


class System:
    """The deployed stacks, as an application, a receiving server and an operator see them."""

    def __init__(self, aws: EmbeddedAws, subscriber: Subscriber) -> None:
        self.outputs: Mapping[str, Any] = aws.outputs
        self.client = aws.client
        self._subscriber = subscriber
        self._sqs = aws.client("sqs")
        self._sns = aws.client("sns")
        self._s3 = aws.client("s3")
        self._lambda = aws.client("lambda")
        self._dynamodb = aws.client("dynamodb")
        self._ledger = LedgerTable(self._dynamodb, aws.outputs["LedgerTableName"])
        self._accepted: list[dict[str, Any]] = []
        self._letters: dict[str, list[dict[str, Any]]] = {}
        self.simulator = httpx.Client(base_url=f"{aws.outputs['ses_endpoint_url']}/_simulator/", timeout=30)
        self._s3.create_bucket(Bucket=SOURCE_BUCKET)

    def close(self) -> None:
        self.simulator.close()

    def enqueue(self, body: str, output: str = "SendQueueUrl") -> str:
        """Put a body on a send queue; returns its SQS message id."""
        answer = self._sqs.send_message(QueueUrl=self.outputs[output], MessageBody=body)
        return str(answer["MessageId"])

    def enqueue_together(self, bodies: list[str], output: str = "SendQueueUrl") -> None:
        """Put up to ten bodies on a send queue in one call."""
        entries = [{"Id": str(index), "MessageBody": body} for index, body in enumerate(bodies)]
        answer = self._sqs.send_message_batch(QueueUrl=self.outputs[output], Entries=entries)
        assert not answer.get("Failed")

    def job(self, **fields: object) -> dict[str, Any]:
        """Make a good job, changed by `fields`, with an id of its own."""
        return {
            "job_id": f"job-{uuid.uuid4().hex}",
            "from_email": "Shop <shop@example.com>",
            "to": ["success@simulator.amazonses.com"],
            "subject": "Your order",
            "text": "It is on its way.",
            **fields,
        }

    def send(self, **fields: object) -> str:
        """Enqueue a good job, changed by `fields`; returns its id."""
        job = self.job(**fields)
        self.enqueue(json.dumps(job))
        return str(job["job_id"])

    def keep(self, bucket: str, key: str, body: bytes) -> dict[str, str]:
        """Put an object into a bucket; returns what a job refers to it by."""
        self._s3.put_object(Bucket=bucket, Key=key, Body=body)
        return {"bucket": bucket, "key": key}

    def known(self, job_id: str, part: int | None = None) -> JobRecord | None:
        """What the ledger knows of a job."""
        key = RecordKey(job_id=job_id, part=part)
        return self._ledger.find([key]).get(key)

    def wait_until_known(self, job_id: str, enough: Callable[[JobRecord], bool]) -> JobRecord:
        """Wait until the ledger knows of a job what is wanted."""
        deadline = time.monotonic() + SECONDS
        while (record := self.known(job_id)) is None or not enough(record):
            assert time.monotonic() < deadline, f"the ledger only knows {record}"
            time.sleep(POLL_SECONDS)
        return record

    @contextlib.contextmanager
    def deployed_with(self, function: str, **variables: str) -> Iterator[None]:
        """Change what the deployment tells a function, for a while; a whole deployment would take long."""
        [name] = [
            found["FunctionName"]
            for found in self._lambda.list_functions()["Functions"]
            if f"{function}Function" in found["FunctionName"]
        ]
        before = self._lambda.get_function_configuration(FunctionName=name)["Environment"]["Variables"]

        def tell(environment: Mapping[str, str]) -> None:
            self._lambda.update_function_configuration(
                FunctionName=name, Environment={"Variables": environment}
            )
            self._lambda.get_waiter("function_updated_v2").wait(
                FunctionName=name, WaiterConfig={"Delay": 1, "MaxAttempts": int(SECONDS)}
            )

        tell({**before, **variables})
        try:
            yield
        finally:
            tell(before)

    def publish(self, topic: str, message: str) -> None:
        """Publish on a topic (`TrackingTopicArn`, `InboundTopicArn`) as SES does."""
        self._sns.publish(TopicArn=self.outputs[topic], Message=message)

    def details(self, **wanted: object) -> list[dict[str, Any]]:
        """The details of the events so far whose fields are as wanted."""
        return _once(_matching(self._subscriber.events, wanted))

    def wait(self, count: int, **wanted: object) -> list[dict[str, Any]]:
        """Wait for at least `count` events whose fields are as wanted; repeated ones count once."""
        self._subscriber.wait(lambda events: len(_once(_matching(events, wanted))) >= count, SECONDS)
        found = self.details(**wanted)
        assert len(found) >= count, f"{len(found)} of {count} events with {wanted}"
        return found

    def wait_for_repeated(self, count: int, **wanted: object) -> list[dict[str, Any]]:
        """Wait for at least `count` events, each copy of one counted."""
        self._subscriber.wait(lambda events: len(_matching(events, wanted)) >= count, SECONDS)
        found = _matching(self._subscriber.events, wanted)
        assert len(found) >= count, f"{len(found)} of {count} copies of events with {wanted}"
        return found

    def whole_events(self) -> tuple[dict[str, Any], ...]:
        return self._subscriber.events

    def wait_until(self, enough: Callable[[tuple[dict[str, Any], ...]], bool]) -> bool:
        return self._subscriber.wait(enough, SECONDS)

    def wait_until_rate_is_read_anew(self) -> None:
        """Wait until no worker goes by what it remembers of the account."""
        key = {"pk": {"S": "rate"}, "sk": {"S": "rate"}}
        answer = self._dynamodb.get_item(TableName=self.outputs["LedgerTableName"], Key=key)
        read_at = int(answer["Item"]["read_at"]["N"]) / 1_000_000 if "Item" in answer else 0.0
        time.sleep(max(0.0, read_at + self.outputs["rate_cache_seconds"] + POLL_SECONDS - time.time()))

    def change_account(self, **limits: float | bool) -> None:
        """Set limits of the account; all workers know them when this returns."""
        self.simulator.put("account", json=limits).raise_for_status()
        self.wait_until_rate_is_read_anew()

    def wait_for_account(self, enough: Callable[[dict[str, Any]], bool]) -> None:
        """Wait until the simulated account is as wanted."""
        deadline = time.monotonic() + SECONDS
        while not enough(self.simulator.get("account").raise_for_status().json()):
            assert time.monotonic() < deadline, "the simulated account never got there"

    def dead_letter(self, output: str, needle: str) -> dict[str, Any]:
        """Wait for the dead letter whose body holds `needle`; it is taken from the queue."""
        kept = self._letters.setdefault(output, [])
        deadline = time.monotonic() + SECONDS
        while True:
            for letter in kept:
                if needle in letter["body"]:
                    kept.remove(letter)
                    return letter
            assert time.monotonic() < deadline, f"no dead letter with {needle!r} in {output}"
            kept += self._take_letters(output)

    def _take_letters(self, output: str) -> list[dict[str, Any]]:
        """Take letters from a queue, those of other tests too: the first ones would hide the rest."""
        url = self.outputs[output]
        answer = self._sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1, MessageAttributeNames=["All"]
        )
        letters = []
        for message in answer.get("Messages", []):
            self._sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            attributes = message.get("MessageAttributes", {})
            texts = {name: value["StringValue"] for name, value in attributes.items()}
            letters.append({"body": message["Body"], **texts})
        return letters

    def dead_letters(self, output: str) -> int:
        """How many dead letters there are now."""
        attribute = "ApproximateNumberOfMessages"
        answer = self._sqs.get_queue_attributes(QueueUrl=self.outputs[output], AttributeNames=[attribute])
        return int(answer["Attributes"][attribute]) + len(self._letters.get(output, []))

    def wait_until_empty(self, output: str) -> None:
        """Wait until nothing waits in a queue, nor is being worked on."""
        attributes = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        deadline = time.monotonic() + SECONDS
        while True:
            answer = self._sqs.get_queue_attributes(QueueUrl=self.outputs[output], AttributeNames=attributes)
            if not any(int(answer["Attributes"][name]) for name in attributes):
                return
            assert time.monotonic() < deadline, f"{output} never gets empty"

    def cdk(self, directory: Path, command: str, *arguments: str) -> None:
        """Run the CDK command line on the embedded AWS, as somebody does whose stack is beside these."""
        path = (str(Path(sys.executable).parent), str(ROOT / "node_modules/.bin"), os.environ["PATH"])
        environment = own_environment(
            {
                "AWS_ENDPOINT_URL": self.outputs["endpoint_url"],
                "CDK_DISABLE_CLI_TELEMETRY": "true",
                "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
                "PYTHONPATH": os.pathsep.join((str(ROOT / "functions"), str(ROOT / "infra"), str(ROOT))),
                "PATH": os.pathsep.join(path),
            }
        )
        done = subprocess.run(
            ["cdk", command, *arguments, "--no-notices", "--no-version-reporting"],  # noqa: S607 - the project's own
            # where cdk.json is, for its context; elsewhere it would find an app to synthesize
            cwd=ROOT if command == "synth" else directory,
            env=environment,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]

    def accepted(self) -> list[dict[str, Any]]:
        """All that the simulated SES accepted so far, in order."""
        while True:
            # what was seen is not asked for again: some of it is large
            query = {"next": str(len(self._accepted))} if self._accepted else {}
            page = self.simulator.get("messages", params=query).raise_for_status().json()
            self._accepted += page["messages"]
            if page["next"] is None:
                return self._accepted

    def sent_message(self, message_id: str) -> dict[str, Any]:
        """What the simulated SES accepted under a message id."""
        for message in self.accepted():
            if message["message_id"] == message_id:
                return message
        pytest.fail(f"SES never accepted {message_id}")

    def sent_for(self, job_id: str) -> list[dict[str, Any]]:
        """What the simulated SES accepted of a job so far, in order."""
        return [message for message in self.accepted() if message["tags"].get("mailbus-job-id") == job_id]

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


def _once(details: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out repeated events, as a consumer does."""
    first = {detail["event_id"]: detail for detail in reversed(details)}
    return list(first.values())[::-1]


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
    if "system" not in request.fixturenames:
        yield
        return
    system: System = request.getfixturevalue("system")
    before = system.simulator.get("account").raise_for_status().json()
    yield
    system.simulator.delete("faults").raise_for_status()
    now = system.simulator.get("account").raise_for_status().json()
    if changed := {name: before[name] for name in LIMITS if before[name] != now[name]}:
        system.change_account(**changed)
