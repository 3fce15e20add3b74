"""A Lambda function as one writes it with boto3 alone, the baseline of latency; deployed as one file.

A message of a queue that has a recipient is sent by SES, a notification of SNS is put on the event bus.
"""

from __future__ import annotations

import functools
import json
import os
from typing import Any

import boto3


@functools.cache
def client(service: str) -> Any:  # noqa: ANN401 - a client of boto3
    """Return a client, made once in a process."""
    return boto3.client(service)  # type: ignore[call-overload] # the stubs know literal names only


def lambda_handler(event: dict[str, Any], _context: object) -> None:
    """Handle each message of an SQS event by a call."""
    for record in event["Records"]:
        body = json.loads(record["body"])
        if "to" in body:
            client("sesv2").send_email(
                FromEmailAddress=body["from_email"],
                Destination={"ToAddresses": [body["to"]]},
                Content={
                    "Simple": {
                        "Subject": {"Data": body["subject"]},
                        "Body": {"Text": {"Data": body["text"]}},
                    }
                },
                EmailTags=[{"Name": "bench", "Value": body["job_id"]}],
            )
        else:
            client("events").put_events(
                Entries=[
                    {
                        "Source": "bench",
                        "DetailType": "notification",
                        "Detail": body["Message"],
                        "EventBusName": os.environ["BUS"],
                    }
                ]
            )
