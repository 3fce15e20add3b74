from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from mailbus import Attachment, Client, SendJob
from tests.unit.fakes.dynamodb import FakeDynamoDb
from tests.unit.mailbus.fake_deployment import (
    QUEUE,
    Bucket,
    Queue,
)

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


NOW = 1795341600.0


ROOT = Path(__file__).resolve().parents[3]


JOB = SendJob(
    job_id="order-1001-receipt",
    from_email="Shop <shop@example.com>",
    to=("Jürgen Müller <juergen@example.net>",),
    subject="Your receipt: € 38.50",
    text="Thank you for your order.",
    tags=("receipt",),
    metadata={"order": 1001},
)


class Deployment:
    """A client of a deployment in memory; waits between tries are noted, not waited."""

    def __init__(self, tags: dict[str, str] | None = None, **fields: Any) -> None:
        self.queue = Queue(tags)
        self.bucket = Bucket()
        self.ledger = FakeDynamoDb()
        self.waits: list[float] = []
        self.client = Client(
            QUEUE,
            sqs=self.queue.client,
            s3=self.bucket.client,
            dynamodb=cast("DynamoDBClient", self.ledger),
            sleep=self.waits.append,
            clock=lambda: NOW,
            **fields,
        )


def numbered(number: int, **fields: Any) -> SendJob:
    return SendJob(
        job_id=f"newsletter-{number}",
        from_email="news@example.com",
        to=f"reader{number}@example.net",
        subject="News",
        **{"text": "The news.", **fields},
    )


def file_of(size: int) -> tuple[Attachment, ...]:
    return (Attachment(content=b"x" * size, filename="report.pdf", content_type="application/pdf"),)


def in_a_process(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(ROOT / "functions")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
