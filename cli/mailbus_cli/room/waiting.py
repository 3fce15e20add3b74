"""The edge to jobs that wait on the laptop: those of its ledger, with what is known of their content."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from mailbus.errors import InvalidJob
from mailbus.jobs.job import envelopes
from mailbus.jobs.job_id import schedule_name
from mailbus.jobs.parsing import parse_job
from mailbus.ledger import items
from mailbus_cli.room.kept import Kept
from mailbus_cli.room.ledger_jobs import LedgerJob, jobs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailbus.ledger.records import JobRecord
    from mailbus_cli.deployment import Deployment
    from mailbus_cli.room.subjects import Subjects

#: Jobs whose content is looked for.
DETAILED: Final = 50
# All records but those of which nothing is left to do. An account's ledger is not read as a whole.
_FILTER: Final[dict[str, Any]] = {
    "FilterExpression": "begins_with(pk, :job) AND (attribute_exists(#open) OR attribute_exists(attempts)"
    " OR attribute_exists(tries) OR attribute_exists(parts) OR #state = :scheduled OR lease_until > :none)",
    "ExpressionAttributeNames": {"#open": "open", "#state": "state"},
    "ExpressionAttributeValues": {
        ":job": {"S": items.JOB_PREFIX},
        ":scheduled": {"S": "scheduled"},
        ":none": {"N": "0"},
    },
}


class _Content(msgspec.Struct, frozen=True, kw_only=True):
    """What a job's schedule says of its mail."""

    recipients: tuple[str, ...] = ()
    subject: str | None = None


class Waiting:
    """The jobs that wait, newest first; of an account there are none."""

    def __init__(self, deployment: Deployment, subjects: Subjects) -> None:
        self._deployment = deployment
        self._subjects = subjects
        self._kept: Kept[tuple[LedgerJob, ...]] = Kept(self._read)
        self._contents: dict[str, _Content] = {}

    def jobs(self) -> tuple[LedgerJob, ...]:
        """Return the jobs that the ledger knows and SES has not accepted yet."""
        return (self._kept.get() or ()) if self._deployment.is_local else ()

    @property
    def known(self) -> tuple[LedgerJob, ...]:
        """The jobs as they were read last."""
        return self._kept.value or ()

    def _read(self) -> tuple[LedgerJob, ...]:
        found = jobs(self._records(), now=time.time())
        return (*self.with_content(found[:DETAILED]), *found[DETAILED:])

    def _records(self) -> Iterator[JobRecord]:
        client, table = self._deployment.client("dynamodb"), self._deployment.output("LedgerTableName")
        start: dict[str, Any] = {}
        while True:
            answer = client.scan(TableName=table, **_FILTER, **start)
            yield from map(items.read, answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def with_content(self, found: tuple[LedgerJob, ...]) -> tuple[LedgerJob, ...]:
        """Return jobs with recipients and subject: of the schedule, or of the message that SES accepted."""
        if not self._deployment.is_local:
            return found
        accepted = self._subjects.of_jobs(job.job_id for job in found)
        known = {
            job.job_id: _Content(recipients=one.recipients, subject=one.subject)
            if (one := accepted.get(job.job_id))
            else self._scheduled(job)
            for job in found
        }
        self._contents = known
        return tuple(
            msgspec.structs.replace(
                job, recipients=known[job.job_id].recipients, subject=known[job.job_id].subject
            )
            for job in found
        )

    def _scheduled(self, job: LedgerJob) -> _Content:
        """Return the content in a job's schedule, which does not change while it exists."""
        if job.due is None:
            return _Content()
        if job.job_id in self._contents:
            return self._contents[job.job_id]
        try:
            schedule = self._deployment.client("scheduler").get_schedule(
                # the group has the name of the stage's other resources
                GroupName=self._deployment.output("EventBusName"),
                Name=schedule_name(job.job_id),
            )
            parsed = parse_job(schedule["Target"]["Input"], job.job_id)
        except (ClientError, BotoCoreError, InvalidJob):
            # of a short delay there is none, and of a large job it has a reference
            return _Content()
        to = tuple(dict.fromkeys(each for one in envelopes(parsed) for each in one.recipients))
        return _Content(recipients=to, subject=parsed.subject)
