"""Receives a mail from an S3 over HTTP with a given number of parallel uploads, in its own process."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import boto3

from bench.support import fresh_process
from bench.support.received_mail import BUCKET, ENVELOPE
from inbound import handler, uploads
from inbound.aws.kms import Keys
from inbound.aws.s3 import Bucket
from inbound.receive import receive
from mailbus.aws import sessions
from mailbus.aws.sqs import Record
from mailbus.bus_entries import BusEntry
from mailbus.environment import InboundSettings

if TYPE_CHECKING:
    from collections.abc import Callable


def receiving(url: str) -> Callable[[], object]:
    """Return the work; it ends the process if there is no event."""
    settings = InboundSettings(
        event_bus_name="mailbus",
        dead_letter_queue_url="https://sqs.eu-west-1.amazonaws.com/000000000000/mailbus-dead-letters",
        inbound_bucket_name=BUCKET,
        raw_prefix="raw/",
        parts_prefix="parts/",
        max_receives=10,
    )
    session = boto3.Session(
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 - not a real key
        region_name="eu-west-1",
    )
    client = session.client("s3", endpoint_url=url, config=sessions.config(max_attempts=handler.MAX_ATTEMPTS))
    bucket = Bucket(client, BUCKET)
    keys = Keys(session.client("kms", endpoint_url=url))
    record = Record(message_id="1", receipt_handle="1", body=json.dumps(ENVELOPE), receive_count=1)

    def work() -> None:
        made = receive(record, settings, bucket, keys)
        if not isinstance(made, BusEntry) or '"event_type":"inbound"' not in made.detail:
            sys.exit("the mail was not received, so there is nothing to measure")

    return work


if __name__ == "__main__":
    uploads.WORKERS = int(sys.argv[2])  # type: ignore[misc] # the number to compare
    fresh_process.report(receiving(sys.argv[1]))
