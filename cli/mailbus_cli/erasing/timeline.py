"""Removes a recipient from the timeline: mails and events, and the address from events of other recipients.

What leads to a mail, its item, is removed last, so that a run that is interrupted is repeated.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mailbus.addresses import address_key
from mailbus.chunks import chunked
from mailbus.timeline import items
from mailbus.timeline.mails import JOB_PREFIX, MESSAGE_PREFIX
from mailbus.timeline.table import TimelineTable
from mailbus_cli.erasing.entries import without
from mailbus_cli.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from types_boto3_dynamodb.client import DynamoDBClient

    from mailbus.timeline.mails import TimelineMail

WORKERS: Final = 8
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
WRITES_PER_CALL: Final = 25
TRIES: Final = 6
# Events that arrive meanwhile are removed too, unless they arrive faster than that.
ROUNDS: Final = 5


class Removed(msgspec.Struct, frozen=True, kw_only=True):
    """What was removed, or would be: `rewritten` are events of others that named the address."""

    mails: int = 0
    events: int = 0
    received: int = 0
    rewritten: int = 0

    def plus(self, other: Removed) -> Removed:
        """Return the sums."""
        names = self.__struct_fields__
        return Removed(**{name: getattr(self, name) + getattr(other, name) for name in names})


class Timeline:
    """The timeline of a stage, to search and to remove a recipient from."""

    def __init__(self, client: DynamoDBClient, name: str) -> None:
        self._client = client
        self._name = name
        self._table = TimelineTable(client, name)

    def count(self, address: str) -> int:
        """Return how many mails there are to and from an address, and events of it that are of no mail."""
        return len(self._table.keys_of(address))

    def mails(self, address: str) -> tuple[TimelineMail, ...]:
        """Return the mails to an address, also those that failed and were sent again later."""
        keys = [key for key in self._table.keys_of(address) if key["sk"]["S"].startswith(items.MAIL)]
        groups = dict.fromkeys(key["pk"]["S"] for key in keys)
        sent = [group for group in groups if group.startswith((MESSAGE_PREFIX, JOB_PREFIX))]
        wanted = address_key(address)
        return tuple(
            mail
            for mail in self._table.mails(sent)
            if mail.recipient and address_key(mail.recipient) == wanted
        )

    def remove(self, address: str) -> Removed:
        """Remove all that is of an address, and what arrives meanwhile."""
        removed = Removed()
        with ThreadPoolExecutor(WORKERS) as pool:
            for _ in range(ROUNDS):
                groups: dict[str, list[Any]] = {}
                for key in self._table.keys_of(address):
                    groups.setdefault(key["pk"]["S"], []).append(key)
                now = Removed()
                for one in pool.map(lambda found: self._remove(address, *found), groups.items()):
                    now = now.plus(one)
                if now == Removed():
                    # what the index still names is gone: it is a little behind
                    break
                removed = removed.plus(now)
        return removed

    def _remove(self, address: str, group: str, keys: Sequence[Any]) -> Removed:
        """Remove an address from one message or job, or a received mail."""
        wanted = address_key(address)
        received = self._table.is_received(group)
        recipients = [] if received else [mail.recipient for mail in self._table.mails([group])]
        others = [one for one in recipients if one and address_key(one) != wanted]
        own, rewritten = [], []
        for event in self._table.raw_events(group):
            kept = items.read_event(event)
            recipient = kept.recipient and address_key(kept.recipient)
            if received or recipient == wanted or not (recipient or others):
                own.append(items.key_of(event))
                continue
            entry = without(kept.entry, address)
            if entry != kept.entry:
                rewritten.append(items.with_entry(event, entry))
        self._write({"PutRequest": {"Item": item}} for item in rewritten)
        self._write({"DeleteRequest": {"Key": key}} for key in own)
        # these lead to the others
        self._write({"DeleteRequest": {"Key": key}} for key in keys if key["sk"]["S"].startswith(items.MAIL))
        return Removed(
            mails=sum(1 for one in recipients if one and address_key(one) == wanted),
            received=int(received and bool(own)),
            events=len(own),
            rewritten=len(rewritten),
        )

    def _write(self, requests: Iterable[Any]) -> None:
        for chunk in chunked(requests, WRITES_PER_CALL):
            pending: Any = chunk
            for attempt in range(TRIES):
                self._table.back_off(attempt)
                answer = self._client.batch_write_item(RequestItems={self._name: pending})
                pending = answer["UnprocessedItems"].get(self._name, [])
                if not pending:
                    break
            else:
                reason = "DynamoDB is busy: not everything is removed"
                raise CommandError(reason, hint="run the command again; it goes on where it was")
