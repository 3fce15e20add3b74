"""What the ledger knows of a job: how many of its mails wait, are in doubt, were accepted or failed."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from mailbus.errors import SendError
from mailbus.ledger import items
from mailbus.ledger.records import DUE_SLACK_SECONDS, JobRecord, RecordKey
from mailbus.ledger.table import LedgerTable
from mailbus_cli import aws_errors
from mailbus_cli.status_words import AnyStatus, by_status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mailbus_cli.deployment import Deployment

UNREADABLE: Final = "the ledger cannot be read"
# the waits that end only when the account may send again
_HELD: Final = frozenset({"paused", "quota"})


class JobState(msgspec.Struct, frozen=True, kw_only=True):
    """A job by the ledger.

    `counts` are of its mails by status, problems first; mails in parts of a large merge that no worker has
    taken yet are not among them, `waiting_parts` is how many such parts there are. `errors` are the codes of
    mails that failed. Times are epoch seconds: `due` is when a scheduled job is sent, `accepted_at` when SES
    accepted its first mail, `remembered_until` when the ledger forgets it.
    """

    job_id: str
    status: AnyStatus
    counts: dict[AnyStatus, int]
    message_ids: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    due: float | None = None
    accepted_at: float | None = None
    parts: int = 0
    waiting_parts: int = 0
    tags: tuple[str, ...] = ()
    remembered_until: int = 0


def read_job(deployment: Deployment, job_id: str, *, now: float | None = None) -> JobState | None:
    """Return what the ledger knows of a job; None if it knows nothing, or nothing any more."""
    return state_of(read_records(deployment, job_id), now=time.time() if now is None else now)


def read_records(deployment: Deployment, job_id: str) -> list[JobRecord]:
    """Return the ledger's records of a job, of the whole and of its parts."""
    try:
        return [items.read(item) for item in _items(deployment, job_id)]
    except (ClientError, BotoCoreError) as error:
        raise aws_errors.explain(error).as_error(UNREADABLE) from error


def job_of_message(deployment: Deployment, message_id: str) -> str | None:
    """Return the id of the job that a message is of; None if the ledger does not have it."""
    table = LedgerTable(deployment.client("dynamodb"), deployment.output("LedgerTableName"))
    try:
        found = table.get([items.message_key(message_id)])
    except SendError as error:
        cause = error.__cause__
        if isinstance(cause, (ClientError, BotoCoreError)):
            raise aws_errors.explain(cause).as_error(UNREADABLE) from error
        raise
    return items.read_message(found[0])[1].key.job_id if found else None


def _items(deployment: Deployment, job_id: str) -> Iterator[Mapping[str, Any]]:
    """Yield the items of a job, of the whole and of its parts.

    `KeyConditions` as in `mailbus.timeline.table`, where the reason is.
    """
    client, table = deployment.client("dynamodb"), deployment.output("LedgerTableName")
    key = items.key_item(RecordKey(job_id=job_id))["pk"]
    start: dict[str, Any] = {}
    while True:
        answer = client.query(
            TableName=table,
            ConsistentRead=True,
            KeyConditions={"pk": {"ComparisonOperator": "EQ", "AttributeValueList": [key]}},
            **start,
        )
        yield from answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return
        start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


def state_of(records: Iterable[JobRecord], *, now: float) -> JobState | None:
    """Return the state of a job by its records, of the whole and of its parts; None if all have expired."""
    kept = [record for record in records if record.expires_at > now]
    if not kept:
        return None
    counts = by_status(Counter(status for record in kept for status in statuses(record, now)).elements())
    begun = sum(record.key.part is not None for record in kept)
    parts = sum(record.parts for record in kept)
    waiting = max(parts - begun, 0)
    due = [record.due for record in kept if record.due is not None and record.state == "scheduled"]
    accepted = [record.accepted_at for record in kept if record.accepted_at]
    return JobState(
        job_id=kept[0].key.job_id,
        status=next(iter(counts), "waiting"),
        counts=counts,
        message_ids=tuple(one for record in kept for one in record.accepted.values()),
        errors=tuple(sorted({code for record in kept for code in record.failed.values()})),
        due=min(due, default=None),
        accepted_at=min(accepted, default=None),
        parts=parts,
        waiting_parts=waiting,
        tags=next((record.tags for record in kept if record.tags), ()),
        remembered_until=max(record.expires_at for record in kept),
    )


def statuses(record: JobRecord, now: float) -> list[AnyStatus]:
    """Return the status of each mail of a record."""
    return [_status(record, entry, now) for entry in range(record.entries)]


def _status(record: JobRecord, entry: int, now: float) -> AnyStatus:
    if entry in record.accepted:
        return "queued"
    if record.state == "cancelled":
        return "cancelled"
    if entry in record.unknown or entry in record.failed or record.state == "failed":
        return "not_sent"
    if entry in record.open:
        # a worker that calls SES just now, or one that got no answer
        return "waiting" if record.lease_until > now else "in_doubt"
    if record.state == "scheduled" and record.due is not None and record.due > now + DUE_SLACK_SECONDS:
        return "scheduled"
    return "held" if record.attempts.keys() & _HELD else "waiting"
