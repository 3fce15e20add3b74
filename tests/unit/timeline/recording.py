"""The timeline's function on a fake DynamoDB and SQS, with the events of a shop's mail as records."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import msgspec
from aws_lambda_powertools import Logger

from mailbus.aws.sqs import Record
from mailbus.environment import TimelineSettings
from mailbus.timeline import items
from mailbus.timeline.table import TimelineTable
from tests.unit.fakes.clients import DEAD_LETTERS, FakeSqs
from tests.unit.fakes.dynamodb import FakeDynamoDb
from tests.unit.mailbus.whole_events import whole
from timeline.batch import Recorder, process
from timeline.wiring import recorder

if TYPE_CHECKING:
    from mailbus.events import EmailEvent, InboundEvent

NOW: Final = 1_795_000_000.25
TABLE: Final = "mailbus-dev-timeline"
RECEIVES: Final = 10
SETTINGS: Final = TimelineSettings(
    timeline_table_name=TABLE, timeline_days=30, dead_letter_queue_url=DEAD_LETTERS, max_receives=RECEIVES
)


def body(event: EmailEvent | InboundEvent, **others: Any) -> str:
    return json.dumps(whole(json.loads(msgspec.json.encode(event)), **others))


def record(body_: str, number: int = 1, **more: Any) -> Record:
    return Record(message_id=f"message-{number}", receipt_handle=f"handle-{number}", body=body_, **more)


class Function:
    """The function's batches, and what a reader of its table finds. `now` is its clock."""

    def __init__(self) -> None:
        self.dynamodb = FakeDynamoDb(table=TABLE, indexes=items.INDEXES)
        self.sqs = FakeSqs()
        self.now = NOW
        self.logged = io.StringIO()
        self.table = TimelineTable(self.dynamodb, TABLE, clock=lambda: self.now)  # type: ignore[arg-type] # a fake

    def recorder(self, seconds: float = 60) -> Recorder:
        return recorder(
            SETTINGS,
            seconds,
            dynamodb=self.dynamodb,  # type: ignore[arg-type] # a fake
            sqs=self.sqs,  # type: ignore[arg-type] # a fake
            log=Logger(service=f"timeline-{uuid4()}", stream=self.logged),
            now=lambda: self.now,
            sleep=lambda _: None,
        )

    def process(self, *records: Record) -> list[str]:
        """Process a batch; return the ids of what is retried."""
        return [failed.message_id for failed in process(records, self.recorder())]

    def record(self, *events: EmailEvent | InboundEvent) -> list[str]:
        return self.process(*(record(body(event), number) for number, event in enumerate(events)))

    def stored(self) -> str:
        """Everything that the table holds, as text, with the entries of events as they are read."""
        kept = [
            items.read_event(item).entry if "entry" in item else item for item in self.dynamodb.items.values()
        ]
        return json.dumps(kept)
