"""The edge to the metadata of jobs, which an account's list shows in place of subjects; the ledger has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mailbus.errors import MailbusError
from mailbus.ledger.records import RecordKey
from mailbus.ledger.table import LedgerTable
from mailbus_cli.room.recently_used import RecentlyUsed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailbus.ledger.records import JobRecord
    from mailbus_cli.deployment import Deployment

#: Jobs whose metadata is kept.
KEPT: Final = 5_000


class Metadata:
    """The metadata of jobs, each read once: it does not change."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._known: RecentlyUsed[dict[str, Any]] = RecentlyUsed(KEPT)

    def of(self, job_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Return the metadata by job, of jobs with one message; nothing if the ledger may not be read."""
        known = {job_id: self._known.get(job_id) for job_id in job_ids}
        missing = [RecordKey(job_id=job_id) for job_id, metadata in known.items() if metadata is None]
        found = known | (self._read(missing) if missing else {})
        return {job_id: metadata for job_id, metadata in found.items() if metadata}

    def _read(self, keys: list[RecordKey]) -> dict[str, dict[str, Any]]:
        table = LedgerTable(self._deployment.client("dynamodb"), self._deployment.output("LedgerTableName"))
        try:
            found = table.find(keys)
        except MailbusError:
            # a list without it is still a list
            return {}
        read = {key.job_id: _only(found.get(key)) for key in keys}
        for job_id, metadata in read.items():
            self._known.keep(job_id, metadata)
        return read


def _only(record: JobRecord | None) -> dict[str, Any]:
    return record.metadata[0] if record and len(record.metadata) == 1 else {}
