"""The edge to jobs that wait on the laptop: those of its ledger, with what is known of their content."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from mailbus.errors import InvalidJob
from mailbus.jobs.job import envelopes
from mailbus.jobs.parsing import content_reference, parse_document
from mailbus.jobs.strict_json import read_document
from mailbus.ledger import items
from mailbus_cli.job_states import read_records
from mailbus_cli.room.kept import Kept
from mailbus_cli.room.ledger_jobs import LedgerJob, jobs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailbus.ledger.records import JobRecord
    from mailbus_cli.deployment import Deployment
    from mailbus_cli.room.subjects import Subjects

#: Jobs whose content is looked for.
DETAILED: Final = 50
#: Schedules that are read.
SCHEDULES: Final = 100
# Records that are looked at in one call: the embedded DynamoDB answers nothing else meanwhile.
STEP: Final = 250
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
_QUEUES: Final = ("SendQueueUrl", "BulkQueueUrl")
_COUNTS: Final = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


class _Content(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a job's mail."""

    job_id: str | None = None
    recipients: tuple[str, ...] = ()
    subject: str | None = None


class Waiting:
    """The jobs that wait, newest first; of an account there are none."""

    def __init__(self, deployment: Deployment, subjects: Subjects) -> None:
        self._deployment = deployment
        self._subjects = subjects
        self._kept: Kept[tuple[LedgerJob, ...]] = Kept(self._read)
        self._scheduled: dict[str, _Content] = {}

    def jobs(self) -> tuple[LedgerJob, ...]:
        """Return the jobs that the ledger knows and SES has not accepted yet."""
        return (self._kept.get() or ()) if self._deployment.is_local else ()

    def _read(self) -> tuple[LedgerJob, ...]:
        """Read the whole ledger only while jobs are on the queues: others are known by their schedules."""
        self._scheduled = self._schedules()
        if self._are_queues_empty():
            scheduled = (one.job_id for one in self._scheduled.values() if one.job_id)
            records = [record for job_id in scheduled for record in read_records(self._deployment, job_id)]
        else:
            records = list(self._records())
        found = jobs(records, now=time.time())
        return (*self.with_content(found[:DETAILED]), *found[DETAILED:])

    def _are_queues_empty(self) -> bool:
        sqs = self._deployment.client("sqs")
        return not any(
            int(count)
            for queue in _QUEUES
            for count in sqs.get_queue_attributes(
                QueueUrl=self._deployment.output(queue), AttributeNames=list(_COUNTS)
            )["Attributes"].values()
        )

    def _records(self) -> Iterator[JobRecord]:
        client, table = self._deployment.client("dynamodb"), self._deployment.output("LedgerTableName")
        start: dict[str, Any] = {}
        while True:
            answer = client.scan(TableName=table, Limit=STEP, **_FILTER, **start)
            yield from map(items.read, answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def with_content(self, found: tuple[LedgerJob, ...]) -> tuple[LedgerJob, ...]:
        """Return jobs with recipients and subject: of the schedule, or of the message that SES accepted."""
        if not self._deployment.is_local or not found:
            return found
        accepted = self._subjects.of_jobs(job.job_id for job in found)
        by_job = {one.job_id: one for one in self._scheduled.values()} | {
            job_id: _Content(recipients=one.recipients, subject=one.subject)
            for job_id, one in accepted.items()
        }
        known = [(job, by_job.get(job.job_id, _Content())) for job in found]
        return tuple(
            msgspec.structs.replace(job, recipients=one.recipients, subject=one.subject) for job, one in known
        )

    def _schedules(self) -> dict[str, _Content]:
        """Return what schedules will put on the queues, by name; one does not change while it exists."""
        scheduler = self._deployment.client("scheduler")
        # the group has the name of the stage's other resources
        group = self._deployment.output("EventBusName")
        listed = scheduler.list_schedules(GroupName=group, MaxResults=SCHEDULES)["Schedules"]
        return {
            name: self._scheduled.get(name) or self._content(group, name)
            for name in (s["Name"] for s in listed)
        }

    def _content(self, group: str, name: str) -> _Content:
        try:
            body = self._deployment.client("scheduler").get_schedule(GroupName=group, Name=name)["Target"][
                "Input"
            ]
            document = read_document(body)
            job_id = document.get("job_id")
            if content_reference(document) is not None:
                # a large job, which is in S3
                return _Content(job_id=str(job_id))
            parsed = parse_document(document, str(job_id))
        except (ClientError, BotoCoreError, InvalidJob):
            return _Content()
        to = tuple(dict.fromkeys(each for one in envelopes(parsed) for each in one.recipients))
        return _Content(job_id=parsed.job_id, recipients=to, subject=parsed.subject)
