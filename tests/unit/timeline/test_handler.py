from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mailbus_cdk.limits import TIMELINE
from tests.unit.fakes.lambda_context import FakeLambdaContext
from tests.unit.mailbus.timeline.timelines import event, message
from tests.unit.timeline.recording import Function, body
from timeline import handler, wiring

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> Iterator[Function]:
    made = Function()
    monkeypatch.setattr(handler, "wire", lambda: made.recorder)
    yield made
    wiring.wire.cache_clear()


def sqs_record(number: int, text: str) -> dict[str, Any]:
    return {
        "messageId": f"message-{number}",
        "receiptHandle": f"handle-{number}",
        "body": text,
        "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1795000000000"},
        "messageAttributes": {},
        "eventSourceARN": "arn:aws:sqs:eu-west-1:210987654321:mailbus-dev-timeline",
    }


def test_a_batch_is_recorded_and_only_what_failed_is_returned(function: Function) -> None:
    function.dynamodb.unprocessed = [1] * 4
    batch = {"Records": [sqs_record(n, body(event("sent", recipient=f"u{n}@example.com"))) for n in range(3)]}
    context: Any = FakeLambdaContext(TIMELINE.timeout_seconds)
    assert handler.lambda_handler(batch, context) == {"batchItemFailures": [{"itemIdentifier": "message-2"}]}
    assert len(function.table.by_message(message(1))) == 3


def test_the_clients_are_wired_once_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_DEFAULT_REGION": "eu-west-1",
        "TIMELINE_TABLE_NAME": "mailbus-dev-timeline",
        "TIMELINE_DAYS": "30",
        "DEAD_LETTER_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/210987654321/mailbus-dev-timeline-dead",
        "MAX_RECEIVES": "10",
    }.items():
        monkeypatch.setenv(name, value)
    wiring.wire.cache_clear()
    try:
        assert wiring.wire() is wiring.wire()
        assert wiring.wire()(30.0).max_receives == 10
    finally:
        wiring.wire.cache_clear()


def test_the_last_calls_of_a_batch_end_within_its_time() -> None:
    assert TIMELINE.timeout_seconds / 2 > wiring.WRITE_SECONDS
