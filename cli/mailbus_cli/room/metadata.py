"""The edge to the metadata of jobs, which an account's list shows in place of subjects; the ledger has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mailbus.errors import MailbusError
from mailbus.ledger.records import RecordKey
from mailbus.ledger.table import LedgerTable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailbus_cli.deployment import Deployment

#: Jobs whose metadata is kept; then all is read again.
KEPT: Final = 5_000


class Metadata:
    """The metadata of jobs, each read once: it does not change."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._known: dict[str, dict[str, Any]] = {}

    def of(self, job_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Return the metadata by job, of jobs with one message; nothing if the ledger may not be read."""
        wanted = dict.fromkeys(job_ids)
        missing = [RecordKey(job_id=job_id) for job_id in wanted if job_id not in self._known]
        if len(self._known) + len(missing) > KEPT:
            self._known, missing = {}, [RecordKey(job_id=job_id) for job_id in wanted]
        if missing:
            self._read(missing)
        return {job_id: found for job_id in wanted if (found := self._known.get(job_id))}

    def _read(self, keys: list[RecordKey]) -> None:
        table = LedgerTable(self._deployment.client("dynamodb"), self._deployment.output("LedgerTableName"))
        try:
            found = table.find(keys)
        except MailbusError:
            # a list without it is still a list
            return
        for key in keys:
            record = found.get(key)
            self._known[key.job_id] = record.metadata[0] if record and len(record.metadata) == 1 else {}
