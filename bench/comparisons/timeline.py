"""A batch of 100 events into the timeline, through boto3 to a DynamoDB with latency, as in the function.

The events are those of 33 mails: queued, sent and delivered. The baseline writes each event and its mail by
a call of its own, one after the other. The notes have the calls per event, the bytes of items and the units.
"""

from __future__ import annotations

import contextlib
import json
import math
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import boto3
import msgspec

from bench.comparisons.tracking import BODIES
from bench.support.comparison import compare
from mailbus.aws import sessions
from mailbus.aws.sns import parse_notification
from mailbus.aws.sqs import Record
from mailbus.bus_entries import bus_entry
from mailbus.side_by_side import in_threads
from mailbus.timeline import items
from mailbus.timeline.mails import merged
from timeline.aws.table import TimelineWrites
from timeline.batch import Recorder, process
from timeline.reading import read
from tracking.normalize import normalize

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from types_boto3_dynamodb.client import DynamoDBClient

    from bench.results import Result

CALL_SECONDS: Final = 0.005
EVENTS: Final = 99
EXPIRES_AT: Final = 1_800_000_000
TOPIC: Final = "arn:aws:sns:eu-west-1:000000000000:mailbus-tracking"
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
UNIT_BYTES: Final = 1024
INDEXES: Final = 3


class _DynamoDb(ThreadingHTTPServer):
    """A DynamoDB that accepts everything after a while, and counts the calls."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.calls = 0


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # an answer of two writes would wait for the acknowledgement of the first
    disable_nagle_algorithm = True
    server: _DynamoDb

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.calls += 1
        time.sleep(CALL_SECONDS)
        content = b'{"UnprocessedItems":{}}'
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Write no log."""


@contextlib.contextmanager
def _dynamodb() -> Iterator[_DynamoDb]:
    with _DynamoDb() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def measure() -> Iterator[Result]:
    """Compare the time of a batch; the function runs as many side by side as its concurrency allows."""
    batch = _batch()
    with _dynamodb() as server:
        client: Any = boto3.client(
            "dynamodb",
            endpoint_url=f"http://127.0.0.1:{server.server_port}",
            region_name="eu-west-1",
            aws_access_key_id="nobody",
            aws_secret_access_key="nothing",  # noqa: S106 - the server takes any
            config=sessions.config(max_attempts=1),
        )
        calls: dict[str, int] = {}

        def together() -> float:
            return _timed(server, calls, "together", lambda: process(batch, _recorder(client)))

        def one_by_one() -> float:
            return _timed(server, calls, "one by one", lambda: _one_by_one(batch, client))

        compared = compare(
            f"an event into the timeline, {1000 * CALL_SECONDS:.0f} ms a call",
            (f"one batch of {EVENTS}", together),
            ("each event by itself", one_by_one),
        )
        client.close()
    speed = f"{1000 / compared.value:.0f} events a second and worker"
    counts = " and ".join(f"{count / EVENTS:.2f} {name}" for name, count in calls.items())
    yield msgspec.structs.replace(compared, notes=(speed, f"calls an event: {counts}", *_sizes(batch)))


def _timed(server: _DynamoDb, calls: dict[str, int], name: str, run: Callable[[], object]) -> float:
    """Return the seconds of one event."""
    before, begun = server.calls, time.perf_counter()
    run()
    seconds = time.perf_counter() - begun
    calls[name] = server.calls - before
    return seconds / EVENTS


def _one_by_one(batch: Sequence[Record], client: DynamoDBClient) -> None:
    for record in batch:
        kept = read(record.body)
        client.put_item(TableName="t", Item=items.event_item(kept.event, kept.group, EXPIRES_AT))
        if kept.mail is not None:
            TimelineWrites(client, "t").update(items.mail_update(kept.mail, EXPIRES_AT))


def _recorder(client: DynamoDBClient) -> Recorder:
    unused: Any = SimpleNamespace(info=lambda *_, **__: None)
    return Recorder(
        table=TimelineWrites(client, "timeline"),
        dead_letters=unused,
        log=unused,
        expires_at=EXPIRES_AT,
        max_receives=10,
        side_by_side=in_threads,
    )


def _batch() -> tuple[Record, ...]:
    """Return the events of mails as they are on the bus, in the order in which they come."""
    entries = [
        json.loads(bus_entry(event).detail) | {"esp_event": json.loads(json.loads(body)["Message"])}
        for body in BODIES
        for event in normalize(
            parse_notification(body), topic_arn=TOPIC, metadata_in_headers=True, trusts_other_topics=False
        ).events[:1]
    ]
    delivered = next(entry for entry in entries if entry["event_type"] == "delivered")
    records = []
    for number in range(EVENTS):
        kind = ("queued", "sent", "delivered")[number % 3]
        message_id = f"0102019a9c1f0a26-{number // 3:08}-41a7-4c0a-9a55-1d3b6d0f7f11-000000"
        detail = {**delivered, "event_type": kind, "event_id": f"{number:032}", "message_id": message_id}
        if kind == "queued":
            detail |= {"esp_event": None, "mta_response": None, "delivery": None}
        body = {
            "version": "0",
            "id": "8f6d5c1e-0a57-4c55-bd6a-9a1a1f6f7a10",
            "detail-type": f"email.{kind}",
            "source": "mailbus",
            "account": "210987654321",
            "time": "2026-11-20T09:14:03Z",
            "region": "eu-west-1",
            "resources": ["arn:aws:ses:eu-west-1:210987654321:identity/shop.example.com"],
            "detail": detail,
        }
        records.append(Record(message_id=f"m{number}", receipt_handle="", body=json.dumps(body)))
    return tuple(records)


def _sizes(batch: Sequence[Record]) -> Iterator[str]:
    """Yield the bytes of the items of one mail, and the write units of all its writes."""
    kept = [read(record.body) for record in batch[:3]]
    events = [_bytes(items.event_item(one.event, one.group, EXPIRES_AT)) for one in kept]
    update = items.mail_update(merged(one.mail for one in kept if one.mail), EXPIRES_AT)
    mail = _bytes({**update.key, **{update.names[f"#{n[1:]}"]: v for n, v in update.values.items()}})
    units = sum(math.ceil(size / UNIT_BYTES) for size in events) + 3 * math.ceil(mail / UNIT_BYTES) + INDEXES
    sizes = ", ".join(map(str, events))
    yield f"bytes: events {sizes}, mail {mail}; {units} write units if each event comes alone"


def _bytes(item: dict[str, Any]) -> int:
    """Return an item's size as DynamoDB counts it.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    return sum(len(name) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: dict[str, Any]) -> int:
    ((kind, held),) = value.items()
    if kind == "M":
        return 3 + sum(1 + len(name) + _value_bytes(inner) for name, inner in held.items())
    return len(held) // 2 + 1 if kind == "N" else len(held if kind == "B" else held.encode())
