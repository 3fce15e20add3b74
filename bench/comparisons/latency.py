"""From end to end through the deployed stacks on the embedded AWS, at a low and steady rate.

The baseline is a function that one writes with boto3 alone, on a queue of its own in the same system: a
message for Mailbus and one for it take turns. What both share is the embedded AWS's own: its queues, topics
and rules, how it asks the queues, and how it starts and calls functions. A message's time ends when the
simulated SES accepts the mail, or when the bus's rule has put the event on a queue.
"""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import smtplib
import tempfile
import time
import uuid
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx

import bench.workers
from bench.results import percentile, result
from bench.support.received_mail import RECEIVED
from bench.world.notifications import DELIVERY, JANE, mail_object
from mailbus.events import JOB_ID_TAG
from mailbus_local import stage
from mailbus_local.embedded import EmbeddedAws

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from bench.results import Result

    Send = Callable[[str], object]

MESSAGES: Final = 200
#: So many for Mailbus, and as many for the bare function, each second.
RATE: Final = 6.0
#: Messages that are sent at once before, and not counted, so that all workers of the functions have started.
WARM_UP: Final = 40
PARTS: Final = (0.5, 0.99)
# only against hanging
LIMIT_SECONDS: Final = 120.0
POLL_SECONDS: Final = 0.2
NAME: Final = "bench-bare"
TO: Final = "success@simulator.amazonses.com"
JOB: Final[Mapping[str, object]] = {
    "from_email": "Shop <shop@example.com>",
    "subject": "Your order",
    "text": "It is on its way.",
}
EMAIL: Final = (
    "From: Jane Doe <jane@example.org>\r\nTo: support@inbound.example.com\r\nSubject: {key}\r\n"
    "Date: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{key}@example.org>\r\n\r\nWhere is my order?\r\n"
)
#: The function's rights, in a policy: it must not be denied anything.
RIGHTS: Final = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["ses:*", "events:*", "sqs:*", "logs:*"], "Resource": "*"}],
}


class System:
    """The system with the bare function, its queue and topic, and a queue for what comes to the bus."""

    def __init__(self, aws: EmbeddedAws) -> None:
        self.outputs: Mapping[str, Any] = aws.outputs
        self.sqs, self.sns, events = aws.client("sqs"), aws.client("sns"), aws.client("events")
        self._simulator = httpx.Client(base_url=f"{aws.outputs['ses_endpoint_url']}/_simulator/", timeout=60)
        bus = aws.outputs["EventBusName"]
        self._bus_queue, bus_queue_arn = self._queue("bench-bus")
        for source in ("mailbus", "bench"):
            events.put_rule(
                Name=f"bench-{source}", EventBusName=bus, EventPattern=json.dumps({"source": [source]})
            )
            events.put_targets(
                Rule=f"bench-{source}", EventBusName=bus, Targets=[{"Id": "queue", "Arn": bus_queue_arn}]
            )
        self.bare_queue, bare_queue_arn = self._queue(NAME)
        self.bare_topic = self.sns.create_topic(Name=NAME)["TopicArn"]
        self.sns.subscribe(TopicArn=self.bare_topic, Protocol="sqs", Endpoint=bare_queue_arn)
        _deploy_function(aws, bare_queue_arn, {"BUS": bus})

    def accepted(self) -> dict[str, float]:
        """Return when SES accepted each mail, in epoch seconds, by its job's id."""
        found, token = {}, ""
        while token is not None:
            answer = self._simulator.get("messages", params={"next": token} if token else {})
            page = answer.raise_for_status().json()
            token = page["next"]
            for message in page["messages"]:
                key = message["tags"].get(JOB_ID_TAG) or message["tags"].get("bench")
                found[key] = message["accepted_at"]
        return found

    def on_bus(self) -> dict[str, float]:
        """Return when each event that has not been read came to the bus's queue, by its key."""
        found: dict[str, float] = {}
        while True:
            answer = self.sqs.receive_message(
                QueueUrl=self._bus_queue,
                MaxNumberOfMessages=10,
                MessageSystemAttributeNames=["SentTimestamp"],
            )
            messages = answer.get("Messages", [])
            if not messages:
                return found
            for message in messages:
                detail = json.loads(message["Body"])["detail"]
                key = _key(detail)
                found[key] = int(message["Attributes"]["SentTimestamp"]) / 1000
            entries = [
                {"Id": str(place), "ReceiptHandle": message["ReceiptHandle"]}
                for place, message in enumerate(messages)
            ]
            self.sqs.delete_message_batch(QueueUrl=self._bus_queue, Entries=entries)

    def close(self) -> None:
        """Close the connections."""
        for client in (self.sqs, self.sns, self._simulator):
            client.close()

    def _queue(self, name: str) -> tuple[str, str]:
        anybody = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [anybody]})
        url = self.sqs.create_queue(
            QueueName=name, Attributes={"Policy": policy, "VisibilityTimeout": "120"}
        )["QueueUrl"]
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return url, found["Attributes"]["QueueArn"]


