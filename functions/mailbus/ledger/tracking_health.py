"""Whether SES's reports are processed in time: an item that tracking writes, and that the sender reads.

A mail in doubt may be sent again only if its report would be known by now. While Lambda throttles the
tracking function, and for a while after, older reports still wait in its queue, or are in flight.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from mailbus.ledger import items
from mailbus.ledger.table import assignments

if TYPE_CHECKING:
    from mailbus.ledger.table import LedgerTable

KEY: Final = {"pk": {"S": "tracking"}, "sk": {"S": "health"}}
# A report that waited longer, or a longer time without any, shows that reports may be late. It is more than
# two workers that died with the same report take (infra/mailbus_cdk/settings/doubt.py).
LATE_SECONDS: Final = 60.0


class TrackingHealth(msgspec.Struct, frozen=True, kw_only=True):
    """When reports were last processed, and since when all of them were in time; epoch seconds."""

    processed_at: float = 0.0
    steady_since: float = 0.0

    def is_late(self, now: float) -> bool:
        """Return whether a report that is in the queue may be an old one."""
        return self.processed_at < now - LATE_SECONDS or self.steady_since > now - LATE_SECONDS


def read_health(table: LedgerTable) -> TrackingHealth:
    """Return the health; a retryable `SendError` if DynamoDB does not answer."""
    for item in table.get([KEY]):
        return TrackingHealth(
            processed_at=float(item["processed_at"]["N"]), steady_since=float(item["steady_since"]["N"])
        )
    return TrackingHealth()


def note_processed(table: LedgerTable, now: float, oldest: float) -> None:
    """Record that reports were processed, the oldest of which came onto the queue at `oldest`.

    Raises a retryable `SendError` if DynamoDB does not answer.
    """
    recent = now - LATE_SECONDS
    steady = oldest >= recent and read_health(table).processed_at >= recent
    changed = ("processed_at",) if steady else ("processed_at", "steady_since")
    expression, values = assignments(dict.fromkeys(changed, items.number(now)))
    table.update(KEY, expression, values)
