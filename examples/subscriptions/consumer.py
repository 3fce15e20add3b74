"""A consumer: records addresses that must not be used again, jobs that failed, and clicked links.

Events are delivered at least once, and again by a replay. The only effect of an event is one item, and its
key contains the event's id, so that a repeated event finds its item in the table.
"""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING, Any

import boto3
import msgspec
from aws_lambda_powertools import Logger

from mailbus.addresses import address_key
from mailbus.errors import InvalidEvent
from mailbus.events import JOB_ID_CONFLICT, AnyEvent, Bounce, EmailEvent, parse

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """An item of the table. `about` is `address#<address>` or `job#<job id>`, `what` is event type and id."""

    about: str
    what: str
    at: str


class Notes:
    """The table of notes. Applications check it for an address before they send to it."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def add(self, note: Note) -> bool:
        """Write a note; False if it already exists."""
        try:
            self._client.put_item(
                TableName=self._table,
                Item={"about": {"S": note.about}, "what": {"S": note.what}, "at": {"S": note.at}},
                ConditionExpression="attribute_not_exists(about)",
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True


def note_of(event: AnyEvent) -> Note | None:
    """Return the note to write about an event, if any."""
    match event:
        # Unsubscribed and suppressed addresses bounce permanently too, but may be valid for other mail.
        case EmailEvent(
            event_type="bounced",
            recipient=str(address),
            reject_reason="bounced",
            bounce=Bounce(type="Permanent"),
        ):
            about = f"address#{address_key(address)}"
        # If SES names several recipients, one of them complained: all of them are noted.
        case EmailEvent(event_type="complained", recipient=str(address), reject_reason="spam"):
            about = f"address#{address_key(address)}"
        case EmailEvent(event_type="clicked", job_id=str(job_id), bot="unlikely" | None):
            about = f"job#{job_id}"
        # A conflict is of another job, which was enqueued with the id of this one.
        case EmailEvent(event_type="failed" | "rejected", job_id=str(job_id), error_code=code) if (
            code != JOB_ID_CONFLICT
        ):
            about = f"job#{job_id}"
        case _:
            return None
    return Note(about=about, what=f"{event.event_type}#{event.event_id}", at=event.timestamp.isoformat())


class Wiring(msgspec.Struct, frozen=True, kw_only=True):
    """The clients of the function."""

    notes: Notes
    log: Logger


@functools.cache
def wire() -> Wiring:
    """Read the environment and create the client, once per process."""
    return Wiring(notes=Notes(boto3.client("dynamodb"), os.environ["TABLE_NAME"]), log=Logger())


def lambda_handler(event: dict[str, Any], _context: object) -> None:
    """Handle one event of the bus; Lambda retries failures, then sends the event to the dead-letter queue."""
    consume(event, wire())


def consume(event: dict[str, Any], wiring: Wiring) -> None:
    """Parse the event, write its note, and log its id only: addresses do not belong in logs."""
    try:
        parsed = parse(event)
    except InvalidEvent as error:
        wiring.log.error("event is not valid", reason=str(error))  # noqa: TRY400 - the traceback says no more
        raise
    note = note_of(parsed)
    outcome = "ignored" if note is None else "noted" if wiring.notes.add(note) else "repeated"
    wiring.log.info(outcome, event_id=parsed.event_id, event_type=parsed.event_type)
