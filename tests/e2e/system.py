"""The deployed stacks as an application, a receiving server and an operator see them."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import uuid
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import httpx
import pytest

from inbound import decryption
from mailbus.ledger.records import JobRecord, RecordKey
from mailbus.ledger.table import LedgerTable
from mailbus_local.cdk_commands import node_options
from mailbus_local.ministack import own_environment
from tests.architecture.source_tree import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mailbus_local.subscriber import Aws, Subscriber

T = TypeVar("T")

# Only against hanging, so that a busy machine has the time it needs: what a killed worker had is invisible
# for 90 seconds, then in doubt for 120.
LIMIT_SECONDS = 300.0
POLL_SECONDS = 0.05
IDS = ("job_id", "message_id")
# The bucket of the examples; the stage `local` lets jobs refer to it.
SOURCE_BUCKET = "mailbus-example-files"


def eventually(probe: Callable[[], T], what: str) -> T:
    """Call `probe` until its answer is true, and return it; fail with `what` if it never is."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while not (answer := probe()):
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(POLL_SECONDS)
    return answer


class System:
    """The stacks that `make local` deployed, with a subscriber that collects all events of the bus."""

    def __init__(self, aws: Aws, subscriber: Subscriber) -> None:
        self.outputs: Mapping[str, Any] = aws.outputs
        self.client = aws.client
        self._subscriber = subscriber
        self._events = _Events()
        self._sqs = aws.client("sqs")
        self._sns = aws.client("sns")
        self._s3 = aws.client("s3")
        self._lambda = aws.client("lambda")
        self._dynamodb = aws.client("dynamodb")
        self._logs = aws.client("logs")
        self._ledger = LedgerTable(self._dynamodb, aws.outputs["LedgerTableName"])
        self._accepted: list[dict[str, Any]] = []
        self._dead_letters: dict[str, list[dict[str, Any]]] = {}
        self.simulator = httpx.Client(base_url=f"{aws.outputs['ses_endpoint_url']}/_simulator/", timeout=120)
        self._s3.create_bucket(Bucket=SOURCE_BUCKET)

    def close(self) -> None:
        self.simulator.close()

    # --- jobs

    def job(self, **fields: object) -> dict[str, Any]:
        """Return a valid job, changed by `fields`, with an id of its own."""
        return {
            "job_id": f"job-{uuid.uuid4().hex}",
            "from_email": "Shop <shop@example.com>",
            "to": ["success@simulator.amazonses.com"],
            "subject": "Your order",
            "text": "It is on its way.",
            **fields,
        }

    def send(self, **fields: object) -> str:
        """Enqueue a valid job, changed by `fields`; return its id."""
        job = self.job(**fields)
        self.enqueue(json.dumps(job))
        return str(job["job_id"])

    def enqueue(self, body: str, output: str = "SendQueueUrl") -> str:
        """Put a body on a send queue; return its SQS message id."""
        answer = self._sqs.send_message(QueueUrl=self.outputs[output], MessageBody=body)
        return str(answer["MessageId"])

    def enqueue_together(self, bodies: list[str], output: str = "SendQueueUrl") -> list[str]:
        """Put bodies on a send queue, ten in a call; return their SQS message ids."""
        ids = []
        for start in range(0, len(bodies), 10):
            entries = [
                {"Id": str(index), "MessageBody": body}
                for index, body in enumerate(bodies[start : start + 10])
            ]
            answer = self._sqs.send_message_batch(QueueUrl=self.outputs[output], Entries=entries)
            assert not answer.get("Failed")
            ids += [
                sent["MessageId"] for sent in sorted(answer["Successful"], key=lambda sent: int(sent["Id"]))
            ]
        return ids

    def put_object(self, bucket: str, key: str, body: bytes) -> dict[str, str]:
        """Put an object into a bucket; return the reference to it that jobs use."""
        self._s3.put_object(Bucket=bucket, Key=key, Body=body)
        return {"bucket": bucket, "key": key}

    # --- the ledger

    def ledger_record(self, job_id: str, part: int | None = None) -> JobRecord | None:
        """Return the ledger's record of a job, if there is one."""
        key = RecordKey(job_id=job_id, part=part)
        return self._ledger.find([key]).get(key)

    def wait_for_record(self, job_id: str, matches: Callable[[JobRecord], bool]) -> JobRecord:
        """Wait until the ledger's record of a job is as wanted; return it."""

        def probe() -> JobRecord | None:
            record = self.ledger_record(job_id)
            return record if record is not None and matches(record) else None

        record = eventually(probe, f"a record of {job_id} as wanted")
        assert record is not None
        return record

    # --- events

    def details(self, **wanted: object) -> list[dict[str, Any]]:
        """Return the details of the events so far whose fields are as wanted; repeated ones once."""
        return _without_repetitions(self._events.matching(self._subscriber.events, wanted))

    def wait(self, count: int, **wanted: object) -> list[dict[str, Any]]:
        """Wait for at least `count` events whose fields are as wanted; repeated ones count once."""
        self.wait_until(lambda _: len(self.details(**wanted)) >= count)
        found = self.details(**wanted)
        assert len(found) >= count, f"{len(found)} of {count} events with {wanted}"
        return found

    def wait_for_copies(self, count: int, **wanted: object) -> list[dict[str, Any]]:
        """Wait for at least `count` events whose fields are as wanted; each copy of one counts."""
        self.wait_until(lambda events: len(self._events.matching(events, wanted)) >= count)
        found = self._events.matching(self._subscriber.events, wanted)
        assert len(found) >= count, f"{len(found)} of {count} copies of events with {wanted}"
        return found

    def whole_events(self) -> tuple[dict[str, Any], ...]:
        return self._subscriber.events

    def wait_until(self, enough: Callable[[tuple[dict[str, Any], ...]], bool]) -> bool:
        """Wait until the events so far are enough; False if they never are."""
        return self._subscriber.wait(enough, LIMIT_SECONDS)

    def publish(self, topic: str, message: str) -> None:
        """Publish on a topic (`TrackingTopicArn`, `InboundTopicArn`) as SES does."""
        self._sns.publish(TopicArn=self.outputs[topic], Message=message)

    # --- queues

    def dead_letter(self, output: str, needle: str) -> dict[str, Any]:
        """Wait for the dead letter whose body contains `needle`; it is taken from the queue."""
        kept = self._dead_letters.setdefault(output, [])

        def probe() -> dict[str, Any] | None:
            found = next((letter for letter in kept if needle in letter["body"]), None)
            if found is None:
                kept.extend(self._take_dead_letters(output))
            return found

        letter = eventually(probe, f"a dead letter with {needle!r} in {output}")
        assert letter is not None
        kept.remove(letter)
        return letter

    def _take_dead_letters(self, output: str) -> list[dict[str, Any]]:
        """Take letters from a queue, those of other tests too, since the first ones would hide the rest."""
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

    def count_dead_letters(self, output: str) -> int:
        """Return how many dead letters there are now."""
        return self.message_count(self.outputs[output], "") + len(self._dead_letters.get(output, []))

    def message_count(self, url: str, *states: str) -> int:
        """Return how many messages a queue has, by state: "" (visible), "NotVisible" and "Delayed"."""
        names = [f"ApproximateNumberOfMessages{state}" for state in states]
        answer = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)

    def wait_until_empty(self, output: str) -> None:
        """Wait until a queue has no messages, in flight and delayed ones included."""
        url = self.outputs[output]
        eventually(lambda: not self.message_count(url, "", "NotVisible", "Delayed"), f"{output} is empty")

    # --- the account and the deployment

    def account(self) -> dict[str, Any]:
        """Return the state of the simulated SES account."""
        state: dict[str, Any] = self.simulator.get("account").raise_for_status().json()
        return state

    def change_account(self, **limits: float | bool) -> None:
        """Set limits of the account; all workers know them when this returns."""
        self.simulator.put("account", json=limits).raise_for_status()
        # what a worker read before the change expires
        time.sleep(self.outputs["rate_cache_seconds"] + POLL_SECONDS)

    def add_faults(self, *rules: Mapping[str, Any]) -> None:
        """Have the simulated SES answer with faults; they end with the test."""
        self.simulator.post("faults", json=list(rules)).raise_for_status()

    @contextlib.contextmanager
    def deployed_with(self, function: str, **variables: str) -> Iterator[None]:
        """Change a function's environment variables for a while; a whole deployment would take long."""
        name = self.function_name(function)
        before = self._lambda.get_function_configuration(FunctionName=name)["Environment"]["Variables"]

        def configure(environment: Mapping[str, str]) -> None:
            if function == "Tracker":
                # a worker that is busy meanwhile is killed, and its messages stay invisible for long
                self.wait_until_empty("TrackingQueueUrl")
            self._lambda.update_function_configuration(
                FunctionName=name, Environment={"Variables": environment}
            )
            eventually(updated, f"{function} is updated")

        def updated() -> bool:
            found = self._lambda.get_function_configuration(FunctionName=name)
            return bool(found["LastUpdateStatus"] == "Successful")

        configure({**before, **variables})
        try:
            yield
        finally:
            configure(before)

    def wait_for_log(self, function: str, text: str) -> None:
        """Wait until a function's log has a text; what an invocation logged is there once it has ended."""
        eventually(lambda: self.count_in_log(function, text), f"{text} in the log of {function}")

    def count_in_log(self, function: str, text: str) -> int:
        """Return how many events of a function's log have a text."""
        configuration = self._lambda.get_function_configuration(FunctionName=self.function_name(function))
        found = self._logs.filter_log_events(
            logGroupName=configuration["LoggingConfig"]["LogGroup"], filterPattern=f'"{text}"'
        )
        return len(found["events"])

    def function_name(self, function: str) -> str:
        [name] = [
            found["FunctionName"]
            for found in self._lambda.list_functions()["Functions"]
            if f"{function}Function" in found["FunctionName"]
        ]
        return str(name)

    def deploy(self, assembly: Path, outputs: Path) -> None:
        """Deploy the stacks of an assembly by the CDK command line, and have their outputs written."""
        path = (str(Path(sys.executable).parent), str(ROOT / "node_modules/.bin"), os.environ["PATH"])
        environment = own_environment(
            {
                "AWS_ENDPOINT_URL": self.outputs["endpoint_url"],
                "CDK_DISABLE_CLI_TELEMETRY": "true",
                "NODE_OPTIONS": node_options(os.environ),
                "PATH": os.pathsep.join(path),
            }
        )
        done = subprocess.run(
            [
                *("cdk", "deploy", "--app", str(assembly), "--all", "--require-approval", "never"),
                *("--method", "direct", "--concurrency", "2", "--outputs-file", str(outputs)),
                *("--no-notices", "--no-version-reporting"),
            ],
            # the project's root has a cdk.json, whose app would be synthesized
            cwd=assembly.parent,
            env=environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]

    # --- mail

    def accepted(self) -> list[dict[str, Any]]:
        """Return everything that the simulated SES accepted so far, in order."""
        while True:
            # what was read is not asked for again: some of it is large
            query = {"next": str(len(self._accepted))} if self._accepted else {}
            page = self.simulator.get("messages", params=query).raise_for_status().json()
            self._accepted += page["messages"]
            if page["next"] is None:
                return self._accepted

    def sent_message(self, message_id: str) -> dict[str, Any]:
        """Return what the simulated SES accepted under a message id."""
        for message in self.accepted():
            if message["message_id"] == message_id:
                return message
        pytest.fail(f"SES never accepted {message_id}")

    def sent_for(self, job_id: str) -> list[dict[str, Any]]:
        """Return what the simulated SES accepted of a job so far, in order."""
        return [message for message in self.accepted() if message["tags"].get("mailbus-job-id") == job_id]

    def receive(self, raw: bytes, *recipients: str, sender: str = "ada@example.org") -> str:
        """Let a mail arrive; return SES's message id."""
        answer = self.simulator.post(
            "inbound",
            params={"mail_from": sender, "rcpt_to": recipients or ("support@inbound.example.com",)},
            content=raw,
        ).raise_for_status()
        return str(answer.json()["message_id"])

    def raw_mail(self, event: dict[str, Any]) -> bytes:
        """Return a received mail as it arrived: SES has encrypted it, unless it came in a notification."""
        stored = self._s3.get_object(Bucket=event["raw"]["bucket"], Key=event["raw"]["key"])
        content: bytes = stored["Body"].read()
        if not decryption.is_encrypted(stored["Metadata"]):
            return content
        envelope = decryption.read_envelope(stored["Metadata"])
        key = self.client("kms").decrypt(
            KeyId=self.outputs["InboundKeyArn"],
            CiphertextBlob=envelope.wrapped_key,
            EncryptionContext=envelope.context,
        )
        return decryption.decrypt(envelope, key["Plaintext"], content)


class _Events:
    """The details of all events, with those of a job or a mail by its id: there are thousands."""

    def __init__(self) -> None:
        self._all: list[dict[str, Any]] = []
        self._by_id: dict[tuple[str, object], list[dict[str, Any]]] = defaultdict(list)

    def matching(self, events: Sequence[dict[str, Any]], wanted: dict[str, object]) -> list[dict[str, Any]]:
        """Return the details whose fields are as wanted. `events` has those of the last call and new ones."""
        for event in events[len(self._all) :]:
            self._all.append(event["detail"])
            for name in IDS:
                self._by_id[name, event["detail"].get(name)].append(event["detail"])
        known = next((self._by_id[name, wanted[name]] for name in IDS if name in wanted), self._all)
        return [one for one in known if all(one.get(name) == value for name, value in wanted.items())]


def _without_repetitions(details: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out repeated events, as a consumer does."""
    first = {detail["event_id"]: detail for detail in reversed(details)}
    return list(first.values())[::-1]
