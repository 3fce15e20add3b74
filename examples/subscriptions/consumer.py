"""A consumer: notes who is not to be written to again, and what people clicked.

Events are delivered at least once, and again by a replay. The item written here is all that an event does,
and its key is made of the event's id, so that a repeated event finds its item there already.
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
from mailbus.events import Bounce, EmailEvent, InboundEvent, parse

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """One item of the table. `about` is `address#<address>` or `job#<job id>`, `what` names the event."""

    about: str
    what: str
    at: str


class Notes:
    """The table of notes. Whoever sends looks whether there are any about the address."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def add(self, note: Note) -> bool:
        """Write a note; False where it is there already."""
        try:
            self._client.put_item(
                TableName=self._table,
                Item={"about": {"S": note.about}, "what": {"S": note.what}, "at": {"S": note.at}},
                ConditionExpression="attribute_not_exists(about)",
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True


def note_of(event: EmailEvent | InboundEvent) -> Note | None:
    """Say what is to be noted of an event, if anything."""
    match event:
        # Who left a list, or is on one of SES's own, bounces for good too, and may be written to otherwise.
        case EmailEvent(
            event_type="bounced",
            recipient=str(address),
            reject_reason="bounced",
            bounce=Bounce(type="Permanent"),
        ):
            about = f"address#{address_key(address)}"
        # Of several recipients whom SES names one complained: none of them is written to again.
        case EmailEvent(event_type="complained", recipient=str(address), reject_reason="spam"):
            about = f"address#{address_key(address)}"
        case EmailEvent(event_type="clicked", job_id=str(job_id), bot="unlikely" | None):
            about = f"job#{job_id}"
        case _:
            return None
    return Note(about=about, what=f"{event.event_type}#{event.event_id}", at=event.timestamp.isoformat())


class Wiring(msgspec.Struct, frozen=True, kw_only=True):
    """What the function works with."""

    notes: Notes
    log: Logger


@functools.cache
def wire() -> Wiring:
    """Read the environment and make the client, once per process."""
    return Wiring(notes=Notes(boto3.client("dynamodb"), os.environ["TABLE_NAME"]), log=Logger())


def lambda_handler(event: dict[str, Any], _context: object) -> None:
    """Take one event of the bus; what fails is tried again by Lambda, then kept in the dead-letter queue."""
    consume(event, wire())


def consume(event: dict[str, Any], wiring: Wiring) -> None:
    """Parse, note, and log by id alone: addresses do not belong into logs."""
    try:
        told = parse(event)
    except InvalidEvent as error:
        wiring.log.error("not read", reason=str(error))  # noqa: TRY400 - the traceback says no more
        raise
    note = note_of(told)
    outcome = "ignored" if note is None else "noted" if wiring.notes.add(note) else "repeated"
    wiring.log.info(outcome, event_id=told.event_id, event_type=told.event_type)
