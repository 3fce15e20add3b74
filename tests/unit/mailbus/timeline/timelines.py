"""A timeline on a fake DynamoDB, with mails as the events of a shop's orders give them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from mailbus.events import EmailEvent, event_id
from mailbus.timeline import items
from mailbus.timeline.mails import TimelineEvent, group_of, mail_of
from mailbus.timeline.table import TimelineTable
from tests.unit.fakes.dynamodb import FakeDynamoDb

if TYPE_CHECKING:
    from mailbus.events import EventType
    from mailbus.timeline.mails import TimelineMail

TABLE: Final = "mailbus-dev-timeline"
NINE: Final = datetime(2026, 11, 29, 9, tzinfo=UTC)
KEEP: Final = int((NINE + timedelta(days=30)).timestamp())


def message(number: int) -> str:
    return f"0100019ab2c3d4e5-{number:08}-0000-4000-8000-000000000000-000000"


def event(event_type: EventType, minute: float = 0, **fields: Any) -> EmailEvent:
    """Return an event of order 1001's mail, `minute` minutes after nine."""
    values: dict[str, Any] = {
        "message_id": message(1),
        "job_id": "order-1001",
        "recipient": "ann@example.com",
        "tags": ("receipt",),
        **fields,
    }
    at = NINE + timedelta(minutes=minute)
    identity = event_id(
        event_type, values["message_id"], values["job_id"], values["recipient"], at.isoformat()
    )
    return EmailEvent(event_type=event_type, event_id=identity, timestamp=at, **values)


def unsent(minute: float = 0, **fields: Any) -> EmailEvent:
    """Return the event of a mail that failed before SES accepted it."""
    more = {"error_code": "InvalidJob", "description": "$.subject: is missing", **fields}
    return event("failed", minute, message_id=None, **more)


class Timeline:
    """Records events as the function does, and reads them back. `now` is the reader's clock."""

    def __init__(self, *, page_items: int = 1000) -> None:
        self.client = FakeDynamoDb(table=TABLE, indexes=items.INDEXES, page_items=page_items)
        self.now = NINE.timestamp()
        self.slept: list[float] = []
        self.table = TimelineTable(
            self.client,  # type: ignore[arg-type] # a fake
            TABLE,
            sleep=self.slept.append,
            clock=lambda: self.now,
        )

    def record(self, *events: EmailEvent, keep: int = KEEP) -> None:
        for one in events:
            mail = mail_of(one)
            if mail is not None:
                self.update(mail, keep)
            kept = TimelineEvent(
                event_id=one.event_id,
                at=one.timestamp,
                recipient=one.recipient,
                entry={"detail": {"event_type": one.event_type, "error_code": one.error_code}},
            )
            self.put(items.event_item(kept, group_of(one), keep))

    def update(self, mail: TimelineMail, keep: int = KEEP) -> None:
        update = items.mail_update(mail, keep)
        self.client.update_item(
            TableName=TABLE,
            Key=update.key,
            UpdateExpression=update.expression,
            ExpressionAttributeNames=update.names,
            ExpressionAttributeValues=update.values,
        )

    def put(self, item: dict[str, Any]) -> None:
        self.client.batch_write_item(RequestItems={TABLE: [{"PutRequest": {"Item": item}}]})
