"""The edge to EventBridge Scheduler: sends a job to its queue again when it is due.

A schedule runs once and deletes itself
(https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-delete.html). The group belongs
to another stack than the sender, so that no redeployment loses a schedule.
"""

from __future__ import annotations

import hashlib
import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from mailbus.aws import sessions
from mailbus.errors import SendError

if TYPE_CHECKING:
    from types_boto3_scheduler.client import EventBridgeSchedulerClient

# https://docs.aws.amazon.com/scheduler/latest/UserGuide/scheduler-quotas.html
INPUT_BYTES: Final = 256 * 1024
RETRY_SECONDS: Final = 24 * 60 * 60
RETRIES: Final = 185


class Schedules:
    """Creates one-time schedules in one group; failed deliveries go to the dead-letter queue."""

    def __init__(
        self,
        client: EventBridgeSchedulerClient,
        *,
        group_name: str,
        role_arn: str,
        dead_letter_queue_arn: str,
    ) -> None:
        self._client = client
        self._group = group_name
        self._role = role_arn
        self._dead_letters = dead_letter_queue_arn

    def create(self, job_id: str, *, due: float, queue_arn: str, body: str) -> None:
        """Have `body` sent to a queue at `due`, in epoch seconds; once, however often this is called.

        Raise a retryable `SendError` if the schedule could not be created.
        """
        moment = datetime.fromtimestamp(math.ceil(due), UTC)
        try:
            self._client.create_schedule(
                Name=schedule_name(job_id),
                GroupName=self._group,
                Description=f"Mailbus: sends the job {job_id}",
                ScheduleExpression=f"at({moment:%Y-%m-%dT%H:%M:%S})",
                ScheduleExpressionTimezone="UTC",
                FlexibleTimeWindow={"Mode": "OFF"},
                ActionAfterCompletion="DELETE",
                Target={
                    "Arn": queue_arn,
                    "RoleArn": self._role,
                    "Input": body,
                    "DeadLetterConfig": {"Arn": self._dead_letters},
                    "RetryPolicy": {
                        "MaximumEventAgeInSeconds": RETRY_SECONDS,
                        "MaximumRetryAttempts": RETRIES,
                    },
                },
            )
        except self._client.exceptions.ConflictException:
            return
        except (ClientError, BotoCoreError) as error:
            reason = "the job's schedule could not be created"
            raise SendError(sessions.error_code(error), reason, retryable=True) from error


def schedule_name(job_id: str) -> str:
    """Return the name of a job's schedule: a job id may be longer than such a name, so it is hashed."""
    return f"job-{hashlib.sha256(job_id.encode()).hexdigest()[:48]}"
