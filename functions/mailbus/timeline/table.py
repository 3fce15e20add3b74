"""Reads the timeline's table: mails by message, job, recipient and time, and their events.

The indexes hold keys alone: they lead to items, of which those that DynamoDB has yet to delete are left out.
Each read raises `SendError` if DynamoDB does not answer, and `ConfigurationError` if the reader has to change
something.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from mailbus.addresses import address_key
from mailbus.aws import call_errors
from mailbus.chunks import chunked
from mailbus.errors import SendError
from mailbus.events.error_codes import JOB_ID_CONFLICT
from mailbus.timeline import items
from mailbus.timeline.mails import (
    JOB_PREFIX,
    MESSAGE_PREFIX,
    RECEIVED_PREFIX,
    Page,
    ReceivedPage,
    same_recipient,
)
from mailbus.timeline.paging import newest_first, page_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from types_boto3_dynamodb.client import DynamoDBClient

    from mailbus.timeline.mails import ReceivedMail, TimelineEvent, TimelineMail
    from mailbus.timeline.paging import Entry

# Calls that are made side by side; a client has ten connections unless it is made otherwise.
WORKERS: Final = 8
PAGE_LIMIT: Final = 50
# Groups are spread evenly over eight shards: a third of a page from each is nearly always enough.
SHARE: Final = 3
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
KEYS_PER_CALL: Final = 100
TRIES: Final = 6
# our own code of keys that DynamoDB kept leaving unprocessed
UNREAD: Final = "Unread"
BACKOFF_SECONDS: Final = 0.05


class _Group(msgspec.Struct, frozen=True, kw_only=True):
    """All items of a message's mails, or of a job's."""

    held: tuple[dict[str, Any], ...]

    @property
    def position(self) -> str:
        return min(str(item[items.CREATED]["S"]) for item in self.held)


class TimelineTable:
    """Reads one table, with calls side by side. `sleep` takes seconds, `clock` returns epoch seconds."""

    def __init__(
        self,
        client: DynamoDBClient,
        name: str,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._name = name
        self._sleep = sleep
        self._clock = clock
        self._pool = ThreadPoolExecutor(max_workers=WORKERS)

    def by_message(self, message_id: str) -> tuple[TimelineMail, ...]:
        """Return the mails of one of SES's messages, one for each recipient."""
        return self.mails([items.message_group(message_id)])

    def by_job(self, job_id: str) -> tuple[TimelineMail, ...]:
        """Return the mails of a job, newest first.

        One that failed before SES accepted it is left out once there is a message of it.
        """
        return tuple(_newest_first(self._get(self._job_keys(job_id)))) if job_id else ()

    def by_recipient(self, address: str) -> tuple[TimelineMail, ...]:
        """Return the mails to an address, newest first; case does not matter in its domain."""
        keys = self.keys_of(address)
        found = self._get(key for key in keys if _is_of_sent_mail(key))
        mails = _newest_first(found)
        accepted = {mail.job_id for mail in mails if mail.message_id}
        return tuple(
            mail for mail in mails if mail.message_id or not mail.job_id or mail.job_id not in accepted
        )

    def newest(self, before: str | None = None, limit: int = PAGE_LIMIT) -> Page:
        """Return the newest messages with all their recipients; of older ones those below `before`."""
        groups, older = page_of(self._entries(items.SENT_SHARDS, before, limit), limit, self._listed_groups)
        return Page(mails=tuple(mail for group in groups for mail in _newest_first(group.held)), older=older)

    def mails(self, groups: Iterable[str]) -> tuple[TimelineMail, ...]:
        """Return the mails of these groups, whole, in the order of the groups."""
        found = self._pool.map(self._mail_items, dict.fromkeys(groups))
        return tuple(mail for group in found for mail in _newest_first(group))

    def events(self, mail: TimelineMail) -> tuple[TimelineEvent, ...]:
        """Return the events of a mail and of its job's earlier tries, oldest first.

        Those that name no recipient are of each. A job with the same id that was refused is another mail's.
        """
        groups = [mail.group]
        if mail.message_id and mail.job_id:
            groups.append(items.job_group(mail.job_id))
        found = (event for events in self._pool.map(self.group_events, groups) for event in events)
        wanted = (each for each in found if _is_of(each, mail.recipient) and not _is_conflict(each))
        return tuple(sorted(wanted, key=_age))

    def group_events(self, group: str) -> tuple[TimelineEvent, ...]:
        """Return all events of a group, oldest first."""
        return tuple(sorted(map(items.read_event, self.raw_events(group)), key=_age))

    def received(self, before: str | None = None, limit: int = PAGE_LIMIT) -> ReceivedPage:
        """Return the newest received mails; of older ones those below `before`."""
        groups, older = page_of(self._entries(items.RECEIVED_SHARDS, before, limit), limit, self._groups)
        return ReceivedPage(
            mails=tuple(items.read_received(item) for group in groups for item in group.held), older=older
        )

    def received_by_message(self, message_id: str) -> ReceivedMail | None:
        """Return a received mail by SES's message id."""
        found = self._mail_items(f"{RECEIVED_PREFIX}{message_id}")
        return items.read_received(found[0]) if found else None

    @staticmethod
    def is_received(group: str) -> bool:
        """Return True if a group is a received mail."""
        return group.startswith(RECEIVED_PREFIX)

    def items_of(self, keys: Iterable[Any]) -> list[Any]:
        """Return the items of these keys, each given once; those that do not exist are left out."""
        return self._get(keys)

    def raw_events(self, group: str) -> list[Any]:
        """Return the items of a group's events."""
        return self._of_group(group, items.EVENT)

    def keys_of(self, address: str) -> list[Any]:
        """Return the keys of mails to an address, of those received from it, and of events of no mail."""
        return self._keys(items.BY_RECIPIENT, address_key(address)) if address else []

    def back_off(self, attempt: int) -> None:
        """Wait before a retry, longer each time."""
        if attempt:
            self._sleep(BACKOFF_SECONDS * 2**attempt)

    def _groups(self, met: Mapping[str, Sequence[Entry]]) -> dict[str, _Group]:
        """Return whole groups: most messages have one recipient, and are whole with the entries met."""
        keys = [_item_key(entry) for entries in met.values() for entry in entries]
        found: dict[str, list[Any]] = {}
        for item in self._get(keys):
            found.setdefault(item["pk"]["S"], []).append(item)
        partial = [group for group in met if not _is_whole(found.get(group, ()))]
        found |= zip(partial, self._pool.map(self._mail_items, partial), strict=True)
        return {group: _Group(held=tuple(held)) for group, held in found.items() if held}

    def _listed_groups(self, met: Mapping[str, Sequence[Entry]]) -> dict[str, _Group]:
        """Return the groups without those mails of jobs of which there are messages."""
        groups = tuple(met)
        jobs = [group for group in groups if group.startswith(JOB_PREFIX)]
        listed = self._pool.map(lambda group: self._job_keys(group.removeprefix(JOB_PREFIX)), jobs)
        shown = {(key["pk"]["S"], key["sk"]["S"]) for keys in listed for key in keys}
        found = self._groups(met)
        for group in jobs:
            kept = [item for item in found[group].held if _key(item) in shown] if group in found else []
            if kept:
                found[group] = _Group(held=tuple(kept))
            else:
                found.pop(group, None)
        return found

    def _mail_items(self, group: str) -> list[Any]:
        return self._of_group(group, items.MAIL)

    def _of_group(self, group: str, prefix: str) -> list[Any]:
        condition = {"pk": _equals(group), "sk": _condition("BEGINS_WITH", prefix)}
        return [
            item for page in self._pages({"KeyConditions": condition}) for item in page if self._is_kept(item)
        ]

    def _job_keys(self, job_id: str) -> list[Any]:
        """Return the keys of a job's mails, without those of before SES accepted it that are overtaken."""
        keys = self._keys(items.BY_JOB, job_id)
        recipients = {key["sk"]["S"] for key in keys if key["pk"]["S"].startswith(MESSAGE_PREFIX)}
        # the recipients of a job that could not be read are unknown: it is overtaken by any of its messages
        overtaken = recipients | {items.MAIL} if recipients else recipients
        return [
            key
            for key in keys
            if key["pk"]["S"].startswith(MESSAGE_PREFIX) or key["sk"]["S"] not in overtaken
        ]

    def _keys(self, index: str, value: str) -> list[Any]:
        query = {"IndexName": index, "KeyConditions": {items.INDEXES[index]: _equals(value)}}
        return [{name: item[name] for name in ("pk", "sk")} for page in self._pages(query) for item in page]

    def _entries(self, shards: Sequence[str], before: str | None, limit: int) -> Iterator[Entry]:
        walks = [self._pages(_time_query(shard, before, limit)) for shard in shards]
        # the first page of each shard is needed in any case
        begun: list[list[Any]] = list(self._pool.map(lambda walk: next(walk, []), walks))
        return newest_first(_chained(first, walk) for first, walk in zip(begun, walks, strict=True))

    def _pages(self, query: Mapping[str, Any]) -> Iterator[list[Any]]:
        """Yield the pages of a query.

        `KeyConditions` are those of the legacy parameter, which the embedded DynamoDB evaluates five times
        faster than an expression: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/LegacyConditionalParameters.KeyConditions.html
        """
        start: dict[str, Any] = {}
        while True:
            answer = self._call(self._client.query, TableName=self._name, **query, **start)
            yield answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def _get(self, keys: Iterable[Any]) -> list[Any]:
        """Return the items of these keys; those that do not exist are left out."""
        chunks = self._pool.map(self._get_chunk, chunked(keys, KEYS_PER_CALL))
        return [item for chunk in chunks for item in chunk if self._is_kept(item)]

    def _get_chunk(self, keys: list[Any]) -> list[Any]:
        found: list[Any] = []
        for attempt in range(TRIES):
            self.back_off(attempt)
            answer = self._call(self._client.batch_get_item, RequestItems={self._name: {"Keys": keys}})
            found += answer["Responses"].get(self._name, ())
            keys = answer["UnprocessedKeys"].get(self._name, {"Keys": []})["Keys"]
            if not keys:
                return found
        raise SendError(UNREAD, "DynamoDB left keys unread; try again in a moment", retryable=True)

    def _call(self, operation: Callable[..., Any], **request: Any) -> Any:  # noqa: ANN401 - the answer of any call
        try:
            return operation(**request)
        except (ClientError, BotoCoreError) as error:
            permission, grant = call_errors.READ_TIMELINE, call_errors.GRANT_STATUS
            raise call_errors.translated(error, permission, grant=grant) from error

    def _is_kept(self, item: Mapping[str, Any]) -> bool:
        """Return True unless the item has expired: DynamoDB deletes it within days.

        https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/howitworks-ttl.html
        """
        return int(item[items.EXPIRES_AT]["N"]) > self._clock()


