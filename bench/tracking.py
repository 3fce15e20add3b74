"""From an SQS body to the bytes for the bus, against the JSON work that nothing can avoid."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Final

from bench.pairs import Comparison, compare
from mailbus.events import entry
from mailbus.sns import parse_notification
from tracking.normalize import normalize

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EVENTS: Final = 2000
TOPIC: Final = "arn:aws:sns:us-east-1:000000000000:tracking"
MAIL: Final = {
    "timestamp": "2026-11-22T10:00:00.000Z",
    "messageId": "0100019ab2c3d4e5-3d0f3a5e-0000-4000-8000-000000000000-000000",
    "source": "shop@example.com",
    "sourceArn": "arn:aws:ses:us-east-1:000000000000:identity/example.com",
    "sendingAccountId": "000000000000",
    "destination": ["jane@example.net"],
    "headersTruncated": False,
    "headers": [
        {"name": "From", "value": "Shop <shop@example.com>"},
        {"name": "To", "value": "jane@example.net"},
        {"name": "Subject", "value": "Your order"},
        {"name": "X-Tag", "value": "receipt"},
        {"name": "X-Metadata", "value": '{"order": 1001}'},
    ],
    "commonHeaders": {"from": ["Shop <shop@example.com>"], "to": ["jane@example.net"]},
    "tags": {"ses:configuration-set": ["mailbus-local"], "mailbus-job-id": ["order-1001"]},
}
DELIVERY: Final = {
    "eventType": "Delivery",
    "mail": MAIL,
    "delivery": {
        "timestamp": "2026-11-22T10:00:01.000Z",
        "processingTimeMillis": 812,
        "recipients": ["jane@example.net"],
        "smtpResponse": "250 2.6.0 Message received",
        "reportingMTA": "a8-70.smtp-out.amazonses.com",
    },
}
BODY: Final = json.dumps(
    {
        "Type": "Notification",
        "MessageId": "8f2c1d7e-2b1a-5d1e-9c3f-4f5a6b7c8d9e",
        "TopicArn": TOPIC,
        "Message": json.dumps(DELIVERY),
        "Timestamp": "2026-11-22T10:00:01.100Z",
    }
)


def measure() -> Iterator[Comparison]:
    """Compare with two decodes and one encode by the standard library, which is all a script would do."""
    yield compare(
        f"{EVENTS} delivery events, envelope in, bus entry out",
        ("tracking", lambda: _timed(_normalize)),
        ("json.loads twice, json.dumps once", lambda: _timed(_floor)),
    )


def _timed(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    for _ in range(EVENTS):
        work()
    return time.perf_counter() - start


def _normalize() -> list[object]:
    report = normalize(parse_notification(BODY), topic_arn=TOPIC)
    return [entry(event, report.resources) for event in report.events]


def _floor() -> str:
    return json.dumps(json.loads(json.loads(BODY)["Message"]))
