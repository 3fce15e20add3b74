"""The processor time of an event in tracking and in the timeline, against a bare call of boto3 for each.

The functions run as they are deployed, against services in another process that answer at once.
"""

from __future__ import annotations

import functools
import io
import os
import time
from typing import TYPE_CHECKING, Any, Final
from unittest import mock

import boto3

from bench.support import successful_services
from bench.support.comparison import compare
from bench.world.notifications import JANE, mail_object, notification
from bench.world.reporting import REPORTS, TIMELINE, TOPIC, TRACKING, bus_event
from bench.world.sender import open_log
from mailbus.aws.sqs import Record
from mailbus.environment import to_environment
from mailbus_cdk import limits
from timeline import batch as timeline_batch
from timeline import wiring as timeline_wiring
from tracking import batch as tracking_batch
from tracking import wiring as tracking_wiring

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bench.results import Result

ROUNDS: Final = 9
BATCH: Final = limits.TRACKING.batch_size
ENVIRONMENT: Final = {
    **to_environment(TRACKING),
    **to_environment(TIMELINE),
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


class _Published:
    """A client of EventBridge that keeps the entries."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - AWS's name
        self.entries += Entries
        return {"FailedEntryCount": 0, "Entries": [{} for _ in Entries]}


def _reports() -> list[Record]:
    """Return a batch of notifications, each kind as often, of mails of their own."""
    kinds = list(REPORTS)
    texts = [
        notification(
            {
                "eventType": kind,
                "mail": mail_object(JANE, message_id=f"0102019a-{number:06}", job_id=f"order-{number}"),
                kind.lower(): REPORTS[kind][0],
            },
            topic=TOPIC,
        )
        for number in range(BATCH)
        for kind in (kinds[number % len(kinds)],)
    ]
    return _records(texts)


def _records(texts: Sequence[str]) -> list[Record]:
    now = time.time()
    return [
        Record(message_id=f"message-{number}", receipt_handle=f"handle-{number}", body=text, sent_at=now)
        for number, text in enumerate(texts)
    ]


def measure() -> Iterator[Result]:
    """Compare batches of both functions with a call for each event."""
    with successful_services.serving() as url:
        for name, (work, call, bare) in _works(url).items():
            yield compare(
                f"processor time of an event in {name}, batches of {BATCH}",
                (name, _timed(work)),
                (f"boto3's {call} for each", _timed(bare)),
                rounds=ROUNDS,
            )


def _timed(work: Callable[[], object]) -> Callable[[], float]:
    """Return a run that returns the seconds of one event."""

    def run() -> float:
        began = time.process_time()
        work()
        return (time.process_time() - began) / BATCH

    return run


def _works(url: str) -> dict[str, tuple[Callable[[], object], str, Callable[[], object]]]:
    """Return the work of each function on a batch, with the name and the work of its baseline."""
    log = open_log(io.StringIO(), level="INFO")
    environment = {**ENVIRONMENT, "AWS_ENDPOINT_URL": url}
    with mock.patch.dict(os.environ, environment):
        dynamodb = boto3.client("dynamodb")
        events: Any = boto3.client("events")
        tracking_wiring.wire.cache_clear()
        # of what was wired, some parts are replaced
        tracking: Any = tracking_wiring.wire("bench")
        tracker = functools.partial(
            tracking, limits.TRACKING.timeout_seconds, log=log, put_metrics=lambda _: None
        )
        tracking_wiring.wire.cache_clear()
        timeline_wiring.wire.cache_clear()
        timeline: Any = timeline_wiring.wire()
        recorder = functools.partial(timeline, limits.TIMELINE.timeout_seconds, log=log)
        timeline_wiring.wire.cache_clear()
    reports, published = _reports(), _Published()
    tracking_batch.process(reports, tracker(events=published))
    entries = published.entries
    recorded = _records([bus_event(entry) for entry in entries])
    item = {"pk": {"S": "message"}, "sk": {"S": "event"}, "detail": {"S": entries[0]["Detail"]}}
    return {
        "tracking": (
            lambda: tracking_batch.process(reports, tracker()),
            "put_events",
            lambda: [events.put_events(Entries=[entry]) for entry in entries],
        ),
        "the timeline": (
            lambda: timeline_batch.process(recorded, recorder()),
            "put_item",
            lambda: [dynamodb.put_item(TableName=TIMELINE.timeline_table_name, Item=item) for _ in recorded],
        ),
    }