def _age(event: TimelineEvent) -> tuple[datetime, str]:
    return event.at, event.event_id


def _is_of(event: TimelineEvent, recipient: str | None) -> bool:
    return not event.recipient or recipient is None or same_recipient(event.recipient, recipient)


def _is_conflict(event: TimelineEvent) -> bool:
    detail = event.entry.get("detail")
    return isinstance(detail, dict) and detail.get("error_code") == JOB_ID_CONFLICT


def _item_key(entry: Entry) -> dict[str, Any]:
    return {"pk": {"S": entry.group}, "sk": {"S": entry.name}}


def _is_whole(held: Sequence[Mapping[str, Any]]) -> bool:
    """Return True if these are all items of a group: a received mail, or as many mails as SES named."""
    if any("received" in item for item in held):
        return True
    return any(int(item["recipients"]["N"]) == len(held) for item in held if "recipients" in item)


def _chained(first: list[Any], rest: Iterator[list[Any]]) -> Iterator[Entry]:
    yield from map(items.read_entry, first)
    for page in rest:
        yield from map(items.read_entry, page)


def _time_query(shard: str, before: str | None, limit: int) -> dict[str, Any]:
    older = {} if before is None else {items.CREATED: _condition("LT", before)}
    return {
        "IndexName": items.BY_TIME,
        "KeyConditions": {items.INDEXES[items.BY_TIME]: _equals(shard), **older},
        "ScanIndexForward": False,
        "Limit": limit // SHARE + 1,
    }


def _equals(value: str) -> dict[str, Any]:
    return _condition("EQ", value)


def _condition(operator: str, value: str) -> dict[str, Any]:
    return {"ComparisonOperator": operator, "AttributeValueList": [{"S": value}]}


def _is_of_sent_mail(key: Mapping[str, Any]) -> bool:
    return key["sk"]["S"].startswith(items.MAIL) and not key["pk"]["S"].startswith(RECEIVED_PREFIX)


def _key(item: Mapping[str, Any]) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]


def _newest_first(found: Iterable[Mapping[str, Any]]) -> list[TimelineMail]:
    ordered = sorted(found, key=lambda item: item[items.CREATED]["S"], reverse=True)
    return [items.read_mail(item) for item in ordered]
