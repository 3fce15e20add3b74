"""The tracking function's part of the ledger: it records the acceptances that SES's events report.

It needs no rights but `dynamodb:BatchGetItem` and `dynamodb:UpdateItem`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailbus.ledger import items, tracking_health
from mailbus.ledger.table import assignments

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailbus.ledger.records import JobRecord, RecordKey, SentEntry
    from mailbus.ledger.table import LedgerTable


class Acceptances:
    """Finds the jobs of SES's messages, and records which of their entries SES accepted.

    Each method raises a retryable `SendError` if the table does not answer.
    """

    def __init__(self, table: LedgerTable) -> None:
        self._table = table

    def find(self, keys: Iterable[RecordKey]) -> dict[RecordKey, JobRecord]:
        """Return the records of these keys as they are now."""
        return self._table.find(keys)

    def find_messages(self, message_ids: Iterable[str]) -> dict[str, SentEntry]:
        """Return the entries that SES's messages were sent for; what was never indexed is left out."""
        found = self._table.get(items.message_key(message_id) for message_id in dict.fromkeys(message_ids))
        return dict(items.read_message(item) for item in found)

    def index_message(self, message_id: str, sent: SentEntry, expires_at: int) -> None:
        """Index a message whose id the sender did not learn."""
        expression, values = assignments(items.message_fields(sent, expires_at))
        self._table.update(items.message_key(message_id), expression, values)

    def mark_accepted(self, key: RecordKey, entry: int, message_id: str, at: float) -> bool:
        """Record that SES accepted an entry; false if that is known already, or the job is not known."""
        refused = self._table.update(
            items.key_item(key),
            f"SET #accepted.#{entry} = :id, accepted_at = if_not_exists(accepted_at, :at) ADD version :one",
            {":id": {"S": message_id}, ":at": items.number(at), ":one": items.number(1)},
            condition=f"attribute_exists(pk) AND attribute_not_exists(#accepted.#{entry})",
        )
        return refused is None

    def note_processed(self, now: float, oldest: float) -> None:
        """Record that reports were processed, the oldest of which came onto the queue at `oldest`."""
        tracking_health.note_processed(self._table, now, oldest)
