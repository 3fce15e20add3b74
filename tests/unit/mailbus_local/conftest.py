from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import uuid
from typing import TYPE_CHECKING, Any

import boto3
import httpx
import pytest
from botocore.config import Config

from mailbus_local.ses.server import SimulatedSes, SimulatorSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REGION = "us-east-1"
ACCOUNT = "000000000000"
STARTUP_SECONDS = 60
WAIT_SECONDS = 15


def _client(service: str, url: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )


@pytest.fixture(scope="session")
def ministack() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = {**os.environ, "GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "ministack"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _await(lambda: _answers(url), STARTUP_SECONDS)
        yield url
    finally:
        process.terminate()
        process.wait()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/_ministack/health").is_success
    except httpx.HTTPError:
        return False


def _await(holds: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "not ready in time"


class Lab:
    """The simulator with its clients; `topic` and `configuration_set` are new for each test."""

    def __init__(self, simulator: SimulatedSes, upstream_url: str) -> None:
        self.simulator = simulator
        self.sesv2 = _client("sesv2", simulator.url)
        self.ses = _client("ses", simulator.url)
        self.sns = _client("sns", upstream_url)
        self.sqs = _client("sqs", upstream_url)
        self.s3 = _client("s3", upstream_url)
        self.kms = _client("kms", upstream_url)
        self.http = httpx.Client(base_url=f"{simulator.url}/_simulator", timeout=30)
        self.topic = ""
        self.configuration_set = ""
        self._queue = ""

    def close(self) -> None:
        self.http.close()
        for client in (self.sesv2, self.ses, self.sns, self.sqs, self.s3, self.kms):
            client.close()

    def renew(self) -> None:
        """Set the control side back and make a topic, its queue and a configuration set."""
        self.http.delete("/faults")
        limits = {
            "max_send_rate": 1_000_000,
            "max_24_hour_send": -1,
            "sending_enabled": True,
            "production_access": True,
            "latency_ms": 0,
            "sent_last_24_hours": 0,
        }
        assert self.http.put("/account", json=limits).is_success
        name = f"t{uuid.uuid4().hex}"
        self.topic = self.sns.create_topic(Name=name)["TopicArn"]
        self._queue = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        self.sns.subscribe(
            TopicArn=self.topic,
            Protocol="sqs",
            Endpoint=f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}",
            Attributes={"RawMessageDelivery": "true"},
        )
        self.configuration_set = name
        self.sesv2.create_configuration_set(ConfigurationSetName=name)

    def want(self, *event_types: str, enabled: bool = True) -> None:
        """Send these events of the test's configuration set to its topic."""
        self.sesv2.create_configuration_set_event_destination(
            ConfigurationSetName=self.configuration_set,
            EventDestinationName="events",
            EventDestination={
                "Enabled": enabled,
                "MatchingEventTypes": list(event_types),
                "SnsDestination": {"TopicArn": self.topic},
            },
        )

    def told(self, count: int) -> list[str]:
        """Wait for so many messages of the topic."""
        found: list[str] = []
        deadline = time.monotonic() + WAIT_SECONDS
        while len(found) < count and time.monotonic() < deadline:
            answer = self.sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            for message in answer.get("Messages", []):
                found.append(message["Body"])
                self.sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
        assert len(found) >= count, f"only {len(found)} of {count} messages: {found}"
        return found

    def events(self, count: int) -> list[dict[str, Any]]:
        """Wait for so many events; the text that validates a new destination comes before them."""
        texts = [text for text in self.told(count + 1) if text.startswith("{")]
        assert len(texts) == count, texts
        return [json.loads(text) for text in texts]

    def send(
        self,
        *to: str,
        text: str = "Your order 4711 is on its way.",
        tags: tuple[tuple[str, str], ...] = (),
    ) -> str:
        """Send a plain message from the shop."""
        message_id: str = self.sesv2.send_email(
            FromEmailAddress="Shop <shop@example.com>",
            Destination={"ToAddresses": list(to)},
            Content={"Simple": {"Subject": {"Data": "Your order"}, "Body": {"Text": {"Data": text}}}},
            EmailTags=[{"Name": name, "Value": value} for name, value in tags],
            ConfigurationSetName=self.configuration_set,
        )["MessageId"]
        return message_id

    def send_raw(self, raw: bytes, *to: str, **more: str) -> str:
        """Send a message of one's own."""
        message_id: str = self.sesv2.send_email(
            Content={"Raw": {"Data": raw}}, Destination={"ToAddresses": list(to)}, **more
        )["MessageId"]
        return message_id

    def message(self, message_id: str) -> dict[str, Any]:
        """Find an accepted message."""
        token: str | None = None
        while True:
            page = self.http.get("/messages", params={"next": token} if token else {}).json()
            for message in page["messages"]:
                if message["message_id"] == message_id:
                    found: dict[str, Any] = message
                    return found
            token = page["next"]
            assert token, f"{message_id} was not accepted"


@pytest.fixture(scope="session")
def started_lab(ministack: str) -> Iterator[Lab]:
    simulator = SimulatedSes(SimulatorSettings(upstream_url=ministack, region=REGION, account_id=ACCOUNT))
    simulator.start()
    lab = Lab(simulator, ministack)
    lab.sesv2.create_email_identity(EmailIdentity="example.com")
    yield lab
    lab.close()
    simulator.stop()


@pytest.fixture
def lab(started_lab: Lab) -> Lab:
    started_lab.renew()
    return started_lab
