"""The tracking function with everything around it, and what it wrote to its log."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from aws_lambda_powertools import Logger

from mailbus.bus import EventBus
from mailbus.dead_letters import DeadLetterQueue
from mailbus.ledger import Ledger
from tests.unit.mailbus.fake_clients import BUS, DEAD_LETTERS, FakeEvents, FakeSqs
from tests.unit.mailbus.fake_dynamodb import TABLE, FakeDynamoDb
from tests.unit.tracking.reports import TOPIC
from tracking import handler

if TYPE_CHECKING:
    import pytest


class World:
    """The fakes, and the wiring made of them."""

    def __init__(
        self,
        events: FakeEvents | None = None,
        sqs: FakeSqs | None = None,
        *,
        metadata_in_headers: bool = True,
    ) -> None:
        self.events = events or FakeEvents()
        self.sqs = sqs or FakeSqs()
        self.dynamodb = FakeDynamoDb()
        self.stream = io.StringIO()
        self.wiring = handler.Wiring(
            topic_arn=TOPIC,
            metadata_in_headers=metadata_in_headers,
            ledger=Ledger(self.dynamodb, TABLE, sleep=lambda _: None),  # type: ignore[arg-type] # a fake
            bus=EventBus(self.events, BUS, sleep=lambda _: None),  # type: ignore[arg-type] # a fake
            dead_letters=DeadLetterQueue(self.sqs, DEAD_LETTERS),  # type: ignore[arg-type] # a fake
            # loggers of one service share the first one's stream
            log=Logger(service=f"tracking-{uuid4()}", stream=self.stream),
        )

    def run(self, monkeypatch: pytest.MonkeyPatch, *bodies: str) -> list[str]:
        """Invoke the function as its queue does; the answer holds the numbers of what goes back."""
        monkeypatch.setattr(handler, "wire", lambda: self.wiring)
        event = {
            "Records": [
                {
                    "messageId": f"record-{number}",
                    "receiptHandle": f"AQEBwJnKyrHigUMZj6rYigCg{number}",
                    "body": body,
                    "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1763630045000"},
                    "eventSource": "aws:sqs",
                }
                for number, body in enumerate(bodies)
            ]
        }
        answer = handler.lambda_handler(event, None)
        return [item["itemIdentifier"] for item in answer["batchItemFailures"]]

    @property
    def details(self) -> list[dict[str, Any]]:
        return [json.loads(entry["Detail"]) for entry in self.events.taken]

    @property
    def kept(self) -> list[tuple[str, str]]:
        return [
            (sent["attributes"]["OriginalMessageId"], sent["attributes"]["Error"]) for sent in self.sqs.sent
        ]
