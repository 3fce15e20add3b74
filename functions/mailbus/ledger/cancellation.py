"""The client's part of the ledger: it cancels jobs. It needs no permission but `dynamodb:UpdateItem`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from mailbus.ledger import items
from mailbus.ledger.records import JobRecord, RecordKey, first_version
from mailbus.ledger.table import TRIES, assignments, busy

if TYPE_CHECKING:
    from mailbus.ledger.table import LedgerTable, Refused

Cancellation = Literal["cancelled", "already_cancelled", "too_late"]


def cancel(table: LedgerTable, job_id: str, *, now: float, expires_at: int) -> Cancellation:
    """Cancel a job that is scheduled, or that the ledger does not know.

    The latter is remembered until `expires_at` (epoch seconds), so that the job is not sent when it comes.
    Raises a retryable `SendError`; with the code `Busy` a worker has the job but has not called SES yet:
    retry in a moment.
    """
    key = RecordKey(job_id=job_id)
    for _ in range(TRIES):
        refused = _cancel_scheduled(table, key, now)
        if refused is None:
            return "cancelled"
        record = refused.record
        if record is None or record.expires_at <= now:
            if _cancel_unknown(table, key, now, expires_at) is None:
                return "cancelled"
            # a worker wrote in between: its record decides
            continue
        if record.state == "scheduled" and not record.open:
            break
        return "already_cancelled" if record.state == "cancelled" else "too_late"
    raise busy()


def _cancel_scheduled(table: LedgerTable, key: RecordKey, now: float) -> Refused | None:
    return table.update(
        items.key_item(key),
        "SET #state = :cancelled ADD version :one",
        {
            ":cancelled": {"S": "cancelled"},
            ":scheduled": {"S": "scheduled"},
            ":now": items.number(now),
            ":one": items.number(1),
        },
        condition="#state = :scheduled AND expires_at > :now AND lease_until <= :now"
        " AND attribute_not_exists(#open)",
    )


def _cancel_unknown(table: LedgerTable, key: RecordKey, now: float, expires_at: int) -> Refused | None:
    """Write a record if there is none, or an expired one.

    An update, though it writes all attributes: whoever may cancel need not have the right to put items.
    """
    tombstone = JobRecord(key=key, state="cancelled", version=first_version(now), expires_at=expires_at)
    fields = items.fields(tombstone)
    expression, values = assignments(fields, remove=sorted(items.OPTIONAL - fields.keys()))
    return table.update(
        items.key_item(key),
        expression,
        {**values, ":now": items.number(now)},
        condition="attribute_not_exists(pk) OR expires_at <= :now",
    )
