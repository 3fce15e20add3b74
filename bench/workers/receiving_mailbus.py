"""Receives the mail in a file as the inbound function does, in a process of its own."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bench.support import fresh_process
from bench.support.received_mail import BUCKET, ENVELOPE, FileS3
from inbound.aws.kms import Keys
from inbound.aws.s3 import Bucket
from inbound.receive import receive
from mailbus.aws.sqs import Record
from mailbus.bus_entries import BusEntry
from mailbus.environment import InboundSettings

if TYPE_CHECKING:
    from collections.abc import Callable


def receiving(path: Path) -> Callable[[], object]:
    """Return the work; it ends the process if there is no event."""
    settings = InboundSettings(
        event_bus_name="mailbus",
        dead_letter_queue_url="https://sqs.eu-west-1.amazonaws.com/000000000000/mailbus-dead-letters",
        inbound_bucket_name=BUCKET,
        raw_prefix="raw/",
        parts_prefix="parts/",
        max_receives=10,
    )
    s3 = FileS3(path)
    bucket = Bucket(s3, BUCKET)  # type: ignore[arg-type] # what of S3 is used
    keys = Keys(None)  # type: ignore[arg-type] # the mail is not encrypted
    record = Record(message_id="1", receipt_handle="1", body=json.dumps(ENVELOPE), receive_count=1)

    def work() -> None:
        made = receive(record, settings, bucket, keys)
        if not isinstance(made, BusEntry) or s3.written < path.stat().st_size // 2:
            sys.exit("the mail was not received, so there is nothing to compare")

    return work


if __name__ == "__main__":
    fresh_process.report(receiving(Path(sys.argv[1])))
