"""EventBridge Scheduler as journeys see it."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mailbus.jobs.fingerprint import fingerprint
from sender.aws.scheduler import schedule_name
from tests.e2e.system import eventually

if TYPE_CHECKING:
    from tests.e2e.system import System


class Scheduler:
    """EventBridge Scheduler, with the deployment's one group."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._client = system.client("scheduler")
        self._group = system.outputs["EventBusName"]

    def wait(self, job_id: str) -> dict[str, Any]:
        """Wait until a job has a schedule; return it."""
        missing = self._client.exceptions.ResourceNotFoundException

        def probe() -> dict[str, Any] | None:
            try:
                found: dict[str, Any] = self._client.get_schedule(
                    GroupName=self._group, Name=schedule_name(job_id)
                )
            except missing:
                return None
            return found

        found = eventually(probe, f"a schedule of {job_id}")
        assert found is not None
        return found

    def exists(self, job_id: str) -> bool:
        listed = self._client.list_schedules(GroupName=self._group, NamePrefix=schedule_name(job_id))
        return bool(listed["Schedules"])

    def make_due(self, job_id: str) -> None:
        """Make a scheduled job due now: its schedule, its body and its ledger record."""
        schedule = self.wait(job_id)
        due = time.time()
        document = json.loads(schedule["Target"]["Input"]) | {"send_at": due}
        self._system.client("dynamodb").update_item(
            TableName=self._system.outputs["LedgerTableName"],
            Key={"pk": {"S": f"job#{job_id}"}, "sk": {"S": "job"}},
            UpdateExpression="SET due = :due, fingerprint = :fingerprint",
            ExpressionAttributeValues={
                ":due": {"N": f"{due:.3f}"},
                ":fingerprint": {"S": fingerprint(document)},
            },
        )
        self._client.update_schedule(
            **{
                field: schedule[field]
                for field in ("Name", "GroupName", "FlexibleTimeWindow", "ActionAfterCompletion")
            },
            ScheduleExpression=f"at({datetime.fromtimestamp(due, UTC):%Y-%m-%dT%H:%M:%S})",
            Target={**schedule["Target"], "Input": json.dumps(document)},
        )

    def wait_until_gone(self, job_id: str) -> None:
        eventually(lambda: not self.exists(job_id), "the schedule is deleted after it ran")