def measure() -> Iterator[Result]:
    """Measure the three ways through Mailbus."""
    directory = Path(tempfile.mkdtemp(prefix="mailbus-bench-"))
    try:
        with (
            EmbeddedAws(directory=directory, settings=stage.PACKAGED, progress=lambda _: None) as aws,
            contextlib.closing(System(aws)) as system,
            smtplib.SMTP(aws.outputs["smtp_host"], aws.outputs["smtp_port"]) as smtp,
        ):
            yield from _measure(
                "a job, from its queue to SES",
                _job(system, system.outputs["SendQueueUrl"], to=[TO]),
                ("a bare function: send_email", _job(system, system.bare_queue, to=TO)),
                system.accepted,
            )
            yield from _measure(
                "a notification, from SES's topic to the bus",
                _notification(system, system.outputs["TrackingTopicArn"]),
                ("a bare function: put_events", _notification(system, system.bare_topic)),
                system.on_bus,
            )
            yield from _measure(
                "a mail, from SMTP to the bus",
                lambda key: smtp.sendmail(
                    "jane@example.org", "support@inbound.example.com", EMAIL.format(key=key)
                ),
                (
                    "a bare function on a topic, without the mail: put_events",
                    _received(system, system.bare_topic),
                ),
                system.on_bus,
            )
    finally:
        shutil.rmtree(directory)


def _measure(
    title: str, own: Send, bare: tuple[str, Send], arrived: Callable[[], Mapping[str, float]]
) -> Iterator[Result]:
    """Send to both in turn; return the percentiles of the times until each arrived."""
    baseline, send_bare = bare
    ways = {"own": own, "bare": send_bare}
    _await(_sent(ways, WARM_UP, interval=0.0), arrived)
    sent = _sent(ways, MESSAGES, interval=1 / RATE)
    at = _await(sent, arrived)
    seconds = {way: [at[key] - moment for key, moment in sent.items() if key.startswith(way)] for way in ways}
    for part in PARTS:
        own_ms, bare_ms = (1000 * percentile(seconds[way], part) for way in ways)
        yield result(
            f"{title}, p{100 * part:.0f}",
            ("through Mailbus", own_ms),
            (baseline, bare_ms),
            unit="ms",
            notes=(f"{MESSAGES} messages each way, {RATE:g} a second",) if part == PARTS[0] else (),
        )


def _sent(ways: Mapping[str, Send], messages: int, *, interval: float) -> dict[str, float]:
    """Send messages each way, one in each interval of seconds; return when, by the message's key."""
    sent: dict[str, float] = {}
    began = time.time()
    for number in range(messages):
        for place, (way, send) in enumerate(ways.items()):
            time.sleep(max(0.0, began + (number + place / len(ways)) * interval - time.time()))
            key = f"{way}-{uuid.uuid4().hex}"
            sent[key] = time.time()
            send(key)
    return sent


def _await(sent: Mapping[str, float], arrived: Callable[[], Mapping[str, float]]) -> Mapping[str, float]:
    """Wait until all have arrived; return when."""
    deadline, at = time.monotonic() + LIMIT_SECONDS, dict(arrived())
    while not at.keys() >= sent.keys():
        assert time.monotonic() < deadline, "some never arrived"  # noqa: S101 - as it says
        time.sleep(POLL_SECONDS)
        at.update(arrived())
    return at


def _job(system: System, queue_url: str, *, to: object) -> Send:
    def send(key: str) -> None:
        system.sqs.send_message(QueueUrl=queue_url, MessageBody=json.dumps({**JOB, "job_id": key, "to": to}))

    return send


def _notification(system: System, topic_arn: str) -> Send:
    def send(key: str) -> None:
        delivered = {"eventType": "Delivery", "mail": mail_object(JANE, message_id=key), "delivery": DELIVERY}
        system.sns.publish(TopicArn=topic_arn, Message=json.dumps(delivered))

    return send


def _received(system: System, topic_arn: str) -> Send:
    def send(key: str) -> None:
        system.sns.publish(TopicArn=topic_arn, Message=json.dumps({**RECEIVED, "mail": {"messageId": key}}))

    return send


def _key(detail: Mapping[str, Any]) -> str:
    """Return the key of an event: of Mailbus, or of SES as the bare function passes it on."""
    if "mail" in detail:
        return str(detail["mail"]["messageId"])
    received = detail["event_type"] == "inbound"
    return str(detail["message"]["subject"] if received else detail["message_id"])


def _deploy_function(aws: EmbeddedAws, queue_arn: str, environment: Mapping[str, str]) -> None:
    """Create the bare function with its role, and let it read its queue."""
    iam, functions = aws.client("iam"), aws.client("lambda")
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(
        RoleName=NAME, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )
    iam.put_role_policy(RoleName=NAME, PolicyName=NAME, PolicyDocument=json.dumps(RIGHTS))
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.write(Path(bench.workers.__file__).with_name("bare_function.py"), "bare_function.py")
    functions.create_function(
        FunctionName=NAME,
        Runtime="python3.11",
        Role=role["Role"]["Arn"],
        Handler="bare_function.lambda_handler",
        Code={"ZipFile": code.getvalue()},
        Timeout=60,
        MemorySize=1024,
        Environment={"Variables": dict(environment)},
    )
    functions.get_waiter("function_active_v2").wait(FunctionName=NAME, WaiterConfig={"Delay": 1})
    functions.create_event_source_mapping(FunctionName=NAME, EventSourceArn=queue_arn, BatchSize=10)
    iam.close()
    functions.close()
