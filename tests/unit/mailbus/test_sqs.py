from __future__ import annotations

from typing import Any

import pytest

from mailbus.errors import ConfigurationError
from mailbus.sqs import Record, batch_response, records


def message(number: int, receives: str = "1") -> dict[str, Any]:
    return {
        "messageId": f"059f36b4-87a3-44ab-83d2-66197583{number:04}",
        "receiptHandle": f"AQEBwJnKyrHigUMZj6rYigCg{number}",
        "body": f'{{"number": {number}}}',
        "attributes": {
            "ApproximateReceiveCount": receives,
            "SentTimestamp": "1763630045000",
            "SenderId": "AIDAIENQZJOLO23YVJ4VO",
            "ApproximateFirstReceiveTimestamp": "1763630045010",
        },
        "messageAttributes": {},
        "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-west-1:210987654321:mailbus-dev-tracking",
        "awsRegion": "eu-west-1",
    }


def test_records_come_in_order_with_their_deliveries_counted() -> None:
    assert records({"Records": [message(1), message(2, receives="3")]}) == (
        Record(
            message_id="059f36b4-87a3-44ab-83d2-661975830001",
            receipt_handle="AQEBwJnKyrHigUMZj6rYigCg1",
            body='{"number": 1}',
            receive_count=1,
            sent_at=1763630045.0,
        ),
        Record(
            message_id="059f36b4-87a3-44ab-83d2-661975830002",
            receipt_handle="AQEBwJnKyrHigUMZj6rYigCg2",
            body='{"number": 2}',
            receive_count=3,
            sent_at=1763630045.0,
        ),
    )


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"Records": None},
        {"Records": [{"Sns": {"Message": "{}"}}]},
        {
            "Records": [
                message(1)
                | {"attributes": {"ApproximateReceiveCount": "often", "SentTimestamp": "1763630045000"}}
            ]
        },
    ],
)
def test_another_source_than_a_queue_is_a_configuration_error(event: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="invoke this function by its queue"):
        records(event)


def test_only_the_failed_messages_go_back() -> None:
    _, second = records({"Records": [message(1), message(2)]})
    assert batch_response([second]) == {
        "batchItemFailures": [{"itemIdentifier": "059f36b4-87a3-44ab-83d2-661975830002"}]
    }


def test_a_good_batch_gives_nothing_back() -> None:
    assert batch_response([]) == {"batchItemFailures": []}
