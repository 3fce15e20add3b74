"""The services that a sender calls, without stacks: embedded AWS, simulated SES, ledger, bus and queues.

No function runs in it: the comparison itself calls the sender.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import boto3
import httpx

from mailbus.environment import SenderSettings, to_environment
from mailbus_cdk.settings.tables import Sender as SenderLimits
from mailbus_local import processes
from mailbus_local.ministack import CREDENTIALS, REGION, MiniStack, own_environment
from mailbus_local.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT: Final = Path(__file__).resolve().parents[2]
START_SECONDS: Final = 60.0
DOMAIN: Final = "example.com"
LEDGER: Final = "mailbus-bench-ledger"
BUS: Final = "mailbus-bench"
CONFIGURATION_SET: Final = "mailbus-bench"


class Services:
    """The running services; `environment` has the environment variables of a deployed sender."""

    def __init__(self, aws_url: str, ses_url: str) -> None:
        self.aws_url = aws_url
        self.ses_url = ses_url
        self.simulator = httpx.Client(base_url=f"{ses_url}/_simulator/", timeout=30)
        sqs, dynamodb, ses = self.client("sqs"), self.client("dynamodb"), self.client("sesv2")
        queues = {
            name: sqs.create_queue(QueueName=f"mailbus-bench-{name}")["QueueUrl"]
            for name in ("send", "bulk", "dead-letters", "tracking")
        }
        self.arns = {
            name: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"][
                "QueueArn"
            ]
            for name, url in queues.items()
        }
        keys = {"pk": "HASH", "sk": "RANGE"}
        dynamodb.create_table(
            TableName=LEDGER,
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys.items()],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in keys],
            BillingMode="PAY_PER_REQUEST",
        )
        self.client("events").create_event_bus(Name=BUS)
        ses.create_email_identity(EmailIdentity=DOMAIN)
        ses.create_configuration_set(ConfigurationSetName=CONFIGURATION_SET)
        limits = SenderLimits()
        settings = SenderSettings(
            event_bus_name=BUS,
            dead_letter_queue_url=queues["dead-letters"],
            dead_letter_queue_arn=self.arns["dead-letters"],
            send_queue_url=queues["send"],
            send_queue_arn=self.arns["send"],
            bulk_queue_url=queues["bulk"],
            bulk_queue_arn=self.arns["bulk"],
            tracking_queue_url=queues["tracking"],
            configuration_set_name=CONFIGURATION_SET,
            metadata_in_headers=True,
            jobs_bucket_name="mailbus-bench",
            schedule_group_name="mailbus-bench",
            schedule_role_arn="arn:aws:iam::000000000000:role/mailbus-bench",
            max_attempts=20,
            ledger_table_name=LEDGER,
            ledger_days=limits.ledger_days,
            rate_cache_seconds=60,
            bulk_share=1.0,
            doubt_seconds=limits.doubt_seconds,
            on_unknown=limits.on_unknown,
        )
        self.environment: Mapping[str, str] = {
            **to_environment(settings),
            **CREDENTIALS,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": aws_url,
            "AWS_ENDPOINT_URL_SESV2": ses_url,
            "POWERTOOLS_SERVICE_NAME": "sender",
        }

    def client(self, service: str) -> Any:  # noqa: ANN401 - boto3's clients
        """Return a boto3 client, as an application creates it."""
        return boto3.client(
            service,  # type: ignore[call-overload]  # the stubs know literal names only
            endpoint_url=self.ses_url if service == "sesv2" else self.aws_url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 - not a real key
        )

    def limit(self, *, max_send_rate: float, latency_ms: float, bulk_calls: bool = False) -> None:
        """Set the account's rate and latency, without a daily quota; limit `bulk_calls` to one a second."""
        limits = {
            "max_send_rate": max_send_rate,
            "latency_ms": latency_ms,
            "max_24_hour_send": -1,
            "limit_bulk_calls": bulk_calls,
        }
        self.simulator.put("account", json=limits).raise_for_status()

    def counted(self) -> Mapping[str, float]:
        """Return how much SES accepted and throttled so far."""
        state: Mapping[str, float] = self.simulator.get("account").raise_for_status().json()
        return state


@contextlib.contextmanager
def running() -> Iterator[Services]:
    """Start all services, and stop them in the end."""
    with tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as started:
        scratch = Path(directory)
        ministack = MiniStack(
            port=free_port(), log=scratch / "ministack.log", scratch=scratch, function_environment={}
        )
        ministack.start()
        started.callback(ministack.stop)
        port = free_port()
        ses = processes.start(
            [sys.executable, "-m", "bench.workers.simulated_ses", ministack.url, str(port)],
            environment=own_environment(
                {"PYTHONPATH": os.pathsep.join((str(ROOT / "functions"), str(ROOT / "infra"), str(ROOT)))}
            ),
            directory=scratch,
            log=scratch / "ses.log",
        )
        started.callback(processes.end, ses)
        ministack.wait()
        url = f"http://127.0.0.1:{port}"
        _await_ses(url)
        yield Services(ministack.url, url)


def _await_ses(url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            httpx.get(f"{url}/_simulator/account").raise_for_status()
        except httpx.TransportError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
