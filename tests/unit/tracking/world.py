"""The tracking function with fakes of all of AWS, and its log."""

from __future__ import annotations

import io
import json
import math
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import msgspec
from aws_lambda_powertools import Logger

from mailbus.aws.sqs import records
from mailbus.environment import TrackingSettings
from mailbus.ledger.claims import Claims
from mailbus.ledger.table import LedgerTable
from tests.unit.fakes.clients import BUS, DEAD_LETTERS, FakeEvents, FakeSqs
from tests.unit.fakes.dynamodb import TABLE, FakeDynamoDb
from tests.unit.fakes.s3 import FakeS3
from tests.unit.tracking.notifications import SNS_TIME, TOPIC
from tracking import wiring
from tracking.batch import process
from tracking.health import HealthNotes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailbus.metrics import Metric
    from tracking.tracker import Tracker

QUEUE = "https://sqs.eu-west-1.amazonaws.com/210987654321/mailbus-dev-tracking"
EVENTS_BUCKET = "mailbus-dev-state-espevents"
MAX_RECEIVES = 10
NOW = datetime.fromisoformat(SNS_TIME).timestamp()
# when a record came onto the queue that is delivered again
SENT_BEFORE = NOW - 24 * 60 * 60
SETTINGS = TrackingSettings(
    event_bus_name=BUS,
    dead_letter_queue_url=DEAD_LETTERS,
    tracking_topic_arn=TOPIC,
    tracking_queue_url=QUEUE,
    ledger_table_name=TABLE,
    max_receives=MAX_RECEIVES,
    events_bucket_name=EVENTS_BUCKET,
    esp_events_prefix="esp-events/",
)


class World:
    """The fakes, and a tracker made of them."""

    def __init__(
        self,
        events: FakeEvents | None = None,
        sqs: FakeSqs | None = None,
        *,
        metadata_in_headers: bool = True,
        index_messages: bool = False,
        publish_sent: bool = True,
    ) -> None:
        self.events = events or FakeEvents()
        self.sqs = sqs or FakeSqs()
        self.dynamodb = FakeDynamoDb()
        self.stream = io.StringIO()
        self.metrics: list[Mapping[Metric, float]] = []
        self.s3 = FakeS3(content_type="application/json")
        self.now = NOW
        self.settings = msgspec.structs.replace(
            SETTINGS,
            metadata_in_headers=metadata_in_headers,
            index_messages=index_messages,
            publish_sent=publish_sent,
        )
        # as in a process that has just recorded it; the records themselves are fresh
        self.health = HealthNotes(noted_at=math.inf)
        # loggers of one service share the first one's stream
        self.log = Logger(service=f"tracking-{uuid4()}", stream=self.stream)
        self.tracker = self.within(math.inf)
        # what the sender does before and after it calls SES
        table = LedgerTable(self.dynamodb, TABLE, sleep=lambda _: None)  # type: ignore[arg-type] # a fake
        self.claims = Claims(table)
        self.indexing_claims = Claims(table, index_messages=True)

    def within(self, seconds: float) -> Tracker:
        """Return the tracker of a batch that has to be done in so many seconds from now."""
        return wiring.tracker(
            self.settings,
            seconds,
            dynamodb=self.dynamodb,  # type: ignore[arg-type] # a fake
            events=self.events,  # type: ignore[arg-type] # a fake
            sqs=self.sqs,  # type: ignore[arg-type] # a fake
            s3=lambda: self.s3,  # type: ignore[arg-type,return-value] # a fake
            health=self.health,
            log=self.log,
            put_metrics=self.metrics.append,
            now=lambda: self.now,
            sleep=lambda _: None,
        )

    def run(
        self,
        *bodies: str,
        receive_count: int = 1,
        seconds: float | None = None,
        sent_at: float | None = None,
    ) -> list[str]:
        """Process a batch of these bodies, in so many seconds or without a limit; return what is requeued."""
        if sent_at is None:
            sent_at = self.now if receive_count == 1 else SENT_BEFORE
        batch = records(
            {
                "Records": [
                    {
                        "messageId": f"record-{number}",
                        "receiptHandle": f"AQEBwJnKyrHigUMZj6rYigCg{number}",
                        "body": body,
                        "attributes": {
                            "ApproximateReceiveCount": str(receive_count),
                            "SentTimestamp": str(round(1000 * sent_at)),
                        },
                        "eventSource": "aws:sqs",
                    }
                    for number, body in enumerate(bodies)
                ]
            }
        )
        requeued = process(batch, self.tracker if seconds is None else self.within(seconds))
        return [record.message_id for record in requeued]

    @property
    def details(self) -> list[dict[str, Any]]:
        return [json.loads(entry["Detail"]) for entry in self.events.taken]

    @property
    def dead_lettered(self) -> list[tuple[str, str]]:
        return [
            (sent["attributes"]["OriginalMessageId"], sent["attributes"]["Error"]) for sent in self.sqs.sent
        ]
